/**
 * A container: the directory that holds its processes, and the map from id to Process. What the runtime does with a
 * running one is container-operations.ts's. Seed: the `Container` interface of containerd's runtime package.
 */
import { accessSync, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkInteger, checkObject, checkString, checkStrings, checkTimeout } from '../base/arg-checks.js';
import { readBundle } from '../oci/bundle.js';
import { checkStartCheckpoint } from '../runtime/checkpoint.js';
import { ContainerChanges } from './changes.js';
import { ContainerOperations } from './operations.js';
import type { RuntimeTarget } from '../runtime/call.js';
import type { RuntimeStatus } from '../runtime/status.js';
import type { ContainerStats } from '../runtime/stats.js';
import type { LinuxResources } from '../oci/types.js';
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
import { releaseShim } from '../shim/control.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { execSpec } from '../oci/exec-spec.js';
import type { Process, ProcessOwner } from './process.js';
import type { State } from './lifecycle.js';
import { ContainerDir, type ContainerState } from '../state/container.js';
import { INIT_PROCESS_ID, checkId } from '../oci/ids.js';
import { type Leftover, findLeftovers, removeLeftover } from './leftovers.js';
import { checkOwnDirectory, containerIds } from '../state/root.js';
import { type Stdio, newStdio } from '../stdio/stdio.js';

/**
 * How long removeProcess() waits for the shim to leave, in milliseconds. A shim with nothing left to hold leaves at once;
 * one that holds what an exec'ed process left running stays with it until the container is deleted.
 */
const RELEASE_LIMIT_MS = 500;

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

  /** @internal */
  readonly changes = new ContainerChanges<ContainerProcess>();

  readonly #target: RuntimeTarget;
  readonly #processes: ContainerProcesses<Container>;
  readonly #operations: ContainerOperations<ContainerProcess>;

  private constructor(dir: ContainerDir, id: string, state: ContainerState, timeoutMs: number) {
    const { bundle, labels, runtime, runtimeArgs, shim, noPivotRoot } = state;
    this.id = id;
    this.bundle = bundle;
    this.runtime = runtime;
    this.runtimeArgs = runtimeArgs;
    this.labels = labels;
    this.shim = shim;
    const target = { id, bundle, runtime, runtimeArgs, dir, timeoutMs };
    const { changes } = this;
    this.#target = target;
    this.#operations = new ContainerOperations({ target, changes, init: () => this.#processes.init });
    const letRun = (): Promise<void> => this.#operations.letRun();
    this.#processes = new ContainerProcesses({ container: this, target, shim, noPivotRoot, changes, letRun });
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
    const dir = new ContainerDir(resolve(root), id);
    let state: ContainerState;
    try {
      checkOwnDirectory(dir.path);
      state = dir.readState();
    } catch (cause) {
      if (!hasCode(cause, 'ENOENT', 'ENOTDIR')) throw cause;
      if (!existsSync(dir.path)) {
        throw new OutliveError('ERR_CONTAINER_NOT_FOUND', `no container ${id} in ${root}`, { cause });
      }
      throw new OutliveError('ERR_INVALID_STATE', `container ${id} in ${root} was never made to the end`, { cause });
    }
    const container = new Container(dir, id, state, timeoutMs);
    try {
      container.#processes.attach();
    } catch (error) {
      container.close();
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
    for (const id of containerIds(resolve(root))) {
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
    const leftovers = findLeftovers(resolve(root), graceMs);
    if (!dryRun) await Promise.all(leftovers.map(removeLeftover));
    return leftovers;
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
    const { init } = this.#processes;
    if (init?.lifecycle.awaitsStart === true && stdio === undefined && checkpoint === '' && labels === undefined) {
      await init.start();
      return init;
    }
    checkStartCheckpoint(this.bundle, checkpoint);
    return this.#startInit(stdio, { checkpoint, ...checkLabels(labels) });
  }

  /**
   * Makes the container and its first process, `init`, but does not let its program run yet: it has its pid, namespaces
   * and limits, and its state is `created` until `start()`, of this object or of the process. The host side of it
   * (networks, …) may be set up meanwhile. It outlives the supervisor as a running one does.
   * @throws as `start()`; `ERR_INVALID_STATE` when it has a first process already.
   */
  async create({ stdio, labels }: CreateOptions = {}): Promise<ContainerProcess> {
    return this.#startInit(stdio, { create: true, ...checkLabels(labels) });
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
    this.#operations.requireLiving();
    const bundle = readBundle(this.bundle);
    const mode = { exec: true, ...checkLabels(labels) };
    return this.#processes.start(processId, bundle, execSpec(bundle.process, spec), newStdio(stdio), mode);
  }

  /** Its processes that were not removed, running or not, in no particular order. */
  processes(): ContainerProcess[] {
    return this.#processes.all();
  }

  /**
   * Forgets an ended process and removes its directory.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED`; `ERR_INVALID_STATE` when there is none with this id.
   */
  async removeProcess(processId: string): Promise<void> {
    const process = this.#processes.get(processId);
    if (process === undefined) throw new OutliveError('ERR_INVALID_STATE', `no process ${processId} in ${this.id}`);
    if (!process.hasEnded) throw new OutliveError('ERR_PROCESS_NOT_EXITED', `process ${processId} has not exited`);
    await this.#processes.lostEnded();
    const dir = this.#target.dir.process(processId);
    await releaseShim(dir, RELEASE_LIMIT_MS);
    process.close();
    this.#processes.forget(processId);
    dir.remove();
    this.changes.tell('remove', process);
  }

  /** The state of its first process; `stopped` when it has none. Synchronous; `status()` asks the runtime. */
  state(): State {
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
    await this.#processes.lostEnded();
    const alive = this.processes().filter((process) => !process.hasEnded);
    if (!force && alive.length > 0) {
      throw new OutliveError('ERR_PROCESS_NOT_EXITED', `container ${this.id} still runs`);
    }
    for (const process of this.processes()) {
      if (process.hasEnded && !(await process.lifecycle.shimCleanedUp(this.#target.timeoutMs)))
        throw this.#shimStays(process.id);
    }
    const life = this.#processes.init?.lifecycle;
    if (life?.endedCleanly === false) {
      await this.#processes.deleteFromRuntime(alive.length > 0, life.wasInterrupted);
    }
    for (const process of alive) {
      if (!(await process.lifecycle.shimCleanedUp(this.#target.timeoutMs))) throw this.#shimStays(process.id);
    }
    for (const { id } of this.processes()) {
      if (!(await releaseShim(this.#target.dir.process(id), this.#target.timeoutMs))) throw this.#shimStays(id);
    }
    this.close();
    for (const { id } of this.processes()) this.#processes.forget(id);
    this.#target.dir.remove();
    this.changes.tell('delete');
  }

  /** Closes all its processes' objects: stops watching, touches no process. */
  close(): void {
    this.#processes.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #startInit(stdio: Partial<Stdio> | undefined, mode: StartMode): Promise<ContainerProcess> {
    const bundle = readBundle(this.bundle);
    return this.#processes.start(INIT_PROCESS_ID, bundle, bundle.process, newStdio(stdio), mode);
  }

  #shimStays(processId: string): OutliveError {
    return new OutliveError(
      'ERR_SHIM',
      `the shim of process ${processId} did not leave in ${this.#target.timeoutMs} ms`,
    );
  }
}
