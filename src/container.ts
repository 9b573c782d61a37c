/**
 * A container: the directory that holds its processes, the runtime and shim that run them, and the map from id to
 * Process. Seed: the `Container` interface of containerd's runtime package.
 */
import { accessSync, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkInteger, checkObject, checkString, checkStrings, checkTimeout } from './arg-checks.js';
import { type BundleSpec, readBundle } from './bundle.js';
import {
  type CleanUpOptions,
  type ContainerOptions,
  DEFAULT_TIMEOUT_MS,
  type ExecSpec,
  type LoadFailure,
  type LoadedRoot,
  type StartOptions,
  checkOptions,
} from './container-options.js';
import { ContainerChanges } from './container-changes.js';
import { releaseShim } from './control-fifo.js';
import { OutliveError, hasCode, messageOf } from './errors.js';
import { makeProcessDir } from './process-dir.js';
import { Process, type ProcessConfig, type State } from './process.js';
import { type RuntimeCall, deleteFromRuntime, globalArgs } from './runtime.js';
import { type ProcessSpec, rootIds } from './spec.js';
import { ContainerDir, type ContainerState, INIT_PROCESS_ID, type ProcessDir, checkId } from './state-dir.js';
import { type Leftover, checkOwnDirectory, containerIds, findLeftovers, removeLeftover } from './state-root.js';
import { type Stdio, newStdio } from './stdio.js';

/**
 * How long removeProcess() waits for the shim to leave, in milliseconds. A shim with nothing left to hold leaves at once;
 * one that holds what an exec'ed process left running stays with it until the container is deleted.
 */
const RELEASE_LIMIT_MS = 500;

/** A container and its processes. Nothing of it is held only in memory: `Container.load` brings it back. */
export class Container {
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
  readonly changes = new ContainerChanges();

  readonly #dir: ContainerDir;
  readonly #noPivotRoot: boolean;
  readonly #timeoutMs: number;
  readonly #processes = new Map<string, Process>();
  /** The clean-up after processes whose end was lost. */
  #ending = Promise.resolve();

  private constructor(dir: ContainerDir, id: string, state: ContainerState, timeoutMs: number) {
    this.id = id;
    this.bundle = state.bundle;
    this.runtime = state.runtime;
    this.runtimeArgs = state.runtimeArgs;
    this.labels = state.labels;
    this.shim = state.shim;
    this.#noPivotRoot = state.noPivotRoot;
    this.#dir = dir;
    this.#timeoutMs = timeoutMs;
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
      for (const processId of dir.processIds()) container.#attach(processId);
    } catch (error) {
      container.close();
      throw error;
    }
    return Promise.resolve(container);
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
   * Starts the container's first process, `init`.
   * @throws {OutliveError} `ERR_INVALID_STATE` when it has one already; `ERR_NOT_INSTALLED`, `ERR_SHIM`,
   *   `ERR_OCI_RUNTIME` (the program is missing, …), `ERR_CONTAINER_NOT_STARTED`, `ERR_CONTAINER_START_TIMEOUT`; a bad
   *   argument's or system call's error. After a failure nothing of the attempt is left, and it may be tried again.
   */
  async start({ stdio, checkpoint = '' }: StartOptions = {}): Promise<Process> {
    const bundle = readBundle(this.bundle);
    return this.#startProcess(INIT_PROCESS_ID, bundle, bundle.process, newStdio(stdio), { exec: false, checkpoint });
  }

  /**
   * Starts another process in the running container.
   * @param processId as a container's id; unique in the container, not `init`.
   * @param spec what to run; members it lacks come from the bundle's process.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED`, `ERR_CONTAINER_EXITED`; else as `start()`.
   */
  async exec(processId: string, spec: ExecSpec, { stdio }: { stdio?: Partial<Stdio> } = {}): Promise<Process> {
    checkId('processId', processId);
    checkObject('spec', spec);
    checkStrings('spec.args', spec.args);
    const init = this.#processes.get(INIT_PROCESS_ID);
    if (init === undefined) throw new OutliveError('ERR_CONTAINER_NOT_STARTED', `container ${this.id} is not started`);
    if (init.state() === 'stopped') throw new OutliveError('ERR_CONTAINER_EXITED', `container ${this.id} has exited`);
    const bundle = readBundle(this.bundle);
    const inherited = { ...bundle.process };
    delete inherited.terminal;
    delete inherited.consoleSize;
    const merged = { ...inherited, ...spec };
    return this.#startProcess(processId, bundle, merged, newStdio(stdio), { exec: true, checkpoint: '' });
  }

