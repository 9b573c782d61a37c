// System calls on processes, process groups and pidfds, and spawn(). Each function is one call; see posix/index.ts.
import { invalidArgType } from '../base/arg-errors.js';
import { fdArgument, pidArgument, type PathArgument } from './args.js';
import { childExit, type ChildExit } from './child-exit.js';
import { checked } from './errors.js';
import { addon } from './load.js';
import { signalNumber, type Signal } from './signals.js';
import { spawnRequest, type SpawnOptions } from './spawn-request.js';
import { startChild, type Spawned } from './spawned.js';

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
