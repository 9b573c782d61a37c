/** Small files: private under any umask, replaced as a whole, and read only if they are regular files. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  makeDirectory,
  openUnnamed,
  readText,
  readUnnamed,
  writeFileAtomic,
  writeFileOnce,
  writeNewFile,
} from '../../src/disk/files.js';
import * as posix from '../../src/posix/index.js';
import { test } from '../support/scratch.js';

const modeOf = (path: string): number => fs.statSync(path).mode & 0o777;

test.for([0o000, 0o022, 0o077, 0o777])(
  'files are 0600 and directories 0700 whatever the umask: %o',
  (mask, { scratch }) => {
    const old = process.umask(mask);
    const dir = join(scratch.dir, 'made');
    try {
      makeDirectory(dir);
      writeFileAtomic(join(dir, 'file'), 'x');
      writeNewFile(join(dir, 'new'), 'x');
    } finally {
      process.umask(old);
    }
    expect(modeOf(dir)).toBe(0o700);
    expect(modeOf(join(dir, 'file'))).toBe(0o600);
    expect(modeOf(join(dir, 'new'))).toBe(0o600);
  },
);

test('writeFileOnce makes a file, and leaves one that is there as it is', ({ scratch }) => {
  const path = join(scratch.dir, 'file');
  writeFileOnce(path, 'first');
  expect(modeOf(path)).toBe(0o600);
  writeFileOnce(path, 'second');
  expect(fs.readFileSync(path, 'utf8')).toBe('first');
  expect(fs.readdirSync(scratch.dir).sort()).toEqual(['file', 'state']);
  expect(() => writeFileOnce(join(scratch.dir, 'none', 'file'), 'x')).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
});

test('writeNewFile refuses a name that is taken, and leaves that file and a link as they are', ({ scratch }) => {
  const path = join(scratch.dir, 'file');
  writeNewFile(path, 'first');
  fs.symlinkSync(join(scratch.dir, 'elsewhere'), join(scratch.dir, 'link'));
  for (const taken of [path, join(scratch.dir, 'link')]) {
    expect(() => writeNewFile(taken, 'second')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  }
  expect(fs.readFileSync(path, 'utf8')).toBe('first');
  expect(fs.readdirSync(scratch.dir).sort()).toEqual(['file', 'link', 'state']);
});

test('a file without a name holds what is written on it', ({ scratch }) => {
  const fd = openUnnamed(scratch.dir);
  try {
    expect(readUnnamed(fd, 10)).toBe('');
    fs.writeSync(fd, 'what a child says');
    expect(readUnnamed(fd, 6)).toBe('what a');
    expect(readUnnamed(fd, 100)).toBe('what a child says');
    expect(fs.readdirSync(scratch.dir)).toEqual(['state']);
  } finally {
    fs.closeSync(fd);
  }
});

test('writeFileAtomic replaces the whole file, and leaves no other', ({ scratch }) => {
  const path = join(scratch.dir, 'file');
  writeFileAtomic(path, 'old');
  const before = fs.openSync(path, 'r');
  writeFileAtomic(path, 'new é');
  expect(fs.readFileSync(before, 'utf8')).toBe('old');
  fs.closeSync(before);
  expect(fs.readFileSync(path, 'utf8')).toBe('new é');
  const target = join(scratch.dir, 'dir');
  fs.mkdirSync(target);
  expect(() => writeFileAtomic(target, 'x')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
  expect(fs.readdirSync(scratch.dir).sort()).toEqual(['dir', 'file', 'state']);
});

test('writeFileAtomic replaces a planted link, and does not write through it', ({ scratch }) => {
  const secret = join(scratch.dir, 'secret');
  fs.writeFileSync(secret, 'kept');
  fs.symlinkSync(secret, join(scratch.dir, 'file'));
  writeFileAtomic(join(scratch.dir, 'file'), 'x');
  expect(fs.readFileSync(secret, 'utf8')).toBe('kept');
  expect(fs.lstatSync(join(scratch.dir, 'file')).isFile()).toBe(true);
});

test('readText refuses a link, a FIFO (without waiting for a writer), a directory and what is too large', ({
  scratch,
}) => {
  const path = (name: string): string => join(scratch.dir, name);
  fs.writeFileSync(path('file'), '12345');
  fs.symlinkSync(path('file'), path('link'));
  posix.mkfifo(path('fifo'), 0o600);
  expect(readText(path('file'), 5)).toBe('12345');
  expect(readText(path('file'), 3, 'truncate')).toBe('123');
  const invalid = expect.objectContaining({ code: 'ERR_INVALID_STATE' }) as Error;
  expect(() => readText(path('file'), 4)).toThrow(invalid);
  expect(() => readText(path('fifo'), 5)).toThrow(invalid);
  expect(() => readText(scratch.dir, 5)).toThrow(invalid);
  expect(() => readText(path('link'), 5)).toThrow(expect.objectContaining({ code: 'ELOOP' }));
  expect(() => readText(path('none'), 5)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
