/**
 * A container: the public methods, and their documentation. Each hands on to one of its parts: the starts (starts.ts), the
 * runtime's commands (operations.ts), the processes (processes.ts), removal (delete.ts). Changes hold the lock (locked.ts).
 * Source: the `Container` interface of containerd's runtime package (June 2016).
 */
import { accessSync } from 'node:fs';
import { checkBoolean, checkInteger, checkKeys, checkString } from '../base/arg-checks.js';
import { hasCode } from '../base/errors.js';
import { Pieces, ownTurn } from '../base/turns.js';
import { absolutePath } from '../disk/working-directory.js';
import { checkSystem } from '../kernel/requirements.js';
import { type BundleSpec, readBundle } from '../oci/bundle.js';
import { INIT_PROCESS_ID, checkId } from '../oci/ids.js';
import type { RuntimeTarget } from '../runtime/call.js';
import { ContainerDir, type ContainerState } from '../state/container.js';
import type { ContainerLock } from '../state/lock.js';
import { idsIn, realRoot } from '../state/root.js';
import { ContainerChanges } from './changes.js';
import { ContainerCommands } from './commands.js';
import { type ContainerDescription, describeContainer } from './inspect.js';
import { type Leftover, cleanUp } from './leftovers.js';
import type { State } from './lifecycle.js';
import { findStarted, readContainer, realRootOf } from './load.js';
import { type Locked, lockedBy } from './locked.js';
import { ContainerOperations } from './operations.js';
import {
  type CleanUpOptions,
  type ContainerOptions,
  type LoadFailure,
  type StartOptions,
  checkOptions,
  defaultScope,
  checkTimeoutOption,
} from './options.js';
import type { Process, ProcessActions, ProcessOwner } from './process.js';
import { ContainerProcesses } from './processes.js';
import { ContainerRemoval } from './removal.js';
import { ContainerStarts } from './starts.js';

/** A {@link Process} whose `container` is a {@link Container}. */
export type ContainerProcess = Process<Container>;

/** The result of `Container.loadAll()`. */
export interface LoadedRoot {
  readonly containers: Container[];
  readonly failures: LoadFailure[];
}

/** A container and its processes. Its whole state is on disk: any program can bring it back by `Container.load()`. */
export class Container extends ContainerCommands<Container> implements ProcessOwner {
  /** Its id, which is also the name of its directory in the state root. */
  readonly id: string;
  /** The directory with its config.json: an absolute path. */
  readonly bundle: string;
  /** `'host'`, a name, or an absolute path. */
  readonly runtime: string;
  /** As given to `Container.create()`. */
  readonly runtimeArgs: readonly string[];
  /** As given to `Container.create()`. */
  readonly labels: readonly string[];
  /** `'outlive-shim'` (the shipped one), a name, or an absolute path. */
  readonly shim: string;
  /** Whether it, its processes and their ends survive a power cut; see `ContainerOptions.durable`. */
  readonly durable: boolean;

  /** @internal The key of this container (docs/protocol.md, "Keys"). Its path may hold another container by now. */
  readonly key: string;

  /** @internal */
  readonly changes = new ContainerChanges<ContainerProcess>();

