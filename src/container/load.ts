/** Reads a container's directory when it is loaded, and asks its runtime what the directory may not say. */
import { existsSync } from 'node:fs';
import { Deadline } from '../base/deadline.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { ContainerDir, type ContainerState } from '../state/container.js';
import { MAX_RUNTIMES } from '../disk/runtime-slots.js';
import { lookAt } from '../posix/looks.js';
import { checkOwnDirectory, realRoot } from '../state/root.js';

/** A container's directory, which knows the container's key, and what its state.json says. */
export interface ReadContainer {
  readonly dir: ContainerDir;
  readonly state: ContainerState;
  /** Call it before anything else gets a turn: it closes the state.json, which is held (KeyedDirectory.hold()). */
  readonly release: () => void;
}

/**
 * Reads a container's state.json.
 * @param root its real path.
 * @throws as `Container.load()`.
 */
export function readContainer(root: string, id: string): ReadContainer {
  const found = new ContainerDir(root, id);
  try {
    const file = found.openState();
    try {
      const directory = lookAt(found.path);
      checkOwnDirectory(found.path, directory);
      const state = found.readState(file.text);
      const dir = new ContainerDir(root, id, state.key);
      const release = dir.hold(file, directory);
      return { dir, state, release };
    } catch (error) {
      file.close();
      throw error;
    }
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    if (found.isUnfinished()) {
      throw new OutliveError('ERR_INVALID_STATE', `container ${id} in ${root} was never completely made`, { cause });
    }
    // Another program has just deleted it, and may have made it anew.
    if (existsSync(found.path)) return readContainer(root, id);
    throw notFound(root, id, cause);
  }
}

/** The real path of the root of a container that is to be loaded. @throws as `Container.load()`. */
export function realRootOf(root: string, id: string): string {
  try {
    return realRoot(root);
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    throw notFound(root, id, cause);
  }
}

function notFound(root: string, id: string, cause: unknown): OutliveError {
  return new OutliveError('ERR_CONTAINER_NOT_FOUND', `no container ${id} in ${root}`, { cause });
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