  /** Its processes that were not removed, running or not, in no particular order. */
  processes(): Process[] {
    return [...this.#processes.values()];
  }

  /**
   * Forgets an ended process and removes its directory.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED`; `ERR_INVALID_STATE` when there is none with this id.
   */
  async removeProcess(processId: string): Promise<void> {
    const process = this.#processes.get(processId);
    if (process === undefined) throw new OutliveError('ERR_INVALID_STATE', `no process ${processId} in ${this.id}`);
    if (!process.hasEnded) throw new OutliveError('ERR_PROCESS_NOT_EXITED', `process ${processId} has not exited`);
    await this.#ending;
    const dir = this.#dir.process(processId);
    await releaseShim(dir, RELEASE_LIMIT_MS);
    process.close();
    this.#processes.delete(processId);
    dir.remove();
    this.changes.tell('remove', process);
  }

  /** The state of its first process; `stopped` when it has none. */
  state(): State {
    return this.#processes.get(INIT_PROCESS_ID)?.state() ?? 'stopped';
  }

  /**
   * Ends whatever still runs in it (the runtime's `delete --force`), waits until its shims have left, and removes its
   * directory. Further use of this object or its processes fails.
   * @param options.force false: refuse when a process still runs. Default true.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` (only with `force: false`); `ERR_OCI_RUNTIME`, `ERR_NOT_INSTALLED`
   *   when what runs could not be ended; `ERR_SHIM` when a shim did not leave in `timeoutMs`. The state is kept then.
   */
  async delete({ force = true }: { force?: boolean } = {}): Promise<void> {
    await this.#ending;
    const alive = this.processes().filter((process) => !process.hasEnded);
    if (!force && alive.length > 0) {
      throw new OutliveError('ERR_PROCESS_NOT_EXITED', `container ${this.id} still runs`);
    }
    for (const process of this.processes()) {
      if (process.hasEnded && !(await process.settled(this.#timeoutMs))) throw this.#shimStays(process.id);
    }
    const init = this.#processes.get(INIT_PROCESS_ID);
    if (init?.endedCleanly === false) await this.#deleteFromRuntime(alive.length > 0, init.wasCutOff);
    for (const process of alive) {
      if (!(await process.settled(this.#timeoutMs))) throw this.#shimStays(process.id);
    }
    for (const { id } of this.processes()) {
      if (!(await releaseShim(this.#dir.process(id), this.#timeoutMs))) throw this.#shimStays(id);
    }
    this.close();
    this.#processes.clear();
    this.#dir.remove();
    this.changes.tell('delete');
  }

  /** Closes all its processes' objects: stops watching, touches no process. */
  close(): void {
    for (const process of this.#processes.values()) process.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #startProcess(
    id: string,
    bundle: BundleSpec,
    spec: ProcessSpec,
    stdio: Stdio,
    { exec, checkpoint }: { exec: boolean; checkpoint: string },
  ): Promise<Process> {
    if (this.#processes.has(id)) throw new OutliveError('ERR_INVALID_STATE', `${this.id} has a process ${id} already`);
    const { uid, gid } = rootIds(bundle);
    const undo = makeProcessDir(this.#dir.process(id), spec, {
      exec,
      containerdStdin: stdio.stdin,
      containerdStdout: stdio.stdout,
      containerdStderr: stdio.stderr,
      runtimeArgs: globalArgs(this.#call),
      noPivotRoot: this.#noPivotRoot,
      checkpoint,
      rootUID: uid,
      rootGID: gid,
    });
    const process = new Process(this.#processConfig(id, spec, stdio));
    this.#processes.set(id, process);
    try {
      await process.start();
      this.changes.tell('start', process);
      return process;
    } catch (error) {
      this.#processes.delete(id);
      undo();
      throw error;
    }
  }

  #attach(id: string): void {
    const dir = this.#dir.process(id);
    // Without process.json no shim was started: a directory only, which start() or exec() take over.
    if (!dir.hasProcess() && !dir.wasStarted()) return;
    this.#processes.set(id, Process.attach(this.#loadConfig(id, dir)));
  }

  #loadConfig(id: string, dir: ProcessDir): ProcessConfig {
    try {
      const { spec, state } = dir.readProcess();
      const { containerdStdin: stdin, containerdStdout: stdout, containerdStderr: stderr } = state;
      return this.#processConfig(id, spec, newStdio({ stdin, stdout, stderr }));
    } catch (error) {
      if (!hasCode(error, 'ERR_INVALID_STATE', 'ELOOP', 'ENOENT')) throw error;
      return { ...this.#processConfig(id, { args: [] }, newStdio()), problem: messageOf(error) };
    }
  }

  #processConfig(id: string, spec: ProcessSpec, stdio: Stdio): ProcessConfig {
    const dir = this.#dir.process(id);
    const isInit = id === INIT_PROCESS_ID;
    const cleanUp = isInit ? () => this.#deleteFromRuntime(true, true) : () => Promise.resolve();
    const { shim, id: containerId, bundle, runtime } = this;
    const launch = { dir, shim, containerId, bundle, runtime, timeoutMs: this.#timeoutMs, cleanUp };
    return { id, container: this, spec, stdio, dir, launch, onLost: (process) => this.#endRemains(process) };
  }

  /** A process whose shim died is nobody's any more: what is left of it is ended, so that its id can be used again. */
  #endRemains(process: Process): void {
    const ending = this.#ending.then(async () => {
      if (process.id === INIT_PROCESS_ID) await this.#deleteFromRuntime(false, process.wasCutOff);
      else process.killRemains();
    });
    this.#ending = ending.catch(() => undefined);
  }

  #deleteFromRuntime(running: boolean, cutOff: boolean): Promise<void> {
    return deleteFromRuntime(this.#call, this.id, this.bundle, { running, cutOff });
  }

  get #call(): RuntimeCall {
    return { runtime: this.runtime, runtimeArgs: this.runtimeArgs, dir: this.#dir, timeoutMs: this.#timeoutMs };
  }

  #shimStays(processId: string): OutliveError {
    return new OutliveError('ERR_SHIM', `the shim of process ${processId} did not leave in ${this.#timeoutMs} ms`);
  }
}
