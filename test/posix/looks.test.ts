// Looks at files and reads of small ones by the addon, compared with node:fs.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { lookAt, lookAtOpen, lookIfThere, openAndRead } from '../../src/posix/looks.js';
import { closeOwned } from '../../src/posix/owned.js';
import { temporaryDirectory } from './helpers.js';

/** A directory with a file of each kind. */
function files(): Record<'directory' | 'regular' | 'fifo' | 'link', string> {
  const directory = temporaryDirectory();
  const [regular, fifo, link] = ['regular', 'fifo', 'link'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  fs.writeFileSync(regular, 'text');
  fs.utimesSync(regular, 0, 1_234_567_890.123456);
  posix.mkfifo(fifo, 0o640);
  fs.symlinkSync('regular', link);
  return { directory, regular, fifo, link };
}

describe('a look', () => {
  it.each(['directory', 'regular', 'fifo', 'link'] as const)('says what lstat(2) says of a %s', (kind) => {
    const path = files()[kind];
    const { dev, ino, mtimeNs, mode, uid, size } = fs.lstatSync(path, { bigint: true });
    const time = kind === 'directory' ? [] : [mtimeNs];
    const expected = {
      identity: [dev, ino, ...time].join(':'),
      mode: Number(mode),
      uid: Number(uid),
      sizeBytes: Number(size),
    };
    expect(lookAt(path)).toEqual(expected);
    expect(lookIfThere(path)).toEqual(expected);
    if (kind === 'link') return;
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    expect(lookAtOpen(fd)).toEqual(expected);
    fs.closeSync(fd);
  });

  it('of a file dated before 1970', () => {
    const { regular } = files();
    fs.utimesSync(regular, new Date(0), new Date(-1500));
    expect(lookAt(regular).identity).toMatch(/:-1500000000$/);
  });

  it.each([
    ['ENOENT', () => `${temporaryDirectory()}/missing`],
    ['ENOTDIR', () => `${files().regular}/below`],
    ['ENAMETOOLONG', () => `/${'é'.repeat(2100)}`],
    ['ENAMETOOLONG', () => `/${'x/'.repeat(100_000)}`],
  ])('fails with %s as lstat(2) does', (code, path) => {
    const name = path();
    const refused = expect.objectContaining({ code, syscall: 'lstat', path: name }) as Error;
    expect(() => lookAt(name)).toThrow(refused);
    if (code === 'ENAMETOOLONG') expect(() => lookIfThere(name)).toThrow(refused);
    else expect(lookIfThere(name)).toBeUndefined();
  });

  it('at a closed descriptor is EBADF', () => {
    const fd = fs.openSync('/', 'r');
    fs.closeSync(fd);
    expect(() => lookAtOpen(fd)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'fstat' }) as Error);
  });
});

describe('openAndRead()', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('aé€\u{1f600}\0b\n')],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0xc3, 0x62, 0xe2, 0x82])],
    ['as much as fits on the stack', Buffer.alloc(4096, 'x')],
    ['more', Buffer.alloc(4097, 'x')],
    ['a megabyte', Buffer.alloc(1 << 20, 'y')],
  ])('reads %s as node:fs does', (_, bytes) => {
    const { regular } = files();
    fs.writeFileSync(regular, bytes);
    const { text, fd, ...look } = openAndRead(regular, 1 << 20, false);
    expect(text).toBe(bytes.toString());
    expect(look).toEqual(lookAt(regular));
    expect(fs.readlinkSync(`/proc/self/fd/${fd}`)).toBe(regular);
    expect(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^flags:\s*02\d*$/m);
    closeOwned(fd);
  });

  it('leaves a larger file, or reads its first bytes', () => {
    const { regular } = files();
    expect(openAndRead(regular, 3, false)).toEqual({ ...lookAt(regular), text: undefined, fd: -1 });
    const { text, fd } = openAndRead(regular, 3, true);
    expect(text).toBe('tex');
    closeOwned(fd);
  });

  it.each(['directory', 'fifo'] as const)('reads nothing of a %s, and leaves no descriptor', (kind) => {
    const path = files()[kind];
    const before = fs.readdirSync('/proc/self/fd').length;
    expect(openAndRead(path, 100, true)).toEqual({ ...lookAt(path), text: undefined, fd: -1 });
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it.each([
    ['ELOOP', () => files().link],
    ['ENOENT', () => `${temporaryDirectory()}/missing`],
  ])('fails with %s', (code, path) => {
    const name = path();
    expect(() => openAndRead(name, 1, false)).toThrow(
      expect.objectContaining({ code, syscall: 'open', path: name }) as Error,
    );
  });
});
