/**
 * One call for a plain command: `run()`, and `find()` and `list()` that bring its process back. Owns no behaviour: it calls
 * `Container`, with a bundle that lies in the container's directory. The options are in run-options.ts.
 */
import { checkKeys } from '../base/arg-checks.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { inTurns } from '../base/turns.js';
import type { BundleSpec } from '../oci/bundle.js';
import { shouldUseScope } from '../shim/kill-mode.js';
import { makeRoot } from '../state/root.js';
import { Container, type ContainerProcess } from './container.js';
import { readContainer } from './load.js';
import type { ContainerOptions } from './options.js';
import {
  type FindOptions,
  type ListFilter,
  type RunOptions,
  type RunRequest,
  checkFilter,
  checkFind,
  checkRun,
} from './run-options.js';
import { isUnstarted } from './unstarted.js';

/**
 * Runs a command. Its process outlives this program; `find()` brings it back. Everything that is kept of it lies in one directory of
 * the state root, and `process.remove()` removes that. After a failure nothing is left but the state root. If an earlier run()
 * with this id was interrupted before its process began, since its program died, what that left is removed first.
 * @param args the program and its arguments. Without a slash, the program is looked up in the PATH that the process gets.
 * @returns the process, when its program runs. Ends at most 4 × `timeoutMs` + 1 s after the call, usually as soon as `start()`;
 *   if it has to remove what another run() left, 3 × `timeoutMs` + 1 s later.
 * @throws {OutliveError} `ERR_OCI_RUNTIME` if the program can't be run (`cause` has the system error: ENOENT …);
 *   `ERR_CONTAINER_EXISTS` if the id is taken; `ERR_INVALID_STATE` if the state root belongs to, or may be written by, another
 *   user; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; else as
 *   `Container.create()` and `container.start()`; a system error: ENOSPC …
 * @example
 * ```ts
 * const job = await run(['make', 'test'], { id: 'build-7', cwd: '/srv/app', env: { CI: '1' } });
 * const { status, lost } = await job.wait(); // or in any other program: (await find('build-7')).wait()
 * console.log(lost ?? `exit status ${status}`);
 * await job.remove();
 * ```
 */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<ContainerProcess> {
  const request = checkRun(args, options);
  const root = makeRoot(request.container.root);
  if (request.scope !== 'auto') return runIn(request, root, request.scope);
  if (await shouldUseScope()) {
    try {
      return await runIn(request, root, 'systemd');
    } catch (error) {
      // Systemd refuses a scope. The start without one warns.
      if (!hasCode(error, 'ERR_SCOPE_UNAVAILABLE')) throw error;
    }
  }
  return runIn(request, root);
}

async function runIn(
  { container: options, config, start }: RunRequest,
  root: string,
  scope?: 'systemd' | 'none',
): Promise<ContainerProcess> {
  const { container, lock } = await make(config, { ...options, root, scope });
  try {
    return await container.startHeld(lock, start);
  } catch (error) {
    // Ignore a failure: the error of the start says more.
    await container.delete().catch(() => undefined);
    throw error;
  }
}

async function make(
  config: BundleSpec,
  options: Omit<ContainerOptions, 'bundle'>,
): ReturnType<typeof Container.createHeld> {
  try {
    return await Container.createHeld(config, options);
  } catch (error) {
    if (!hasCode(error, 'ERR_CONTAINER_EXISTS') || !(await isIdFreed(options))) throw error;
    return Container.createHeld(config, options);
  }
}

/**
 * Removes the container with this id if a run() was interrupted before its process began: find() does not find that.
 * @returns whether there is none with this id any more. @throws as `container.delete()`.
 */
async function isIdFreed({ root, id, timeoutMs }: Omit<ContainerOptions, 'bundle'>): Promise<boolean> {
  try {
    const { dir, release } = readContainer(root, id);
    release();
    if (!(await isUnstarted(dir))) return false;
    using container = await Container.load(root, id, { timeoutMs });
    return await container.deleteIfUnstarted();
  } catch (error) {
    // Another program has deleted it.
    if (hasCode(error, 'ERR_CONTAINER_NOT_FOUND')) return true;
    // Another program is starting it, or what is there is no container that can be read.
    if (hasCode(error, 'ERR_CONTAINER_BUSY', 'ERR_INVALID_STATE', 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/**
 * Brings back the process of a `run()`, or the first process of any container, running or ended.
 * @param id that of its container.
 * @throws {OutliveError} `ERR_CONTAINER_NOT_FOUND` if there is none, or it has no first process; else as `Container.load()`.
 * @example
 * ```ts
 * const job = await find('build-7');
 * if (job.hasEnded) console.log(job.exitCode, job.signalCode);
 * else await job.stop({ graceMs: 2000 });
 * ```
 */
export async function find(id: string, options: FindOptions = {}): Promise<ContainerProcess> {
  checkKeys('options', options, ['root', 'timeoutMs']);
  const { root, timeoutMs } = checkFind(options);
  const container = await Container.load(root, id, { timeoutMs });
  try {
    const { init } = container;
    if (init !== undefined) return init;
    throw new OutliveError('ERR_CONTAINER_NOT_FOUND', `container ${id} in ${root} has no first process`);
  } catch (error) {
    container.close();
    throw error;
  }
}

/**
 * Brings back the first processes of a state root's containers, sorted by the containers' ids: those of `run()` by time. A root
 * that is missing has none. Containers that can't be loaded are left out; `Container.loadAll()` tells them.
 * @param filter.labels those whose container or process has all of these labels.
 * @param filter.state those in this state.
 * @throws as `Container.loadAll()`.
 * @example
 * ```ts
 * for (const job of await list({ labels: { queue: 'mail' }, state: 'running' })) await job.stop();
 * ```
 */
export async function list(filter: ListFilter = {}, options: FindOptions = {}): Promise<ContainerProcess[]> {
  const { labels, state } = checkFilter(filter);
  checkKeys('options', options, ['root', 'timeoutMs']);
  const { root, timeoutMs } = checkFind(options);
  const found: ContainerProcess[] = [];
  const containers = await loadAll(root, timeoutMs);
  try {
    await inTurns(containers, (container) => {
      const { init } = container;
      const own = [...container.labels, ...(init?.labels ?? [])];
      const isWanted = labels.every((label) => own.includes(label)) && (state === undefined || init?.state() === state);
      if (init !== undefined && isWanted) found.push(init);
      else container.close();
    });
  } catch (error) {
    for (const container of containers) container.close();
    throw error;
  }
  return found.sort((a, b) => (a.container.id < b.container.id ? -1 : 1));
}

async function loadAll(root: string, timeoutMs: number): Promise<Container[]> {
  try {
    return (await Container.loadAll(root, { timeoutMs })).containers;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
