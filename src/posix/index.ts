// System calls that Node does not offer, exact: each function is one call, its result, or Node's own kind of system
// error. The only importer of the addon; owns its loading. Arguments, errors and spawn's request: src/posix/.
// Reference table: docs/posix.md.
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import { messageOf, OutliveError } from '../base/errors.js';
import type { Addon } from './addon.js';
import {
  bufferArgument,
  buffersArgument,
  fdArgument,
  modeArgument,
  pathArgument,
  pidArgument,
  unsignedArgument,
  type PathArgument,
} from './args.js';
import { childExit, type ChildExit } from './child-exit.js';
import { checked } from './errors.js';
import { signalNumber, type Signal } from './signals.js';
import { spawnRequest, type SpawnOptions } from './spawn-request.js';
import { startChild, type Spawned } from './spawned.js';
import { watch, type Watch } from './watch.js';

export type { ChildExit, PathArgument, Signal, Spawned, SpawnOptions, Watch };
export type { SystemError } from './errors.js';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const buildDir = ['build', 'Release'];

function loadAddon(): Addon {
  try {
    // Without the exact path `bindings` would take a stale Debug build first.
    const options = { bindings: 'outlive', module_root: packageRoot, try: [['module_root', ...buildDir, 'bindings']] };
    return bindings(options) as Addon;
  } catch (cause) {
    const reason = messageOf(cause);
    const message = `outlive's native addon did not load; run \`npm rebuild outlive\` (Linux, a C++ compiler): ${reason}`;
    throw new OutliveError('ERR_NATIVE_LOAD', message, { cause });
  }
}

const addon = loadAddon();

// The addon's word for "this could block the event loop, so the call was not made".
const WOULD_BLOCK = -35;

// flock(2): not to wait.
const LOCK_NB = 4;

/**
 * The path of a native program that was built with the addon.
 * @param name `'outlive-shim'` or `'outlive-host'`.
 */
export function nativeExecutable(name: 'outlive-shim' | 'outlive-host'): string {
  return join(packageRoot, ...buildDir, name);
}

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

/**
 * Sends a signal.
 * @param pid A process; 0 this process's group, -1 every process that may be signalled, below that the group `-pid`.
 * @param signal Name or number; 0 sends nothing and only checks.
 * @throws System error: EINVAL (no such signal), EPERM, ESRCH.
 * @see kill(2)
 */
export function kill(pid: number, signal: Signal): void {
  checked(addon.kill(pidArgument(pid), signalNumber(signal)), 'kill');
}

/**
 * The process group of a process.
 * @param pid 0 is this process.
 * @throws System error: ESRCH.
 * @see getpgid(2)
 */
export function getpgid(pid: number): number {
  return checked(addon.getpgid(pidArgument(pid)), 'getpgid');
}

/**
 * Moves a process (this one, or a child that has not yet run execve) into a process group.
 * @param pid 0 is this process.
 * @param pgid 0 is the group that the process itself leads.
 * @throws System error: EACCES, EINVAL (negative `pgid`), EPERM, ESRCH.
 * @see setpgid(2)
 */
export function setpgid(pid: number, pgid: number): void {
  checked(addon.setpgid(pidArgument(pid), pidArgument(pgid, 'pgid')), 'setpgid');
}

/**
 * The session of a process.
 * @param pid 0 is this process.
 * @throws System error: ESRCH.
 * @see getsid(2)
 */
export function getsid(pid: number): number {
  return checked(addon.getsid(pidArgument(pid)), 'getsid');
}

/**
 * Whether this process adopts its orphaned descendants.
 * @see PR_GET_CHILD_SUBREAPER(2const), prctl(2)
 */
export function getChildSubreaper(): boolean {
  return checked(addon.getSubreaper(), 'prctl') !== 0;
}

/**
 * Makes this process adopt its orphaned descendants, or no longer; who adopts must reap. It holds for all threads.
 * @see PR_SET_CHILD_SUBREAPER(2const), prctl(2)
 */