  readonly #target: RuntimeTarget;
  readonly #processes: ContainerProcesses<Container>;
  private constructor(dir: ContainerDir, id: string, state: ContainerState, timeoutMs: number) {
    super();
    const { bundle, labels, runtime, runtimeArgs, shim, noPivotRoot, durable, runtimeEnv, scope } = state;
    this.id = id;
    this.bundle = bundle;
    this.runtime = runtime;
    this.runtimeArgs = runtimeArgs;
    this.labels = labels;
    this.shim = shim;
    this.durable = durable;
    this.key = state.key;
    this.#target = { id, bundle, runtime, runtimeArgs, dir, timeoutMs, runtimeEnv };
    // Without a spread: each object that has one gets a hidden class of its own, which is larger than the object.
    this.#processes = new ContainerProcesses({
      container: this,
      target: this.#target,
      shim,
      noPivotRoot,
      durable,
      scope,
      changes: this.changes,
      actionsOf: Container.#actionsOf,
      onLost: Container.#endRemains,
    });
  }

  // The parts below have no state: each is made when it is used, because there may be thousands of containers.

  get #locked(): Locked {
    return this.#lockedWith();
  }

  #lockedWith(take?: () => ContainerLock): Locked {
    return lockedBy(this.#target, (ids, isCurrent) => this.#processes.refreshed(ids, isCurrent), take);
  }

  #startsBy(locked: Locked): ContainerStarts<Container> {
    const { bundle, operations } = this;
    return new ContainerStarts({
      bundle,
      timeoutMs: this.#target.timeoutMs,
      locked,
      processes: this.#processes,
      operations,
    });
  }

  /** @internal */
  protected get operations(): ContainerOperations<ContainerProcess> {
    const { changes } = this;
    const init = (): ContainerProcess | undefined => this.#processes.init;
    return new ContainerOperations({ target: this.#target, changes, locked: this.#locked, init });
  }

  /** @internal */
  protected get starts(): ContainerStarts<Container> {
    return this.#startsBy(this.#locked);
  }

  get #removal(): ContainerRemoval<Container> {
    const { changes } = this;
    return new ContainerRemoval({ processes: this.#processes, target: this.#target, locked: this.#locked, changes });
  }

  static readonly #actionsOf = (container: Container): ProcessActions<Container> => ({
    letRun: () => container.#locked(() => container.operations.letRun()),
    killAll: () => container.killAll(),
    remove: (process) => container.#removal.remove(process),
  });

  /**
   * Makes a container in the state root. Runs nothing yet, and takes no lock. After a failure nothing of it is left.
   * @throws {OutliveError} `ERR_CONTAINER_EXISTS` if the root has something with this id; {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (also if config.json is broken: with file, line, column),
   *   `ERR_OUT_OF_RANGE`; a system error if the root can't be written or the bundle can't be read;
   *   `ERR_UNSUPPORTED_SYSTEM` if /proc or the kernel's pidfds can't be used; `ERR_WORKING_DIRECTORY` if a path is
   *   relative and this program's working directory was removed.
   * @example
   * ```ts
   * const bundle = await writeHostBundle('bundle', { args: ['sh', '-c', 'echo hello; exit 7'] });
   * const container = await Container.create({ root: 'state', id: 'job-1', bundle });
   * const job = await container.start({ stdio: { stdout: 'log', stderr: 'log' } });
   * ```
   */
  static async create(options: ContainerOptions): Promise<Container> {
    const { root, id, state, timeoutMs } = checkOptions(options);
    checkSystem();
    await ownTurn();
    const bundle = readBundle(state.bundle);
    if (options.scope === undefined) Object.assign(state, defaultScope(state.runtime, bundle));
    const dir = await ContainerDir.create(realRoot(root), id, state);
    return new Container(dir, id, state, timeoutMs);
  }

  /**
   * @internal As create(), with a bundle of its own in its directory, which has this config.json. Its lock is held until
   * startHeld() is over.
   */
  static async createHeld(
    config: BundleSpec,
    options: Omit<ContainerOptions, 'bundle'>,
  ): Promise<{ container: Container; lock: ContainerLock }> {
    const { root, id, state: given, timeoutMs } = checkOptions({ ...options, bundle: '/' });
    checkSystem();
    await ownTurn();
    const path = realRoot(root);
    const scope = options.scope === undefined ? defaultScope(given.runtime, config) : {};
    const state = { ...given, ...scope, bundle: new ContainerDir(path, id).ownBundle };
    const { dir, lock } = await ContainerDir.createHeld(path, id, state, config);
    return { container: new Container(dir, id, state, timeoutMs), lock };
  }

  /** @internal As start(), with the lock that createHeld() took. Gives it back. */
  async startHeld(lock: ContainerLock, options: StartOptions): Promise<ContainerProcess> {
    const held: { lock: ContainerLock | undefined } = { lock };
    const take = (): ContainerLock => {
      held.lock = undefined;
      return lock;
    };
    try {
      return await this.#startsBy(this.#lockedWith(take)).start(options);
    } finally {
      held.lock?.release();
    }
  }

  /**
   * @internal Deletes it if it was made by a run() that was interrupted before its process began (unstarted.ts).
   * @returns false if not: nothing was changed. @throws as delete().
   */
  async deleteIfUnstarted(): Promise<boolean> {
    return this.#removal.deleteIfUnstarted();
  }

  /**
   * Brings back a container that this or another program made, with all its processes: those that run, those that ended
   * while no program watched, and those whose start was interrupted. Takes no lock. Runs the runtime's `state` for a created
   * container, and then ends at most `timeoutMs` + 1 s later, also if the runtime hangs.
   * @param options.timeoutMs as `ContainerOptions.timeoutMs`. Default 15000.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_FOUND` if there is none; `ERR_INVALID_STATE` if its state.json is broken
   *   or missing, or its directory belongs to, or may be written by, another user; {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; a system error; `ERR_UNSUPPORTED_SYSTEM` and
   *   `ERR_WORKING_DIRECTORY` as `create()`.
   */
  static async load(root: string, id: string, options: { timeoutMs?: number | undefined } = {}): Promise<Container> {
    checkString('root', root);
    checkId('id', id);
    const timeoutMs = checkTimeoutOption(options);
    checkSystem();
    await ownTurn();
    const container = await Container.#read(realRootOf(absolutePath(root), id), id, timeoutMs);
    await findStarted([container.operations], timeoutMs);
    return container;
  }

  static async #read(root: string, id: string, timeoutMs: number): Promise<Container> {
    const { dir, state, release } = readContainer(root, id);
    const container = new Container(dir, id, state, timeoutMs);
    try {
      let refreshing: Promise<void>;
      try {
        // The first process, mostly the only one, is brought back before this returns.
        refreshing = container.#processes.refreshed();
      } finally {
        release();
      }
      await refreshing;
      return container;
    } catch (error) {
      container.close();
      dir.requireCurrent();
      throw error;
    }
  }

  /**
   * Brings back every container of a state root. Beside the reading of files it takes at most `timeoutMs` + 1 s, which is for
   * the `state` commands of all created containers together.
   * @param root an existing directory.
   * @returns the containers that were loaded, and for each of the others its id and the error. A container that cannot
   *   be loaded does not make the call fail. A container that is deleted meanwhile is in neither list.
   * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; {OutliveError}
   *   `ERR_UNSUPPORTED_SYSTEM`, `ERR_WORKING_DIRECTORY`, as `create()`; a system error if the root can't be read.
   */
  static async loadAll(root: string, options: { timeoutMs?: number | undefined } = {}): Promise<LoadedRoot> {
    checkString('root', root);
    const timeoutMs = checkTimeoutOption(options);
    const containers: Container[] = [];
    const failures: LoadFailure[] = [];
    checkSystem();
    const path = absolutePath(root);
    accessSync(path);
    const realPath = realRoot(path);
    const pieces = new Pieces();
    for (const id of idsIn(realPath)) {
      await pieces.next();
      try {
        containers.push(await Container.#read(realPath, id, timeoutMs));
      } catch (error) {
        // Ignore: another program has deleted it since it was listed.
        if (!hasCode(error, 'ERR_CONTAINER_NOT_FOUND')) failures.push({ id, error: error as Error });
      }
    }
    await findStarted(
      containers.map((container) => container.operations),
      timeoutMs,
    );
    return { containers, failures };
  }

  /**
   * Removes what dead supervisors left unfinished in a state root: directories that were being made or removed,
   * containers whose state.json is missing or broken, and processes whose start was interrupted before there was a
   * shim. Signals no process, and removes nothing of which a process runs, and no directory that this library has not made. If
   * a container's lock is held, it skips that container.
   * @param root an existing directory.
   * @param options.dryRun true: only list. Default false.
   * @param options.graceMs the age in milliseconds, 0 to 2147483647, from which a start that has no pid and no shim
   *   counts as interrupted. It must be longer than a start takes. Default 60000.
   * @returns what was found, the reason, and whether it was removed.
   * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; {OutliveError}
   *   `ERR_INVALID_STATE` if the `.lock` of a container that can be read is not a FIFO of this user; `ERR_UNSUPPORTED_SYSTEM`,
   *   `ERR_WORKING_DIRECTORY`, as `create()`; a system error if the root can't be read or written.
   */
  static async cleanUp(root: string, options: CleanUpOptions = {}): Promise<Leftover[]> {
    checkString('root', root);
    checkKeys('options', options, ['dryRun', 'graceMs']);
    const { dryRun = false, graceMs = 60_000 } = options;
    checkBoolean('options.dryRun', dryRun);
    checkInteger('options.graceMs', graceMs, 0, 2_147_483_647);
    checkSystem();
    accessSync(absolutePath(root));
    return cleanUp(realRoot(root), { dryRun, graceMs });
  }

  /** Its first process; undefined if it has none. Reads the directory. */
  get init(): ContainerProcess | undefined {
    return this.process(INIT_PROCESS_ID);
  }

  /**
   * The process with this id, running or ended; undefined if there is none. Reads the directory.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`.
   */
  process(processId: string): ContainerProcess | undefined {
    checkId('processId', processId);
    this.#processes.refresh([processId]);
    return this.#processes.get(processId);
  }

  /**
   * Its processes that were not removed, running or ended, in no particular order. Reads the directory: the list has
   * what other programs started and removed.
   * @throws a system error if the directory can't be read.
   */
  processes(): ContainerProcess[] {
    this.#processes.refresh();
    return this.#processes.all();
  }

  /**
   * Removes an ended process and its directory. Output that nobody has read is lost. Ends at most `timeoutMs` + 1 s after it
   * got the lock.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` if it has not ended; `ERR_INVALID_STATE` if there is none with this
   *   id; `ERR_CONTAINER_BUSY` if another object, worker or program was changing the container for longer than
   *   `timeoutMs`, and nothing was changed; `ERR_CONTAINER_NOT_FOUND` if the container was deleted; {TypeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; a system error.
   */
  async removeProcess(processId: string): Promise<void> {
    checkId('processId', processId);
    await this.#removal.removeProcess(processId);
  }

  /**
   * The state of its first process; `stopped` if it has none. Reads files and does not run the runtime;
   * `runtimeStatus()` does.
   */
  state(): State {
    this.#processes.refresh([INIT_PROCESS_ID]);
    return this.#processes.init?.state() ?? 'stopped';
  }

  /**
   * Ends whatever still runs in it (the runtime's `delete --force`), waits until its shims have left, and removes its
   * directory. Waits for starts that are under way; one that takes longer than `timeoutMs` is ended. All that comes after
   * has `timeoutMs` + 1 s: so it ends at most 3 × `timeoutMs` + 1 s after the call, 2 × if the lock is free. If it fails, the
   * directory stays, and you may try again. After it, changes by this object fail with `ERR_CONTAINER_NOT_FOUND`.
   * @param options.force false: refuse if a process still runs. Default true.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` if a process runs and `force` is false; `ERR_CONTAINER_BUSY` if
   *   another object, worker or program was changing the container for longer than `timeoutMs`, and nothing was
   *   changed; `ERR_CONTAINER_NOT_FOUND` if it was deleted before; `ERR_OCI_RUNTIME` or `ERR_NOT_INSTALLED` if what
   *   runs could not be ended; `ERR_SHIM` if a shim did not leave, or a start could not be ended, in `timeoutMs`;
   *   {TypeError} `ERR_INVALID_ARG_TYPE`; a system error.
   */
  async delete(options: { force?: boolean | undefined } = {}): Promise<void> {
    checkKeys('options', options, ['force']);
    const { force = true } = options;
    checkBoolean('options.force', force);
    await this.#removal.delete({ force });
  }

  /**
   * What it is, as one object that can be written as JSON: its processes, their users and times, shims, logs and ends, its limits. Of
   * environment variables it has the names, never the values. Reads files and does not run the runtime.
   * @throws as `processes()`.
   */
  inspect(): ContainerDescription {
    return describeContainer(this, this.#target.dir, this.processes());
  }

  /**
   * Stops watching: closes the objects of its processes and frees their descriptors. Does not touch any process. All
   * methods still work, and look at the directory again; only `wait()` of an end that is not known fails
   * (`ERR_INVALID_STATE`).
   */
  close(): void {
    this.closing()();
  }

  /** @internal Returns a function that does what close() does. It does not close the processes that are made meanwhile. */
  closing(): () => void {
    const processes = this.#processes.all();
    return () => {
      for (const process of processes) process.close();
    };
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Ends, in the background, what is left of a process whose end is lost. delete() and removeProcess() do that too. */
  static readonly #endRemains = async (process: ContainerProcess): Promise<void> => {
    const { container } = process;
    try {
      // Without a look at the others: this object may be closed by now, and what it took up anew nobody would close.
      await container.#locked(async () => {
        if (process.lifecycle.dir.isCurrent()) await container.#processes.endRemains(process);
      }, []);
    } catch {
      // Ignore: the container was deleted meanwhile, or is busy, or the runtime failed. delete() tries again and
      // reports it.
    }
  };
}
