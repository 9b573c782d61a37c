/**
 * A container: the directory that holds its processes, and the map from id to Process. What the runtime does with a
 * running one is container-operations.ts's. Seed: the `Container` interface of containerd's runtime package.
 */
import { accessSync, existsSync } from 'node:fs';
import { checkInteger, checkObject, checkString, checkStrings, checkTimeout } from '../base/arg-checks.js';
import { readBundle } from '../oci/bundle.js';
import { checkStartCheckpoint } from '../runtime/checkpoint.js';
import { ContainerChanges } from './changes.js';
import { ContainerOperations, type Locked } from './operations.js';
import type { RuntimeTarget } from '../runtime/call.js';
import type { RuntimeStatus } from '../runtime/status.js';
import type { ContainerStats } from '../runtime/stats.js';
import type { LinuxResources, ProcessSpec } from '../oci/types.js';
import type { Signal } from '../posix/index.js';
import type { Checkpoint, CheckpointOptions } from '../runtime/checkpoint.js';
import {
  type CleanUpOptions,
  type ContainerOptions,
  type CreateOptions,
  DEFAULT_TIMEOUT_MS,
  type ExecOptions,
  type ExecSpec,
  type LoadFailure,
  type StartOptions,
  checkLabels,
  checkOptions,
} from './options.js';
import { ContainerProcesses, type StartMode } from './processes.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { execSpec } from '../oci/exec-spec.js';
import type { Process, ProcessOwner } from './process.js';
import type { State } from './lifecycle.js';
import { ContainerDir, type ContainerState } from '../state/container.js';
import { INIT_PROCESS_ID, checkId } from '../oci/ids.js';
import { type Leftover, cleanUp } from './leftovers.js';
import { checkOwnDirectory, idsIn, realRoot } from '../state/root.js';
import { ContainerLock } from '../state/lock.js';
import { rootIds } from '../oci/mappings.js';
import { deleteContainer, removeProcess } from './delete.js';
import { type Stdio, newStdio } from '../stdio/stdio.js';

/** A {@link Process} whose `container` is a {@link Container}. */
export type ContainerProcess = Process<Container>;

/** What `Container.loadAll` brought back. */
export interface LoadedRoot {
  readonly containers: Container[];
  readonly failures: LoadFailure[];
}

/** A container and its processes. Nothing of it is held only in memory: `Container.load` brings it back. */
export class Container implements ProcessOwner {
  readonly id: string;
  /** Absolute path. */
  readonly bundle: string;
  /** `'host'`, a name, or an absolute path. */
  readonly runtime: string;
  readonly runtimeArgs: readonly string[];
  readonly labels: readonly string[];
  /** `'outlive-shim'` for the shipped one, else a name or an absolute path. */
  readonly shim: string;

  /** @internal Which container it is, whatever its path holds by now. */
  readonly key: string;

  /** @internal */
  readonly changes = new ContainerChanges<ContainerProcess>();

  readonly #target: RuntimeTarget;
  readonly #processes: ContainerProcesses<Container>;
  readonly #operations: ContainerOperations<ContainerProcess>;