export function setChildSubreaper(on: boolean): void {
  if (typeof on !== 'boolean') throw invalidArgType('on', 'of type boolean', on);
  checked(addon.setSubreaper(on ? 1 : 0), 'prctl');
}

/**
 * A descriptor that stands for a process, whoever gets its number later. Linux 5.3.
 * @param pid At least 1.
 * @returns The pidfd, close-on-exec; the caller closes it.
 * @throws System error: EINVAL (`pid` < 1, or a thread's), EMFILE, ENFILE, ENOMEM, ESRCH.
 * @see pidfd_open(2)
 */
export function pidfdOpen(pid: number): number {
  return checked(addon.pidfdOpen(pidArgument(pid)), 'pidfd_open');
}

/**
 * Sends a signal to the process that a pidfd stands for. Linux 5.1.
 * @param signal Name or number; 0 sends nothing and only checks.
 * @throws System error: EBADF (no pidfd), EINVAL (no such signal), EPERM, ESRCH when the process was reaped.
 * @see pidfd_send_signal(2)
 */
export function pidfdSendSignal(pidfd: number, signal: Signal): void {
  checked(addon.pidfdSendSignal(fdArgument(pidfd, 'pidfd'), signalNumber(signal)), 'pidfd_send_signal');
}

/**
 * Reaps the child that a pidfd stands for, if it has ended. Linux 5.4. Not for a child of spawn(), which is reaped by it.
 * @returns How it ended; `null` while it runs.
 * @throws System error: EBADF or EINVAL (no pidfd), ECHILD (no child of this process, or reaped already).
 * @see waitid(2)
 */
export function waitPidfd(pidfd: number): ChildExit | null {
  const result = addon.waitPidfd(fdArgument(pidfd, 'pidfd'));
  if (typeof result !== 'number') return childExit(result);
  checked(result, 'waitid');
  return null;
}

/**
 * Calls back once when a descriptor is readable, hung up or in error, then the watch is over; to go on, drain the
 * descriptor and watch it again. What there is already counts. A pidfd is readable once its process has ended.
 * @param fd Borrowed; not to be closed before the call back or stop(). It is made O_NONBLOCK.
 * @throws System error (syscall `epoll_ctl`): EEXIST when this thread watches `fd` already, EBADF, EPERM for a file or
 * directory.
 * @see epoll(7), fifo(7)
 */
export function watchReadable(fd: number, callback: () => void): Watch {
  return watch(addon, fdArgument(fd), false, callback);
}

/**
 * Calls back once when a descriptor takes bytes again, or never will (the write then says why); then the watch is over.
 * @param fd Borrowed; not to be closed before the call back or stop(). It is made O_NONBLOCK.
 * @throws As watchReadable().
 * @see epoll(7), pipe(7)
 */
export function watchWritable(fd: number, callback: () => void): Watch {
  return watch(addon, fdArgument(fd), true, callback);
}

/**
 * Starts a program, off this thread and without copying this process; resolves once it runs. Linux 5.9.
 * @param file A path, or a name that is looked up as execvp(3) does, in this process's PATH; no /bin/sh for a text file.
 * @param args `argv[1]` and on.
 * @returns The child. Its signals are all at default and unblocked, its descriptors those of `options.stdio`.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; system errors with syscall `spawn` and
 * `path`: those of execve(2), EAGAIN and ENOMEM of clone(2), EBADF of a stdio descriptor, EMFILE, ENOSYS (old kernel);
 * with syscall `chdir` and `path`: those of `options.cwd`; with syscall `setpgid`: EPERM. No child is left then.
 * @see execvp(3), execve(2), clone(2), close_range(2)
 */
export async function spawn(
  file: PathArgument,
  args: readonly (string | Uint8Array)[] = [],
  options: SpawnOptions = {},
): Promise<Spawned> {
  return startChild(addon, spawnRequest(file, args, options), pidfdSendSignal);
}
