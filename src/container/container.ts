/**
 * A container: the directory that holds its processes, and the map from id to Process. What the runtime does with a
 * running one is container-operations.ts's. Seed: the `Container` interface of containerd's runtime package.
 */
import { accessSync, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkInteger, checkObject, checkString, checkStrings, checkTimeout } from '../base/arg-checks.js';
import { readBundle } from '../oci/bundle.js';
import { checkStartCheckpoint } from '../runtime/checkpoint.js';
import { ContainerOperations } from './operations.js';
import {
  type CleanUpOptions,
  type ContainerOptions,
  type CreateOptions,
  DEFAULT_TIMEOUT_MS,
  type ExecOptions,
  type ExecSpec,
  type LoadFailure,
  type LoadedRoot,
  type StartOptions,
  checkLabels,
  checkOptions,
} from './options.js';
import { ContainerProcesses, type StartMode } from './processes.js';
import { releaseShim } from '../shim/control.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { execSpec } from '../oci/exec-spec.js';
import type { Process, State } from './process.js';
import { ContainerDir, type ContainerState, INIT_PROCESS_ID, checkId } from '../state/state-dir.js';
import { type Leftover, checkOwnDirectory, containerIds, findLeftovers, removeLeftover } from './leftovers.js';
import { type Stdio, newStdio } from '../stdio/stdio.js';

/**
 * How long removeProcess() waits for the shim to leave, in milliseconds. A shim with nothing left to hold leaves at once;
 * one that holds what an exec'ed process left running stays with it until the container is deleted.
 */
const RELEASE_LIMIT_MS = 500;

/** A container and its processes. Nothing of it is held only in memory: `Container.load` brings it back. */
export class Container extends ContainerOperations {
  readonly #processes: ContainerProcesses;

  private constructor(dir: ContainerDir, id: string, state: ContainerState, timeoutMs: number) {
    super(dir, id, state, timeoutMs);
    const letRun = (): Promise<void> => this.letRun();
    const owner = { container: this, call: this.call, noPivotRoot: state.noPivotRoot, letRun };
    this.#processes = new ContainerProcesses(owner);
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
    if (container.init?.awaitsStart === true) await container.status().catch(() => undefined);
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
  async start({ stdio, checkpoint = '', labels }: StartOptions = {}): Promise<Process> {
    const { init } = this;
    if (init?.awaitsStart === true && stdio === undefined && checkpoint === '' && labels === undefined) {
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
  async create({ stdio, labels }: CreateOptions = {}): Promise<Process> {
    return this.#startInit(stdio, { create: true, ...checkLabels(labels) });
  }

  /**
   * Starts another process in the running container.
   * @param processId as a container's id; unique in the container, not `init`.
   * @param spec what to run: changes to the bundle's process, as {@link execSpec} takes them.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED`, `ERR_CONTAINER_EXITED`; else as `start()`.
   */
  async exec(processId: string, spec: ExecSpec, { stdio, labels }: ExecOptions = {}): Promise<Process> {
    checkId('processId', processId);
    checkObject('spec', spec);
    checkStrings('spec.args', spec.args);
    this.requireLiving();
    const bundle = readBundle(this.bundle);
    const how = { exec: true, ...checkLabels(labels) };
    return this.#processes.start(processId, bundle, execSpec(bundle.process, spec), newStdio(stdio), how);
  }

  /** Its processes that were not removed, running or not, in no particular order. */
  processes(): Process[] {
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
    await this.#processes.settled();
    const dir = this.call.dir.process(processId);
    await releaseShim(dir, RELEASE_LIMIT_MS);
    process.close();
    this.#processes.forget(processId);
    dir.remove();
    this.changes.tell('remove', process);
  }

  /** The state of its first process; `stopped` when it has none. Synchronous; `status()` asks the runtime. */
  state(): State {
    return this.init?.state() ?? 'stopped';
  }

  /**
   * Ends whatever still runs in it (the runtime's `delete --force`), waits until its shims have left, and removes its
   * directory. Further use of this object or its processes fails.
   * @param options.force false: refuse when a process still runs. Default true.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` (only with `force: false`); `ERR_OCI_RUNTIME`, `ERR_NOT_INSTALLED`
   *   when what runs could not be ended; `ERR_SHIM` when a shim did not leave in `timeoutMs`. The state is kept then.
   */
  async delete({ force = true }: { force?: boolean } = {}): Promise<void> {
    await this.#processes.settled();
    const alive = this.processes().filter((process) => !process.hasEnded);
    if (!force && alive.length > 0) {
      throw new OutliveError('ERR_PROCESS_NOT_EXITED', `container ${this.id} still runs`);
    }
    for (const process of this.processes()) {
      if (process.hasEnded && !(await process.settled(this.call.timeoutMs))) throw this.#shimStays(process.id);
    }
    const { init } = this;
    if (init?.endedCleanly === false) await this.#processes.deleteFromRuntime(alive.length > 0, init.wasCutOff);
    for (const process of alive) {
      if (!(await process.settled(this.call.timeoutMs))) throw this.#shimStays(process.id);
    }
    for (const { id } of this.processes()) {
      if (!(await releaseShim(this.call.dir.process(id), this.call.timeoutMs))) throw this.#shimStays(id);
    }
    this.close();
    for (const { id } of this.processes()) this.#processes.forget(id);
    this.call.dir.remove();
    this.changes.tell('delete');
  }

  /** Closes all its processes' objects: stops watching, touches no process. */
  close(): void {
    this.#processes.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  protected get init(): Process | undefined {
    return this.#processes.init;
  }

  #startInit(stdio: Partial<Stdio> | undefined, how: StartMode): Promise<Process> {
    const bundle = readBundle(this.bundle);
    return this.#processes.start(INIT_PROCESS_ID, bundle, bundle.process, newStdio(stdio), how);
  }

  #shimStays(processId: string): OutliveError {
    return new OutliveError('ERR_SHIM', `the shim of process ${processId} did not leave in ${this.call.timeoutMs} ms`);
  }
}
