// System calls on files, FIFOs, pipes and locks. Each function is one call; see posix/index.ts.
import { constants } from 'node:os';
import { invalidArgValue } from '../base/arg-errors.js';
import { WOULD_BLOCK } from './addon.js';
import {
  bufferArgument,
  buffersArgument,
  fdArgument,
  modeArgument,
  pathArgument,
  unsignedArgument,
  type PathArgument,
} from './args.js';
import { checked } from './errors.js';
import { addon } from './load.js';

// flock(2): do not wait.
const LOCK_NB = 4;

/**
 * Makes a FIFO.
 * @param mode Permission bits, 0 to 0o7777; the umask takes its share.
 * @throws System error: EACCES, EDQUOT, EEXIST, ELOOP, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR, EPERM, EROFS.
 * @see mkfifo(3)
 */
export function mkfifo(path: PathArgument, mode: number): void {
  const { bytes, text } = pathArgument(path, 'path');
  checked(addon.mkfifo(bytes, modeArgument(mode)), 'mkfifo', { path: text });
}

/**
 * Opens a file, close-on-exec, without ever waiting for the other end of a FIFO.
 * @param flags Any of `fs.constants.O_*`; O_CLOEXEC is added.
 * @param mode Permission bits of a file that is made, 0 to 0o7777; the umask takes its share.
 * @returns The descriptor; the caller closes it.
 * @throws `ERR_INVALID_ARG_VALUE` when `path` is a FIFO and `flags` lack O_NONBLOCK; system errors of open(2), ENXIO for
 * a FIFO opened for writing that nobody reads.
 * @see open(2), fifo(7)
 */
export function open(path: PathArgument, flags: number, mode = 0o666): number {
  const { bytes, text } = pathArgument(path, 'path');
  const fd = addon.open(bytes, unsignedArgument(flags, 'flags'), modeArgument(mode));
  if (fd === WOULD_BLOCK) throw invalidArgValue('flags', flags, 'must have O_NONBLOCK to open a FIFO');
  return checked(fd, 'open', { path: text });
}

/**
 * Closes a descriptor. A watch of it must be stopped first.
 * @throws System error: EBADF; EIO, ENOSPC, EDQUOT for writes that failed late (the descriptor is closed all the same).
 * @see close(2)
 */
export function close(fd: number): void {
  checked(addon.close(fdArgument(fd)), 'close');
}

/** A transfer's result; a descriptor on which it could have slept is the caller's mistake. */
function transferred(result: number, syscall: string, fd: number): number {
  if (result === WOULD_BLOCK) throw invalidArgValue('fd', fd, 'must be open with O_NONBLOCK');
  return checked(result, syscall);
}

/**
 * Reads once, at most `buffer.length` bytes, without waiting.
 * @returns Bytes read; 0 is the end: of a file, or of a FIFO that nobody has open for writing.
 * @throws `ERR_INVALID_ARG_VALUE` when `fd` is not O_NONBLOCK and no file; system error: EAGAIN when there is nothing
 * yet, EBADF, EINVAL, EIO, EISDIR.
 * @see read(2)
 */
export function read(fd: number, buffer: Uint8Array): number {
  return transferred(addon.read(fdArgument(fd), bufferArgument(buffer)), 'read', fd);
}

/**
 * Reads once into several buffers, the first one first, without waiting.
 * @param buffers At most 64.
 * @returns Bytes read, over all of them; 0 is the end, as of read().
 * @throws As read(); `ERR_OUT_OF_RANGE` when there are too many.
 * @see readv(2)
 */
export function readv(fd: number, buffers: readonly Uint8Array[]): number {
  return transferred(addon.readv(fdArgument(fd), buffersArgument(buffers)), 'readv', fd);
}

/**
 * As read() or readv(), where "nothing yet" is no error: to make one costs more than the call.
 * @returns Bytes read, 0 at the end; undefined where those throw EAGAIN.
 * @throws As read() and readv(), but EAGAIN.
 * @see read(2), readv(2)
 */
