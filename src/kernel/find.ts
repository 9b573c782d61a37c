/**
 * Finds a shim and runtime commands that are not recorded anywhere yet, by their arguments and working directory.
 * Does not see processes of other users, whose `/proc/<pid>/cwd` can't be read. Behaviour: proc(5).
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { hasCode } from '../base/errors.js';
import { inTurns } from '../base/turns.js';
import * as posix from '../posix/index.js';
import { closeOwned, pidfdOpenOwned } from '../posix/owned.js';
import { readProcStat } from './identity.js';

/** A process may fork while the list is read, and a killed one is listed until it is reaped. */
const MAX_PASSES = 5;

/**
 * Whether a shim of this container runs for this process directory, even if it has not opened `exit` yet.
 * @param dir the process directory, which is the shim's working directory.
 */
export async function hasShimProcess(dir: string, containerId: string): Promise<boolean> {
  return (await findAll((pid) => isShimIn(pid, dir, containerId))).length > 0;
}

/** Kills the shims of this container that work in this process directory, each through a pidfd. */
export async function killShimsIn(dir: string, containerId: string): Promise<void> {
  await killAll((pid) => isShimIn(pid, dir, containerId));
}

/**
 * Kills every process of a session but its leader, each through a pidfd.
 * @param leader its pid, which names the session as long as the leader is there.
 * @param isThere whether it is; asked after a process was found in the session, and before that is killed.
 */
export async function killSession(leader: number, isThere: () => boolean): Promise<void> {
  const isMember = (pid: number): boolean => {
    const stat = pid === leader ? undefined : readProcStat(pid);
    return stat?.sessionId === leader && stat.state !== 'Z' && isThere();
  };
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    if (!(await killAll(isMember))) return;
  }
}

/** Kills the children of the shims of this container that work in this process directory, each through a pidfd. */
export async function killChildrenOfShimsIn(dir: string, containerId: string): Promise<void> {
  const shims = await findAll((pid) => isShimIn(pid, dir, containerId));
  const isChild = (pid: number): boolean => {
    const parent = readProcStat(pid)?.parentPid ?? 0;
    // Asked last: while it is a child of the shim, that has its pid still.
    return shims.includes(parent) && isShimIn(parent, dir, containerId);
  };
  if (shims.length > 0) await killAll(isChild);
}

function isShimIn(pid: number, dir: string, containerId: string): boolean {
  // `<shim> <container id> <bundle> <runtime>`; what stands before the shim is an interpreter's. Each ends with a NUL.
  return workingDirectory(pid) === dir && argumentsOf(pid).at(-4) === containerId;
}

/**
 * Kills the runtime commands that have this path as their `--pid-file`, each through a pidfd.
 * @returns whether there was one.
 */
export function killRuntimesWriting(pidFile: string): Promise<boolean> {
  return killAll((pid) => hasPidFile(pid, pidFile));
}

function hasPidFile(pid: number, pidFile: string): boolean {
  const args = argumentsOf(pid);
  return args.some((arg, i) => arg === '--pid-file' && args[i + 1] === pidFile);
}

/** Kills the processes that match, each through a pidfd. Returns whether there was one. */
async function killAll(isMatch: (pid: number) => boolean): Promise<boolean> {
  const found = await findAll(isMatch);
  for (const pid of found) killIf(pid, () => isMatch(pid));
  return found.length > 0;
}

async function findAll(isMatch: (pid: number) => boolean): Promise<number[]> {
  const found: number[] = [];
  await inTurns(pids(), (pid) => {
    if (isMatch(pid)) found.push(pid);
  });
  return found;
}

/**
 * Kills a process if it passes a check.
 *
 * Race: the process against reuse of its pid. If we checked first, the process could end and its pid be reused before
 * the pidfd is opened, and we would kill the new process. This order opens the pidfd first: if the process ends before
 * or during the check, the signal fails with ESRCH.
 */
function killIf(pid: number, isMatch: () => boolean): void {
  let pidfd: number | undefined;
  try {
    pidfd = pidfdOpenOwned(pid);
    if (isMatch()) posix.pidfdSendSignal(pidfd, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  } finally {
    if (pidfd !== undefined) closeOwned(pidfd);
  }
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Empty for a kernel thread, and for a process that is gone or can't be read. */
function argumentsOf(pid: number): string[] {
  return read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.split('\0') ?? [];
}

function workingDirectory(pid: number): string | undefined {
  return read(() => readlinkSync(`/proc/${pid}/cwd`));
}

function read(access: () => string): string | undefined {
  try {
    return access();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
