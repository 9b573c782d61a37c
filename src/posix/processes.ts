// System calls on processes, process groups, sessions and pidfds; each function makes one call. And spawn().
// A bad argument throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` or `ERR_OUT_OF_RANGE`.
import { booleanArgument, fdArgument, objectArgument, pidArgument, type PathArgument } from './args.js';
import { childExit, type ChildExit } from './child-exit.js';
import { checked } from './errors.js';
import { addon } from './load.js';
import { signalNumber, type Signal } from './signals.js';
import { spawnRequest, type DetachedSpawnOptions, type SpawnOptions } from './spawn-request.js';
import { startChild, type Spawned } from './spawned.js';

/**
 * Sends a signal.
 * @param pid More than 0: that process; 0: this process's group; -1: every process that this one may signal; less than
 * -1: the process group `-pid`.
 * @param signal Name or number; 0 sends nothing, it checks whether a signal could be sent.
 * @throws System error: EINVAL (no such signal), EPERM, ESRCH.
 * @see kill(2)
 */
export function kill(pid: number, signal: Signal): void {
  checked(addon.kill(pidArgument(pid), signalNumber(signal)), 'kill');
}

/**
 * Returns the process group id of a process.
 * @param pid 0 means this process.
 * @throws System error: ESRCH.
 * @see getpgid(2)
 */
export function getpgid(pid: number): number {
  return checked(addon.getpgid(pidArgument(pid)), 'getpgid');
}

/**
 * Moves a process into a process group: this process, or a child of it that has not called execve(2) yet.
 * @param pid 0 means this process.
 * @param pgid A group of the same session; 0 makes the process the leader of its own group.
 * @throws System error: EACCES, EINVAL (negative `pgid`), EPERM, ESRCH.
 * @see setpgid(2)
 */
export function setpgid(pid: number, pgid: number): void {
  checked(addon.setpgid(pidArgument(pid), pidArgument(pgid, 'pgid')), 'setpgid');
}

/**
 * Returns the session id of a process.
 * @param pid 0 means this process.
 * @throws System error: ESRCH.
 * @see getsid(2)
 */
export function getsid(pid: number): number {
  return checked(addon.getsid(pidArgument(pid)), 'getsid');
}

/**
 * Returns whether this process is a child subreaper: whether it becomes the parent of its orphaned descendants.
 * @see PR_GET_CHILD_SUBREAPER(2const), prctl(2)
 */
export function getChildSubreaper(): boolean {
  return checked(addon.getSubreaper(), 'prctl') !== 0;
}

/**
 * Makes this process a child subreaper, or no longer one; it holds for all threads. A subreaper must reap the
 * descendants that it adopts.
 * @see PR_SET_CHILD_SUBREAPER(2const), prctl(2)
 */
export function setChildSubreaper(on: boolean): void {
  checked(addon.setSubreaper(booleanArgument(on, 'on') ? 1 : 0), 'prctl');
}

/**
 * Opens a pidfd: a descriptor that refers to one process, even if its pid is reused later. Needs Linux 5.3.
 * @param pid At least 1.
 * @returns The pidfd, close-on-exec; the caller closes it.
 * @throws System error: EINVAL (`pid` < 1, or a thread's), EMFILE, ENFILE, ENOMEM, ESRCH.
 * @see pidfd_open(2)
 */
export function pidfdOpen(pid: number): number {
  return checked(addon.pidfdOpen(pidArgument(pid)), 'pidfd_open');
}

/**
 * Sends a signal to the process that a pidfd refers to, or to the process group that it leads. Needs Linux 5.1.
 * @param signal Name or number; 0 sends nothing, it checks whether a signal could be sent.
 * @param options `processGroup`: true for every member of the group that the process leads or led, even if the process
 * has been reaped and its pid is in use again; needs Linux 6.9 (EINVAL before it). Default false.
 * @throws `ERR_INVALID_ARG_TYPE`; system error: EBADF (no pidfd), EINVAL (no such signal), EPERM, ESRCH if the process
 * was reaped, or if it leads no group that has a member.
 * @see pidfd_send_signal(2)
 */
export function pidfdSendSignal(
  pidfd: number,
  signal: Signal,
  options: { processGroup?: boolean | undefined } = {},
): void {
  const { processGroup = false } = objectArgument(options, 'options');
  const toGroup = booleanArgument(processGroup, 'options.processGroup');
  checked(addon.pidfdSendSignal(fdArgument(pidfd, 'pidfd'), signalNumber(signal), toGroup), 'pidfd_send_signal');
}

/**
 * Whether all threads of the process that a pidfd stands for have ended; it may be a zombie still. The `Z` of
 * `/proc/<pid>/stat` says so of the main thread alone.
 * @throws System error (syscall `poll`): EBADF.
 * @see pidfd_open(2), poll(2)
 */
export function pidfdHasEnded(pidfd: number): boolean {
  return checked(addon.pidfdHasEnded(fdArgument(pidfd, 'pidfd')), 'poll') !== 0;
}

/**
 * Reaps the child that a pidfd refers to, if it has ended. Needs Linux 5.4. Do not use it for a child of spawn(): the
 * library reaps that itself.
 * @returns How the child ended; `null` while it runs.
 * @throws System error: EBADF or EINVAL (no pidfd), ECHILD (no child of this process, or already reaped).
 * @see waitid(2)
 */
export function waitPidfd(pidfd: number): ChildExit | null {
  const result = addon.waitPidfd(fdArgument(pidfd, 'pidfd'));
  if (typeof result !== 'number') return childExit(result);
  checked(result, 'waitid');
  return null;
}

/**
 * Starts a program on another thread and without copying this process's memory; resolves after execve(2) has succeeded.
 * Needs Linux 5.4.
 * @param file A path, or a name to look up in this process's PATH as execvp(3) does. Unlike execvp(3), a file without a
 * known format is not run with /bin/sh.
 * @param args `argv[1]` and following.
 * @returns The child. Its signals have their default actions and are unblocked. Its only descriptors are those of
 * `options.stdio`. With `options.detach` its parent is another process, and `exited` may resolve with `null`.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; system errors with syscall `spawn` and
 * `path`: those of execve(2), EAGAIN and ENOMEM of clone(2), EBADF of a stdio descriptor, EMFILE, EPERM and ENOSYS (a
 * seccomp filter, an old kernel), EINTR (only with `detach`: the process that makes the child was killed before it did);
 * with syscall `chdir` and `path`: those of `options.cwd`; with syscall `setpgid`: EPERM. An error leaves no child.
 * @see execvp(3), execve(2), clone(2), close_range(2), PR_SET_CHILD_SUBREAPER(2const)
 */
export async function spawn(
  file: PathArgument,
  args?: readonly (string | Uint8Array)[],
  options?: SpawnOptions,
): Promise<Spawned>;
export async function spawn(
  file: PathArgument,
  args: readonly (string | Uint8Array)[],
  options: DetachedSpawnOptions,
): Promise<Spawned<ChildExit | null>>;
export async function spawn(
  file: PathArgument,
  args: readonly (string | Uint8Array)[] = [],
  options: SpawnOptions | DetachedSpawnOptions = {},
): Promise<Spawned<ChildExit | null>> {
  return startChild(addon, spawnRequest(file, args, options), pidfdSendSignal);
}
