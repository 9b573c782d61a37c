/** Finds and removes what dead supervisors left unfinished in a state root. It touches no process. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../base/errors.js';
import { ExitWatch } from '../shim/watch.js';
import { isAbandonedName } from '../disk/names.js';
import { isShimComing } from '../shim/attach.js';
import { ContainerDir } from '../state/container.js';
import type { ProcessDir } from '../state/process.js';
import { containerIds, entries } from '../state/root.js';

/** Something that a dead supervisor left half done. */
export interface Leftover {
  readonly path: string;
  /** What it is, in words. */
  readonly reason: string;
}

/**
 * What nobody will finish: what a dead supervisor was making or removing, and processes whose start was cut off before
 * there was a shim.
 * @param graceMs how long ago a start must have begun to count as cut off, in milliseconds.
 */
export function findLeftovers(root: string, graceMs: number): Leftover[] {
  const found = abandoned(root);
  for (const id of containerIds(root)) {
    const dir = new ContainerDir(root, id);
    if (isHalfMade(dir)) {
      found.push({ path: dir.path, reason: 'a container without state.json, and nothing runs in it' });
      continue;
    }
    found.push(...abandoned(dir.path));
    for (const processId of dir.processIds()) {
      const process = dir.process(processId);
      if (wasNeverStarted(process, graceMs)) {
        found.push({ path: process.path, reason: 'a process whose start was cut off before it began' });
      }
    }
  }
  return found;
}

/** Removes a leftover. */
export async function removeLeftover({ path }: Leftover): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

function abandoned(dir: string): Leftover[] {
  return entries(dir)
    .filter(({ name }) => isAbandonedName(name))
    .map(({ name }) => ({ path: join(dir, name), reason: 'temporary, and the program that made it is gone' }));
}

/** Nothing that could be loaded, and no shim in any of its process directories. */
function isHalfMade(dir: ContainerDir): boolean {
  return !dir.hasState() && dir.processIds().every((id) => !hasShim(dir.process(id)));
}

/**
 * The date is the wall clock's, which may be set. Back: the directory is from the future, of an age below any grace, and
 * stays until the clock has come there. Forward: a start that has just begun looks old, so its shim is looked for, too.
 */
function wasNeverStarted(dir: ProcessDir, graceMs: number): boolean {
  if (hasRun(dir) || Date.now() - dir.madeAtMs() <= graceMs || isShimComing(dir)) return false;
  // Again: a shim that opened its FIFOs after the first look may have left before the second.
  return !hasRun(dir);
}

function hasRun(dir: ProcessDir): boolean {
  return dir.readPid() !== undefined || dir.readExitStatus() !== undefined || hasShim(dir);
}

function hasShim(dir: ProcessDir): boolean {
  try {
    const watch = ExitWatch.ofStarted(dir.exitFifo, () => undefined);
    const gone = watch.shimGone;
    watch.close();
    return !gone;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
