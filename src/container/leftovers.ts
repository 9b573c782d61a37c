/** Finds and removes what dead supervisors left unfinished in a state root. It touches no process. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../base/errors.js';
import { isAbandonedName } from '../disk/names.js';
import { isRunning } from '../kernel/identity.js';
import { hasShim, isShimComing } from '../shim/attach.js';
import { ContainerDir } from '../state/container.js';
import { ContainerLock } from '../state/lock.js';
import type { ProcessDir } from '../state/process.js';
import { entries, idsIn } from '../state/root.js';

/** Something that a dead supervisor left unfinished. */
export interface Leftover {
  readonly path: string;
  /** What it is, in words. */
  readonly reason: string;
  /** Whether it was removed: not with `dryRun`, nor while something of it runs or another program works on it. */
  readonly removed: boolean;
}

/** One that was found, and what removes it. */
interface Candidate {
  readonly path: string;
  readonly reason: string;
  /** Asked with the container's lock held: is it still left over, and does nothing of it run? */
  readonly mayGo: () => boolean;
  readonly remove: () => void | Promise<void>;
  /** Whose lock excludes others; none for a temporary name, which only its maker uses. */
  readonly container?: ContainerDir;
}

/**
 * As `Container.cleanUp()`.
 * @param root a real path.
 */
export async function cleanUp(root: string, options: { dryRun: boolean; graceMs: number }): Promise<Leftover[]> {
  const { dryRun, graceMs } = options;
  const leftovers: Leftover[] = [];
  for (const { path, reason, container, mayGo, remove } of findLeftovers(root, graceMs)) {
    const removed = !dryRun && (await tryRemove(container, mayGo, remove));
    leftovers.push({ path, reason, removed });
  }
  return leftovers;
}

/** What another program removes, or is about to finish, is no failure: it is not removed here. */
async function tryRemove(
  container: ContainerDir | undefined,
  mayGo: () => boolean,
  remove: () => void | Promise<void>,
): Promise<boolean> {
  let lock: ContainerLock | undefined;
  try {
    lock = container === undefined ? undefined : ContainerLock.tryTake(container.path);
    if (container !== undefined && lock === undefined) return false;
    if (!mayGo()) return false;
    await remove();
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  } finally {
    lock?.release();
  }
}

function findLeftovers(root: string, graceMs: number): Candidate[] {
  const found = abandoned(root);
  for (const id of idsIn(root)) {
    const dir = new ContainerDir(root, id);
    const problem = problemOf(dir);
    if (problem !== undefined) {
      const mayGo = (): boolean => problemOf(dir) !== undefined && !isAnythingLeft(dir);
      found.push({ path: dir.path, reason: problem, container: dir, mayGo, remove: () => dir.remove() });
      continue;
    }
    found.push(...abandoned(dir.path));
    for (const processId of dir.processIds()) {
      const process = dir.process(processId);
      const mayGo = (): boolean => wasNeverStarted(process, graceMs);
      if (!mayGo()) continue;
      const reason = 'a process whose start was interrupted before it began';
      found.push({ path: process.path, reason, container: dir, mayGo, remove: () => process.remove() });
    }
  }
  return found;
}

function abandoned(dir: string): Candidate[] {
  return entries(dir)
    .filter(({ name }) => isAbandonedName(name))
    .map(({ name }) => ({
      path: join(dir, name),
      reason: 'temporary, and the program that made it is gone',
      mayGo: () => true,
      remove: () => rm(join(dir, name), { recursive: true, force: true }),
    }));
}

/** Why a container can't be loaded; undefined if it can, or is gone. */
function problemOf(dir: ContainerDir): string | undefined {
  try {
    dir.readState();
    return undefined;
  } catch (error) {
    // Without its directory it is no leftover: another program has just deleted it.
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return dir.isUnfinished() ? 'a container without state.json' : undefined;
    if (hasCode(error, 'ERR_INVALID_STATE', 'ELOOP')) return 'a container whose state.json is broken';
    throw error;
  }
}

/** Whether a shim of the container is there, or a process whose identity was recorded runs. */
function isAnythingLeft(dir: ContainerDir): boolean {
  return dir.processIds().some((id) => {
    const process = dir.process(id);
    const identity = process.readIdentity();
    return hasShim(process) || isShimComing(process) || (identity !== undefined && isRunning(identity));
  });
}

/**
 * The date is the wall clock's, which may be set. Back: the directory is from the future, of an age below any grace, and
 * stays until the clock has come there. Forward: a start that has just begun looks old, so its shim is looked for, too.
 */
function wasNeverStarted(dir: ProcessDir, graceMs: number): boolean {
  const madeAtMs = dir.madeAtMs();
  if (madeAtMs === undefined || Date.now() - madeAtMs <= graceMs) return false;
  if (hasRun(dir) || isShimComing(dir)) return false;
  // Again: a shim that opened its FIFOs after the first look may have left before the second.
  return !hasRun(dir);
}

function hasRun(dir: ProcessDir): boolean {
  return dir.readPid() !== undefined || dir.readExitStatus() !== undefined || hasShim(dir);
}
