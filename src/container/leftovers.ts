/** Finds and removes what dead supervisors left unfinished in a state root. Signals no process. */
import { lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { isAbandonedName } from '../disk/names.js';
import { isRunning } from '../kernel/identity.js';
import { removeHostCgroup } from '../runtime/left-cgroups.js';
import { hasShim, isShimComing } from '../shim/attach.js';
import { ContainerDir } from '../state/container.js';
import { ContainerLock } from '../state/lock.js';
import { entries, idsIn } from '../state/root.js';
import { isUnstarted, wasNeverStarted } from './unstarted.js';

/** Something that a dead supervisor left unfinished. */
export interface Leftover {
  readonly path: string;
  /** What it is, as text for people. */
  readonly reason: string;
  /**
   * False with `dryRun`, if a process of it runs, or if another program holds the container's lock or removed it first.
   */
  readonly removed: boolean;
}

/** A leftover that was found, and how to remove it. */
interface Candidate {
  readonly path: string;
  readonly reason: string;
  /** Called with the container's lock held: whether it is still a leftover, and no process of it runs. */
  readonly mayGo: () => boolean | Promise<boolean>;
  readonly remove: () => Promise<void>;
  /** The container whose lock must be taken. Missing for a temporary name, which only the program that made it uses. */
  readonly container?: ContainerDir;
}

/**
 * As `Container.cleanUp()`.
 * @param root a real path.
 */
export async function cleanUp(root: string, options: { dryRun: boolean; graceMs: number }): Promise<Leftover[]> {
  const { dryRun, graceMs } = options;
  const leftovers: Leftover[] = [];
  for (const { path, reason, container, mayGo, remove } of await findLeftovers(root, graceMs)) {
    const removed = !dryRun && (await tryRemove(container, mayGo, remove));
    leftovers.push({ path, reason, removed });
  }
  return leftovers;
}

/**
 * Returns false, and does not throw, if another program holds the lock, has finished the leftover or has removed it.
 */
async function tryRemove(
  container: ContainerDir | undefined,
  mayGo: Candidate['mayGo'],
  remove: () => Promise<void>,
): Promise<boolean> {
  let lock: ContainerLock | undefined;
  await ownTurn();
  try {
    lock = container === undefined ? undefined : ContainerLock.tryTake(container.path);
    if (container !== undefined && lock === undefined) return false;
    if (!(await mayGo())) return false;
    await remove();
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  } finally {
    lock?.release();
  }
}

async function findLeftovers(root: string, graceMs: number): Promise<Candidate[]> {
  const found = abandoned(root);
  for (const id of idsIn(root)) {
    await ownTurn();
    const dir = new ContainerDir(root, id);
    const problem = problemOf(dir);
    if (problem !== undefined) {
      if (!dir.isOurs()) continue;
      const mayGo = async (): Promise<boolean> => problemOf(dir) !== undefined && !(await isAnythingLeft(dir));
      found.push({ path: dir.path, reason: problem, container: dir, mayGo, remove: () => removeWhole(dir) });
      continue;
    }
    found.push(...abandoned(dir.path));
    const mayGoWhole = async (): Promise<boolean> => isOld(dir.path, graceMs) && (await isUnstartedRun(dir));
    if (await mayGoWhole()) {
      const reason = 'a run that was interrupted before its process began';
      found.push({ path: dir.path, reason, container: dir, mayGo: mayGoWhole, remove: () => removeWhole(dir) });
      continue;
    }
    for (const processId of dir.processIds()) {
      const process = dir.process(processId);
      const mayGo = async (): Promise<boolean> => isOld(process.path, graceMs) && (await wasNeverStarted(process));
      if (!(await mayGo())) continue;
      const reason = 'a process whose start was interrupted before it began';
      found.push({ path: process.path, reason, container: dir, mayGo, remove: () => process.remove() });
    }
  }
  return found;
}

async function removeWhole(dir: ContainerDir): Promise<void> {
  await removeHostCgroup(dir.hostRuntimeRoot, dir.id);
  await dir.remove();
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

/** Why a container can't be loaded; undefined if it can, or if its directory is gone. */
function problemOf(dir: ContainerDir): string | undefined {
  try {
    dir.readState();
    return undefined;
  } catch (error) {
    // If the directory is gone too, another program has just deleted it: no leftover.
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return dir.isUnfinished() ? 'a container without state.json' : undefined;
    if (hasCode(error, 'ERR_INVALID_STATE', 'ELOOP')) return 'a container whose state.json is broken';
    throw error;
  }
}

async function isUnstartedRun(dir: ContainerDir): Promise<boolean> {
  try {
    return await isUnstarted(dir);
  } catch (error) {
    // Another program has just deleted it.
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** Whether a shim of the container runs or is about to run, or a process runs whose identity was recorded. */
async function isAnythingLeft(dir: ContainerDir): Promise<boolean> {
  for (const id of dir.processIds()) {
    const process = dir.process(id);
    if (hasShim(process) || (await isShimComing(process))) return true;
    // Look again: a shim may have come after the first look, and recorded a pid before the second.
    if (hasShim(process)) return true;
    const identity = process.readIdentity();
    if (identity !== undefined && isRunning(identity)) return true;
  }
  return false;
}

/**
 * Whether a directory has not been changed for so long. A start that is under way is never older than its directory. The age
 * is measured by the wall clock, which can be set. If it is set back, the directory is dated in the future, its age is below
 * any grace period, and it stays until the clock has passed its date. If it is set forward, a start that has just begun looks
 * old: so the callers also check whether a shim is coming.
 */
function isOld(path: string, graceMs: number): boolean {
  const madeAtMs = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return madeAtMs !== undefined && Date.now() - madeAtMs > graceMs;
}
