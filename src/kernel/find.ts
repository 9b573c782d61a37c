/** Finds the processes of a start by what nobody else has: their arguments, and the directory they work in. See proc(5). */
import { closeSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';

/** Whether a shim of this container works in this process directory, though it may not have opened `exit` yet. */
export function hasShimProcess(dir: string, containerId: string): boolean {
  return pids().some((pid) => workingDirectory(pid) === dir && argumentsOf(pid).includes(containerId));
}

/**
 * Kills the runtime commands that are to write this pid file, each through a pidfd.
 * @returns whether there was one.
 */
export function killRuntimesWriting(pidFile: string): boolean {
  const found = pids().filter((pid) => writes(pid, pidFile));
  for (const pid of found) killIf(pid, () => writes(pid, pidFile));
  return found.length > 0;
}

function writes(pid: number, pidFile: string): boolean {
  const args = argumentsOf(pid);
  return args.some((arg, i) => arg === '--pid-file' && args[i + 1] === pidFile);
}

/** The pidfd comes before the look, so that the signal hits whom we saw or nobody. */
function killIf(pid: number, isMeant: () => boolean): void {
  let pidfd: number | undefined;
  try {
    pidfd = posix.pidfdOpen(pid);
    if (isMeant()) posix.pidfdSendSignal(pidfd, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  } finally {
    if (pidfd !== undefined) closeSync(pidfd);
  }
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** None of a process that is gone, a kernel thread, or another user's. */
function argumentsOf(pid: number): string[] {
  return read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.split('\0') ?? [];
}

function workingDirectory(pid: number): string | undefined {
  return read(() => readlinkSync(`/proc/${pid}/cwd`));
}

function read(look: () => string): string | undefined {
  try {
    return look();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