  private constructor(dir: ContainerDir, id: string, state: ContainerState, timeoutMs: number) {
    const { bundle, labels, runtime, runtimeArgs, shim, noPivotRoot, runtimeEnv } = state;
    this.id = id;
    this.bundle = bundle;
    this.runtime = runtime;
    this.runtimeArgs = runtimeArgs;
    this.labels = labels;
    this.shim = shim;
    this.key = state.key;
    this.#target = { id, bundle, runtime, runtimeArgs, dir, timeoutMs, runtimeEnv };
    const target = this.#target;
    const { changes } = this;
    const locked: Locked = (act) => this.#locked(act);
    this.#operations = new ContainerOperations({ target, changes, locked, init: () => this.#processes.init });
    this.#processes = new ContainerProcesses({
      ...{ container: this, target, shim, noPivotRoot, changes },
      letRun: () => this.#locked(() => this.#operations.letRun()),
      onLost: (process) => void this.#endRemains(process),
    });
  }

  /**
   * Makes a container in the state root; runs nothing yet.
   * @throws {OutliveError} `ERR_CONTAINER_EXISTS`; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`,
   *   `ERR_INVALID_ARG_VALUE` (a broken config.json among them: file, line, column), `ERR_OUT_OF_RANGE`; a system error
   *   when the root or the bundle can't be read or written. Nothing is left behind then.
   */
  static async create(options: ContainerOptions): Promise<Container> {
    const { root, id, state, timeoutMs } = checkOptions(options);
    readBundle(state.bundle);
    const dir = ContainerDir.create(root, id, state);
    return Promise.resolve(new Container(dir, id, state, timeoutMs));
  }

  /**
   * Brings back a container that this or another program made, with all its processes: those that run, those that ended
   * while nobody watched, and those whose start was cut off.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_FOUND`; `ERR_INVALID_STATE` when its files are broken.
   */
  static async load(root: string, id: string, options: { timeoutMs?: number } = {}): Promise<Container> {
    checkString('root', root);
    checkId('id', id);
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    checkTimeout('options.timeoutMs', timeoutMs);
    const { dir, state } = readContainer(root, id);
    const container = new Container(dir, id, state, timeoutMs);
    try {
      container.#processes.refresh();
    } catch (error) {
      container.close();
      dir.requireCurrent();
      throw error;
    }
    // Let run by a supervisor that died before it could write that down: the runtime knows, and status() notes it.
    if (container.#processes.init?.lifecycle.awaitsStart === true) await container.status().catch(() => undefined);
    return container;
  }

  /**
   * Brings back every container of a state root.
   * @param root an existing directory.
   * @returns those that could be loaded, and for each other one its id and why not. Nothing is thrown for a single one.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`; a system error when the root can't be read.
   */
  static async loadAll(root: string, options: { timeoutMs?: number } = {}): Promise<LoadedRoot> {
    checkString('root', root);
    const containers: Container[] = [];
    const failures: LoadFailure[] = [];
    accessSync(root);
    for (const id of idsIn(realRoot(root))) {
      try {
        containers.push(await Container.load(root, id, options));
      } catch (error) {
        // Removed by another supervisor since it was listed.
        if (!hasCode(error, 'ERR_CONTAINER_NOT_FOUND')) failures.push({ id, error: error as Error });
      }
    }
    return { containers, failures };
  }

  /**
   * Removes what dead supervisors left half done in a state root: directories that were being made or removed, and
   * processes whose start was cut off before there was a shim. Touches no process, and nothing that has run.
   * @param options.dryRun only tells. Default false.
   * @param options.graceMs how old a start must be, in milliseconds, 0 to 2147483647, to count as cut off when nothing
   *   else tells. Default 60000; it must be more than a start takes.
   * @returns what was (or would be) removed, and why.
   */
  static async cleanUp(root: string, { dryRun = false, graceMs = 60_000 }: CleanUpOptions = {}): Promise<Leftover[]> {
    checkString('root', root);
    checkInteger('options.graceMs', graceMs, 0, 2_147_483_647);
    accessSync(root);
    return cleanUp(realRoot(root), { dryRun, graceMs });
  }

  /**
   * Starts the container's first process, `init`, or lets the one run that `create()` made.
   * @throws {OutliveError} `ERR_INVALID_STATE` when it has been started already, or a created one is to have other stdio or
   *   labels;
   *   `ERR_NOT_INSTALLED`, `ERR_SHIM`, `ERR_OCI_RUNTIME` (the program is missing, …), `ERR_CONTAINER_NOT_STARTED`,
   *   `ERR_CONTAINER_START_TIMEOUT`, `ERR_CHECKPOINT_NOT_EXISTS`; a bad argument's or system call's error. After a failure
   *   nothing of the attempt is left, and it may be tried again; of a created one see `process.start()`.
   */
  async start({ stdio, checkpoint = '', labels }: StartOptions = {}): Promise<ContainerProcess> {
    const given = newStdio(stdio);
    const mode = { checkpoint, ...checkLabels(labels) };
    const isPlain = stdio === undefined && checkpoint === '' && labels === undefined;
    return this.#locked(async () => {
      const { init } = this.#processes;
      if (init?.lifecycle.awaitsStart === true && isPlain) {
        await this.#operations.letRun();
        return init;
      }
      checkStartCheckpoint(this.bundle, checkpoint);
      return this.#startInit(given, mode);
    });
  }

  /**
   * Makes the container and its first process, `init`, but does not let its program run yet: it has its pid, namespaces
   * and limits, and its state is `created` until `start()`, of this object or of the process. The host side of it
   * (networks, …) may be set up meanwhile. It outlives the supervisor as a running one does.
   * @throws as `start()`; `ERR_INVALID_STATE` when it has a first process already.
   */
  async create({ stdio, labels }: CreateOptions = {}): Promise<ContainerProcess> {
    const given = newStdio(stdio);
    const mode = { create: true, ...checkLabels(labels) };
    return this.#locked(() => this.#startInit(given, mode));
  }

  /**
   * Starts another process in the running container.
   * @param processId as a container's id; unique in the container, not `init`.
   * @param spec what to run: changes to the bundle's process, as {@link execSpec} takes them.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED`, `ERR_CONTAINER_EXITED`; else as `start()`.
   */
  async exec(processId: string, spec: ExecSpec, { stdio, labels }: ExecOptions = {}): Promise<ContainerProcess> {
    checkId('processId', processId);
    checkObject('spec', spec);
    checkStrings('spec.args', spec.args);
    const given = newStdio(stdio);
    const mode = { exec: true, ...checkLabels(labels) };
    // Only the claim excludes others: no runtime runs meanwhile, so that execs stay parallel.
    const claimed = await this.#locked(() => {
      this.#operations.requireLiving();
      const { spec: base, rootIds } = this.#execBase();
      return this.#processes.claim({ id: processId, spec: execSpec(base, spec), stdio: given, rootIds, ...mode });
    }, [INIT_PROCESS_ID, processId]);
    try {
      return await claimed.launch();
    } catch (error) {
      // If the container is gone or busy, so is the claim: delete() waits for it, and cleanUp() finds what is left.
      await this.#locked(() => claimed.undo()).catch(() => undefined);
      throw error;
    }
  }

  /** Its processes that were not removed, running or not, in no particular order. */
  processes(): ContainerProcess[] {
    this.#processes.refresh();
    return this.#processes.all();
  }

  /**
   * Forgets an ended process and removes its directory.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED`; `ERR_INVALID_STATE` when there is none with this id.
   */
  async removeProcess(processId: string): Promise<void> {
    const removed = await this.#locked(async () => {
      const process = this.#processes.get(processId);
      if (process === undefined) throw new OutliveError('ERR_INVALID_STATE', `no process ${processId} in ${this.id}`);
      await removeProcess({ processes: this.#processes, target: this.#target }, process);
      return process;
    }, [INIT_PROCESS_ID, processId]);
    this.changes.tell('remove', removed);
  }

  /** The state of its first process; `stopped` when it has none. Synchronous; `status()` asks the runtime. */
  state(): State {
    this.#processes.refresh([INIT_PROCESS_ID]);
    return this.#processes.init?.state() ?? 'stopped';
  }

  /**
   * Freezes all its processes; resolves when none of them runs any more. Signals reach them only after `resume()`.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED`, `ERR_CONTAINER_EXITED`; `ERR_INVALID_STATE` when it is paused (where
   *   the runtime minds: crun does not); `ERR_OCI_RUNTIME`, also when the runtime took longer than `timeoutMs`;
   *   `ERR_NOT_INSTALLED`; a system error.
   */
  async pause(): Promise<void> {
    return this.#operations.pause();
  }

  /**
   * Lets its processes go on.
   * @throws as `pause()`; `ERR_INVALID_STATE` when it is not paused.
   */
  async resume(): Promise<void> {
    return this.#operations.resume();
  }

  /**
   * Asks the runtime what it does; `state()` answers at once and without it.
   * @returns the runtime's own word; `'stopped'` when the runtime does not know it any more because it has ended.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED`; `ERR_OCI_RUNTIME`, `ERR_NOT_INSTALLED`; `ERR_INVALID_STATE` when
   *   it prints no JSON, or has another bundle's container under this id.
   */
  async status(): Promise<RuntimeStatus> {
    return this.#operations.status();
  }

  /**
   * The pids of all its processes, those that they started too, as the host sees them. They may be others' by the time
   * you use them: signal by `killAll()` or `process.signal()`.
   * @throws as `pause()`.
   */
  async pids(): Promise<number[]> {
    return this.#operations.pids();
  }

  /**
   * What it uses now, by the runtime's `events --stats`.
   * @throws as `pause()`. crun has no such command (1.8.1): `ERR_OCI_RUNTIME`.
   */
  async stats(): Promise<ContainerStats> {
    return this.#operations.stats();
  }

  /**
   * Changes its limits while it runs. What is left out stays as it is. The bundle's config.json is not changed.
   * @param resources as `linux.resources` of config.json.
   * @throws as `pause()`; {TypeError} `ERR_INVALID_ARG_TYPE`.
   */
  async updateResources(resources: LinuxResources): Promise<void> {
    return this.#operations.updateResources(resources);
  }

  /**
   * Sends a signal to every process in it. Of a paused one runc and crun let all go on by that.
   * @param signal a name or number, 1 to 64. Default `'SIGKILL'`.
   * @throws as `pause()`; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
   * @see kill(2)
   */
  async killAll(signal: Signal = 'SIGKILL'): Promise<void> {
    return this.#operations.killAll(signal);
  }

  /**
   * Saves it by criu, to be restored by `start({ checkpoint })` of a container with the same bundle.
   * @param dir where; default `<bundle>/checkpoints`. Made when only its last part is missing.
   * @throws as `pause()`; `ERR_CHECKPOINT_EXISTS`; {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`. The host
   *   runtime makes none, nor does a crun without criu: `ERR_OCI_RUNTIME`. After a failure nothing of it is left.
   * @see criu(8)
   */
  async checkpoint(options: CheckpointOptions, dir?: string): Promise<Checkpoint> {
    return this.#operations.checkpoint(options, dir);
  }

  /**
   * The checkpoints that were made in a directory, by name.
   * @param dir default `<bundle>/checkpoints`.
   * @throws {OutliveError} `ERR_INVALID_STATE` when a checkpoint's config.json is broken; a system error.
   */
  async checkpoints(dir?: string): Promise<Checkpoint[]> {
    return this.#operations.checkpoints(dir);
  }

  /**
   * Removes a checkpoint.
   * @throws {OutliveError} `ERR_CHECKPOINT_NOT_EXISTS`; {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; a
   *   system error.
   */
  async deleteCheckpoint(name: string, dir?: string): Promise<void> {
    return this.#operations.deleteCheckpoint(name, dir);
  }

  /**
   * Ends whatever still runs in it (the runtime's `delete --force`), waits until its shims have left, and removes its
   * directory. Further use of this object or its processes fails.
   * @param options.force false: refuse when a process still runs. Default true.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` (only with `force: false`); `ERR_OCI_RUNTIME`, `ERR_NOT_INSTALLED`
   *   when what runs could not be ended; `ERR_SHIM` when a shim did not leave in `timeoutMs`. The state is kept then.
   */
  async delete({ force = true }: { force?: boolean } = {}): Promise<void> {
    await this.#locked(() => {
      this.#processes.refresh();
      return deleteContainer({ processes: this.#processes, target: this.#target }, force);
    });
    this.changes.tell('delete');
  }

  /** Closes all its processes' objects: stops watching, touches no process. */
  close(): void {
    this.#processes.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Starts the first process. The lock is held throughout, for the runtime knows the container by its id. */
  async #startInit(stdio: Stdio, mode: StartMode): Promise<ContainerProcess> {
    const bundle = readBundle(this.bundle);
    const { process: spec } = bundle;
    const claimed = this.#processes.claim({ id: INIT_PROCESS_ID, spec, stdio, rootIds: rootIds(bundle), ...mode });
    try {
      return await claimed.launch();
    } catch (error) {
      claimed.undo();
      throw error;
    }
  }

  /** What `exec` changes: the first process as it was started. The bundle may be another job's by now, or gone. */
  #execBase(): { spec: ProcessSpec; rootIds: { uid: number; gid: number } } {
    const init = this.#processes.init;
    if (init !== undefined && init.problem === undefined) return { spec: init.spec, rootIds: init.rootIds };
    const bundle = readBundle(this.bundle);
    return { spec: bundle.process, rootIds: rootIds(bundle) };
  }

  /** In the background, after a lost end. delete() and removeProcess() do the same, if they come first. */
  async #endRemains(process: ContainerProcess): Promise<void> {
    try {
      // Without a look at the others: this object may be closed by now, and what it took up anew nobody would close.
      await this.#locked(async () => {
        if (process.lifecycle.dir.isCurrent()) await this.#processes.endRemains(process);
      }, []);
    } catch {
      // Deleted meanwhile, or the runtime can't: delete() says so.
    }
  }

  /**
   * Excludes other objects and programs that change this container, and looks anew at the processes with these ids.
   * @throws {OutliveError} `ERR_CONTAINER_BUSY` if another one holds it for longer than `timeoutMs`;
   *   `ERR_CONTAINER_NOT_FOUND` if it was deleted.
   */
  async #locked<T>(act: () => T | Promise<T>, ids: readonly string[] | undefined = [INIT_PROCESS_ID]): Promise<T> {
    const { dir, timeoutMs, id } = this.#target;
    let lock: ContainerLock;
    try {
      lock = await ContainerLock.take(dir.path, { timeoutMs, containerId: id });
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) throw this.#notFound(error);
      throw error;
    }
    try {
      if (!dir.isCurrent()) throw this.#notFound();
      this.#processes.refresh(ids);
      return await act();
    } finally {
      lock.release();
    }
  }

  /** It was deleted: its processes have ended, and their descriptors are given back. */
  #notFound(cause?: unknown): OutliveError {
    this.#processes.refresh();
    return this.#target.dir.notFound(cause);
  }
}

/** Reads a container's state, and says which container it is. Throws as `Container.load()`. */
function readContainer(root: string, id: string): { dir: ContainerDir; state: ContainerState } {
  let found: ContainerDir | undefined;
  try {
    found = new ContainerDir(realRoot(root), id);
    checkOwnDirectory(found.path);
    const state = found.readState();
    return { dir: new ContainerDir(found.root, id, state.key), state };
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
