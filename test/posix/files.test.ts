// FIFOs and descriptors: mkfifo, open, read, write and the pipe calls when they succeed.
import { Buffer } from 'node:buffer';
import { constants, lstatSync, openSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { openDescriptors, temporaryDirectory } from './helpers.js';

const { O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;

function opened(path: posix.PathArgument, flags: number, mode?: number): number {
  const fd = posix.open(path, flags, mode);
  onTestFinished(() => {
    posix.close(fd);
  });
  return fd;
}

function withUmask<T>(umask: number, use: () => T): T {
  const before = process.umask(umask);
  try {
    return use();
  } finally {
    process.umask(before);
  }
}

/** The descriptor's flags, as /proc/self/fdinfo has them. */
async function descriptorFlags(fd: number): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const match = /^flags:\s+([0-7]+)$/m.exec(await readFile(`/proc/self/fdinfo/${fd}`, 'utf8'));
  return parseInt(match?.[1] ?? '', 8);
}

const O_CLOEXEC = 0o2000000;

function fifo(): { path: string; reader: number; writer: number } {
  const path = join(temporaryDirectory(), 'fifo');
  posix.mkfifo(path, 0o600);
  return { path, reader: opened(path, O_RDONLY | O_NONBLOCK), writer: opened(path, O_WRONLY | O_NONBLOCK) };
}

describe('mkfifo', () => {
  it('makes a FIFO with the mode, less the umask', () => {
    const directory = temporaryDirectory();
    withUmask(0o027, () => {
      posix.mkfifo(join(directory, 'a'), 0o666);
    });
    withUmask(0, () => {
      posix.mkfifo(join(directory, 'b'), 0o666);
    });
    const [a, b] = [statSync(join(directory, 'a')), statSync(join(directory, 'b'))];
    expect([a.isFIFO(), a.mode & 0o7777]).toEqual([true, 0o640]);
    expect([b.isFIFO(), b.mode & 0o7777]).toEqual([true, 0o666]);
  });

  it('takes a path as a string, a Buffer, a Uint8Array or a file URL', () => {
    const directory = temporaryDirectory();
    posix.mkfifo(join(directory, 'string'), 0o600);
    posix.mkfifo(Buffer.from(join(directory, 'buffer')), 0o600);
    posix.mkfifo(new TextEncoder().encode(join(directory, 'bytes')), 0o600);
    posix.mkfifo(pathToFileURL(join(directory, 'a b%41é')), 0o600);
    expect(readdirSync(directory).sort()).toEqual(['a b%41é', 'buffer', 'bytes', 'string']);
  });

  it('keeps a name that is not UTF-8, in a Buffer and in a URL', () => {
    const directory = temporaryDirectory();
    const name = Buffer.from([0xff, 0xfe, 0x25, 0x80]);
    posix.mkfifo(Buffer.concat([Buffer.from(`${directory}/`), name]), 0o600);
    posix.mkfifo(new URL(`${pathToFileURL(directory).href}/%FF%C0z`), 0o600);
    const names = readdirSync(directory, 'buffer').map((bytes) => bytes.toString('hex'));
    expect(names.sort()).toEqual(['ffc07a', 'fffe2580']);
  });
});

describe('open', () => {
  it('gives a descriptor that is close-on-exec, with the flags asked for', async () => {
    const path = join(temporaryDirectory(), 'file');
    const fd = withUmask(0o022, () => opened(path, O_CREAT | O_RDWR | constants.O_APPEND, 0o660));
    expect((await descriptorFlags(fd)) & (O_CLOEXEC | constants.O_APPEND | O_NONBLOCK | 3)).toBe(
      O_CLOEXEC | constants.O_APPEND | O_RDWR,
    );
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it('opens the read end of a FIFO without a writer, non-blocking', async () => {
    const path = join(temporaryDirectory(), 'fifo');
    posix.mkfifo(path, 0o600);
    const fd = opened(path, O_RDONLY | O_NONBLOCK);
    expect((await descriptorFlags(fd)) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
  });

  it.each([
    ['for reading', O_RDONLY],
    ['for writing', O_WRONLY],
    ['for both', O_RDWR],
    ['with O_CREAT', O_CREAT | O_WRONLY],
    ['with O_TRUNC', O_TRUNC | O_WRONLY],
  ])('refuses a FIFO %s without O_NONBLOCK, by its name and through a link', (_, flags) => {
    const directory = temporaryDirectory();
    posix.mkfifo(join(directory, 'fifo'), 0o600);
    symlinkSync('fifo', join(directory, 'link'));
    const before = openDescriptors();
    for (const name of ['fifo', 'link']) {
      expect(() => posix.open(join(directory, name), flags)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error,
      );
    }
    expect(openDescriptors()).toEqual(before);
  });

  it('does not wake a writer that waits for a reader if it refuses to open', async () => {
    const path = join(temporaryDirectory(), 'fifo');
    posix.mkfifo(path, 0o600);
    const writer = await posix.spawn('sh', ['-c', 'echo waiting > "$0"', path]);
    expect(() => posix.open(path, O_RDONLY)).toThrow(TypeError);
    // The writer still waits, and gets its reader only now. Had the FIFO been opened, it would have written or got SIGPIPE.
    const reader = opened(path, O_RDONLY | O_NONBLOCK);
    await new Promise<void>((resolve) => {
      posix.watchReadable(reader, resolve);
    });
    const bytes = Buffer.alloc(16);
    expect(bytes.toString('utf8', 0, posix.read(reader, bytes))).toBe('waiting\n');
    expect(await writer.exited).toMatchObject({ code: 0 });
  });

  it('does not change O_CREAT, O_TRUNC and O_NOFOLLOW by its own O_NONBLOCK', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'file');
    writeFileSync(path, 'text');
    opened(path, O_CREAT | O_RDWR);
    expect(statSync(path).size).toBe(4);
    const fd = opened(path, O_RDWR | O_TRUNC);
    expect(statSync(path).size).toBe(0);
    expect((await descriptorFlags(fd)) & O_NONBLOCK).toBe(0);
    expect((await descriptorFlags(opened(path, O_CREAT | O_WRONLY))) & O_NONBLOCK).toBe(0);
    opened(path, O_RDONLY | constants.O_NOFOLLOW);
    // open(2) creates what a dangling link names.
    symlinkSync('made', join(directory, 'dangling'));
    opened(join(directory, 'dangling'), O_CREAT | O_RDWR, 0o600);
    expect(lstatSync(join(directory, 'made')).isFile()).toBe(true);
    opened(directory, O_RDONLY | constants.O_DIRECTORY);
    opened('/dev/null', O_RDWR);
  });
});

describe('read and write', () => {
  it('move bytes; read() is 0 if nobody has the FIFO open for writing', () => {
    const path = join(temporaryDirectory(), 'fifo');
    posix.mkfifo(path, 0o600);
    const reader = opened(path, O_RDONLY | O_NONBLOCK);
    const bytes = Buffer.alloc(8);
    expect(posix.read(reader, bytes)).toBe(0);
    const writer = posix.open(path, O_WRONLY | O_NONBLOCK);
    expect(posix.write(writer, Buffer.from('abc'))).toBe(3);
    posix.close(writer);
    expect(posix.bytesReadable(reader)).toBe(3);
    expect(posix.read(reader, bytes.subarray(0, 2))).toBe(2);
    expect(posix.read(reader, bytes.subarray(2))).toBe(1);
    expect(bytes.toString('latin1', 0, 3)).toBe('abc');
    expect(posix.read(reader, bytes)).toBe(0);
  });

  it('fill several buffers in their order', () => {
    const { reader, writer } = fifo();
    posix.write(writer, Buffer.from('abcdefg'));
    const buffers = [Buffer.alloc(3), Buffer.alloc(0), Buffer.alloc(2), Buffer.alloc(8, '-')];
    expect(posix.readv(reader, buffers)).toBe(7);
    expect(buffers.map(String)).toEqual(['abc', '', 'de', 'fg------']);
  });

  it('report an empty pipe without an error, by tryRead()', () => {
    const { reader, writer } = fifo();
    const bytes = Buffer.alloc(8);
    expect(posix.tryRead(reader, bytes)).toBeUndefined();
    posix.write(writer, Buffer.from('x'));
    expect(posix.tryRead(reader, bytes)).toBe(1);
    expect(() => posix.tryRead(writer, bytes)).toThrow(expect.objectContaining({ code: 'EBADF' }) as Error);
  });

  it('write a part if only that has room', () => {
    const { reader, writer } = fifo();
    const capacity = posix.getPipeSize(writer);
    expect(posix.write(writer, Buffer.alloc(capacity + 1))).toBe(capacity);
    expect(posix.bytesReadable(reader)).toBe(capacity);
  });

  it('refuse a descriptor that could block, and accept a file', () => {
    const { path } = fifo();
    const blocking = openSync(path, 'r+');
    onTestFinished(() => {
      posix.close(blocking);
    });
    const refused = expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error;
    expect(() => posix.read(blocking, Buffer.alloc(1))).toThrow(refused);
    expect(() => posix.write(blocking, Buffer.alloc(1))).toThrow(refused);
    const file = opened(join(temporaryDirectory(), 'file'), O_CREAT | O_RDWR);
    expect(posix.write(file, Buffer.from('abc'))).toBe(3);
    expect(posix.read(file, Buffer.alloc(1))).toBe(0);
    expect(posix.bytesReadable(opened('/etc/passwd', O_RDONLY))).toBe(statSync('/etc/passwd').size);
  });
});

describe('the size of a pipe', () => {
  it('is read, and set to the next power of two pages', () => {
    const { reader, writer } = fifo();
    expect(posix.setPipeSize(writer, 100_000)).toBe(131_072);
    expect(posix.getPipeSize(reader)).toBe(131_072);
    expect(posix.setPipeSize(reader, 1)).toBe(4096);
  });
});