export function tryRead(fd: number, into: Uint8Array | readonly Uint8Array[]): number | undefined {
  const result =
    into instanceof Uint8Array
      ? addon.read(fdArgument(fd), into)
      : addon.readv(fdArgument(fd), buffersArgument(into, 'into'));
  return result === -constants.errno.EAGAIN ? undefined : transferred(result, 'read', fd);
}

/**
 * Writes once, without waiting; to a pipe, up to 4096 bytes (PIPE_BUF) go whole or not at all.
 * @returns Bytes written, which may be fewer than `buffer.length`.
 * @throws `ERR_INVALID_ARG_VALUE` when `fd` is not O_NONBLOCK and no file; system error: EAGAIN when there is no room,
 * EPIPE when nobody reads, EBADF, EDQUOT, EFBIG, EINVAL, EIO, ENOSPC, EPERM.
 * @see write(2), pipe(7)
 */
export function write(fd: number, buffer: Uint8Array): number {
  return transferred(addon.write(fdArgument(fd), bufferArgument(buffer)), 'write', fd);
}

/**
 * The capacity of a pipe or FIFO in bytes.
 * @throws System error: EBADF (also when it is no pipe).
 * @see fcntl(2), F_GETPIPE_SZ
 */
export function getPipeSize(fd: number): number {
  return checked(addon.getPipeSize(fdArgument(fd)), 'fcntl');
}

/**
 * Changes the capacity of a pipe or FIFO.
 * @param sizeBytes At least this many; the kernel rounds up to a power of two pages.
 * @returns The capacity it has now, in bytes.
 * @throws System error: EBUSY when more is buffered, EPERM above /proc/sys/fs/pipe-max-size, EBADF, EINVAL, ENOMEM.
 * @see fcntl(2), F_SETPIPE_SZ
 */
export function setPipeSize(fd: number, sizeBytes: number): number {
  return checked(addon.setPipeSize(fdArgument(fd), unsignedArgument(sizeBytes, 'sizeBytes')), 'fcntl');
}

/**
 * How many bytes a read would find: in a pipe, FIFO, socket or terminal, or between the offset and the end of a file.
 * @throws System error: EBADF, ENOTTY when the descriptor has no such thing.
 * @see ioctl_pipe(2), FIONREAD
 */
export function bytesReadable(fd: number): number {
  return checked(addon.bytesReadable(fdArgument(fd)), 'ioctl');
}

/**
 * A descriptor that holds a 64-bit counter: a write adds to it, a read of 8 bytes (machine's byte order) takes it all.
 * @param initial 0 to 2147483647.
 * @returns The descriptor, close-on-exec and non-blocking; the caller closes it.
 * @throws System error: EMFILE, ENFILE, ENODEV, ENOMEM.
 * @see eventfd(2)
 */
export function eventfd(initial: number): number {
  return checked(addon.eventfd(unsignedArgument(initial, 'initial')), 'eventfd');
}

/**
 * Takes or gives back the lock of an open file, without waiting. It belongs to the open file description: the kernel
 * gives it back when the last descriptor of it is closed, so when the process ends, however it ends.
 * @param mode `'exclusive'`, `'shared'` or `'unlock'`; LOCK_NB is added.
 * @throws System error: EAGAIN when somebody else holds it; EBADF, ENOLCK.
 * @see flock(2)
 */
export function flock(fd: number, mode: 'exclusive' | 'shared' | 'unlock'): void {
  const operation = new Map([
    ['shared', 1 | LOCK_NB],
    ['exclusive', 2 | LOCK_NB],
    ['unlock', 8],
  ]).get(mode);
  if (operation === undefined) throw invalidArgValue('mode', mode, "must be 'exclusive', 'shared' or 'unlock'");
  checked(addon.flock(fdArgument(fd), operation), 'flock');
}
