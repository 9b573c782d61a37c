// System calls on files, FIFOs, pipes, event counters and file locks. Each function makes one call, which never blocks
// the event loop. A bad argument throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` or `ERR_OUT_OF_RANGE`.
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

// flock(2): fail with EAGAIN in place of waiting.
const LOCK_NB = 4;

/**
 * Makes a FIFO.
 * @param mode Permission bits, 0 to 0o7777; the umask is applied.
 * @throws System error: EACCES, EDQUOT, EEXIST, ELOOP, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR, EPERM, EROFS.
 * @see mkfifo(3)
 */
export function mkfifo(path: PathArgument, mode: number): void {
  const { native, text } = pathArgument(path, 'path');
  checked(addon.mkfifo(native, modeArgument(mode)), 'mkfifo', { path: text });
}

/**
 * Opens a file without waiting for the other end of a FIFO.
 * @param flags A combination of `fs.constants.O_*`; O_CLOEXEC is added.
 * @param mode Permission bits if the call creates the file, 0 to 0o7777, default 0o666; the umask is applied.
 * @returns The descriptor, close-on-exec; the caller closes it.
 * @throws `ERR_INVALID_ARG_VALUE` if `path` is a FIFO and `flags` lack O_NONBLOCK; system errors of open(2), among them
 * ENXIO if a FIFO is opened for writing and no process has it open for reading.
 * @see open(2), fifo(7)
 */
export function open(path: PathArgument, flags: number, mode = 0o666): number {
  const { native, text } = pathArgument(path, 'path');
  const fd = addon.open(native, unsignedArgument(flags, 'flags'), modeArgument(mode));
  if (fd === WOULD_BLOCK) throw invalidArgValue('flags', flags, 'must have O_NONBLOCK to open a FIFO');
  return checked(fd, 'open', { path: text });
}

/**
 * Closes a descriptor. Stop a watch of it first.
 * @throws System error: EBADF; EIO, ENOSPC, EDQUOT if an earlier write failed (the descriptor is closed nevertheless).
 * @see close(2)
 */
export function close(fd: number): void {
  checked(addon.close(fdArgument(fd)), 'close');
}

/** The result of a read or a write; refuses a descriptor that could have blocked. */
function transferred(result: number, syscall: string, fd: number): number {
  if (result === WOULD_BLOCK) throw invalidArgValue('fd', fd, 'must be open with O_NONBLOCK');
  return checked(result, syscall);
}

/**
 * Reads once, at most `buffer.length` bytes, without waiting.
 * @returns The number of bytes read; 0 at the end of a file, or if no process has the FIFO open for writing.
 * @throws `ERR_INVALID_ARG_VALUE` if `fd` lacks O_NONBLOCK and is no regular file; system error: EAGAIN if there is
 * nothing to read yet, EBADF, EINVAL, EIO, EISDIR.
 * @see read(2)
 */
export function read(fd: number, buffer: Uint8Array): number {
  return transferred(addon.read(fdArgument(fd), bufferArgument(buffer)), 'read', fd);
}

/**
 * Reads once into several buffers, in their order, without waiting.
 * @param buffers At most 64.
 * @returns The total number of bytes read; 0 means the end, as for read().
 * @throws As read(); `ERR_OUT_OF_RANGE` if there are more than 64 buffers.
 * @see readv(2)
 */
export function readv(fd: number, buffers: readonly Uint8Array[]): number {
  return transferred(addon.readv(fdArgument(fd), buffersArgument(buffers)), 'readv', fd);
}

/**
 * As read() or readv(), but returns undefined in place of throwing EAGAIN: making an error costs more than the call.
 * @param into One buffer, or at most 64 of them.
 * @returns The number of bytes read; 0 at the end; undefined if there is nothing to read yet.
 * @throws As read() and readv(), except EAGAIN.
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
 * Writes once, without waiting. To a pipe, a write of up to 4096 bytes (PIPE_BUF) is atomic: whole or not at all.
 * @returns The number of bytes written, which may be less than `buffer.length`.
 * @throws `ERR_INVALID_ARG_VALUE` if `fd` lacks O_NONBLOCK and is no regular file; system error: EAGAIN if there is no
 * room, EPIPE if no process has the pipe open for reading, EBADF, EDQUOT, EFBIG, EINVAL, EIO, ENOSPC, EPERM.
 * @see write(2), pipe(7)
 */
export function write(fd: number, buffer: Uint8Array): number {
  return transferred(addon.write(fdArgument(fd), bufferArgument(buffer)), 'write', fd);
}

/**
 * Returns the capacity of a pipe or FIFO, in bytes.
 * @throws System error: EBADF (not open, or no pipe).
 * @see fcntl(2), F_GETPIPE_SZ
 */
export function getPipeSize(fd: number): number {
  return checked(addon.getPipeSize(fdArgument(fd)), 'fcntl');
}

/**
 * Changes the capacity of a pipe or FIFO.
 * @param sizeBytes 0 to 2147483647; the kernel rounds it up to a power of two pages.
 * @returns The new capacity, in bytes.
 * @throws System error: EBUSY if the pipe holds more than that, EPERM if the size is above /proc/sys/fs/pipe-max-size,
 * EBADF, EINVAL, ENOMEM.
 * @see fcntl(2), F_SETPIPE_SZ
 */
export function setPipeSize(fd: number, sizeBytes: number): number {
  return checked(addon.setPipeSize(fdArgument(fd), unsignedArgument(sizeBytes, 'sizeBytes')), 'fcntl');
}

/**
 * Returns how many bytes can be read: those in a pipe, FIFO, socket or terminal, or from a file's offset to its end.
 * @throws System error: EBADF, ENOTTY if this kind of file can't tell.
 * @see ioctl_pipe(2), FIONREAD
 */
export function bytesReadable(fd: number): number {
  return checked(addon.bytesReadable(fdArgument(fd)), 'ioctl');
}

/**
 * Makes an event counter of 64 bits: a write of 8 bytes (host byte order) adds to it, a read of 8 bytes resets it to 0.
 * @param initial The counter's first value, 0 to 2147483647.
 * @returns The descriptor, close-on-exec and non-blocking; the caller closes it.
 * @throws System error: EMFILE, ENFILE, ENODEV, ENOMEM.
 * @see eventfd(2)
 */
export function eventfd(initial: number): number {
  return checked(addon.eventfd(unsignedArgument(initial, 'initial')), 'eventfd');
}

/**
 * Locks or unlocks an open file, without waiting. The lock belongs to the open file description: the kernel releases it
 * when the last descriptor of that description is closed, also if the process is killed.
 * @param mode `'exclusive'`, `'shared'` or `'unlock'`; LOCK_NB is added.
 * @throws `ERR_INVALID_ARG_VALUE`; system error: EAGAIN if another open file description has a conflicting lock; EBADF,
 * ENOLCK.
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
