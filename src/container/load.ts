/** Reads a container's directory when it is loaded, and asks its runtime what the directory may not say. */
import { existsSync } from 'node:fs';
import { Deadline } from '../base/deadline.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { ContainerDir, type ContainerState } from '../state/container.js';
import { MAX_RUNTIMES } from '../disk/runtime-slots.js';
import { checkOwnDirectory, realRoot } from '../state/root.js';

/** Reads a container's state.json. The returned `dir` knows the container's key. Throws as `Container.load()`. */
export function readContainer(root: string, id: string): { dir: ContainerDir; state: ContainerState } {
  let found: ContainerDir | undefined;
  try {
    found = new ContainerDir(realRoot(root), id);
    checkOwnDirectory(found.path);
    const state = found.readState();
    const dir = new ContainerDir(found.root, id, state.key);
    // From here on it is known by its directory too, should its file be damaged.
    dir.isCurrent();
    return { dir, state };
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    if (found?.isUnfinished() === true) {
      throw new OutliveError('ERR_INVALID_STATE', `container ${id} in ${root} was never completely made`, { cause });
    }
    // Another program has just deleted it, and may have made it anew.
    if (found !== undefined && existsSync(found.path)) return readContainer(root, id);
    throw new OutliveError('ERR_CONTAINER_NOT_FOUND', `no container ${id} in ${root}`, { cause });
  }
}

/** What {@link findStarted} needs of a container. */
interface Created {
  /** Whether it was created, and no program has recorded that it was let run. */
  readonly awaitsStart: boolean;
  /** Asks the runtime, and records it if it runs. */
  status(deadline: Deadline): Promise<unknown>;
}

/**
 * Asks the runtime about the created containers: a supervisor may have let the program of one run, and died before it
 * recorded that. Ignores failures: a later status() asks again.
 * @param limitMs of all together, in milliseconds. Those that it has not asked by then it leaves out.
 */
export async function findStarted(containers: readonly Created[], limitMs: number): Promise<void> {
  const created = containers.filter(({ awaitsStart }) => awaitsStart);
  const deadline = new Deadline(limitMs);
  const ask = async (): Promise<void> => {
    for (let next = created.shift(); next !== undefined && !deadline.isOver; next = created.shift()) {
      await next.status(new Deadline(deadline.leftMs)).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: MAX_RUNTIMES }, ask));
}
