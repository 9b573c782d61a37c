/**
 * A container: the public methods, and their documentation. Each hands on to one of its parts: the starts (starts.ts), the
 * runtime's commands (operations.ts), the processes (processes.ts), removal (delete.ts). Changes hold the lock (locked.ts).
 * Source: the `Container` interface of containerd's runtime package (June 2016).
 */
import { accessSync } from 'node:fs';
import { checkBoolean, checkInteger, checkObject, checkString } from '../base/arg-checks.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { absolutePath } from '../disk/working-directory.js';
import { checkSystem } from '../kernel/requirements.js';
import { readBundle } from '../oci/bundle.js';
import { INIT_PROCESS_ID, checkId } from '../oci/ids.js';
import type { LinuxResources } from '../oci/types.js';
import type { Signal } from '../posix/index.js';
import type { RuntimeTarget } from '../runtime/call.js';
import type { Checkpoint, CheckpointOptions } from '../runtime/checkpoint.js';
import type { ContainerStats } from '../runtime/stats.js';
import type { RuntimeStatus } from '../runtime/status.js';
import { ContainerDir, type ContainerState } from '../state/container.js';
import { idsIn, realRoot } from '../state/root.js';
import { ContainerChanges } from './changes.js';
import { deleteContainer, removeProcess } from './delete.js';
import { type Leftover, cleanUp } from './leftovers.js';
import type { State } from './lifecycle.js';
import { findStarted, readContainer } from './load.js';
import { type Locked, lockedBy } from './locked.js';
import { ContainerOperations } from './operations.js';
import {
  type CleanUpOptions,
  type ContainerOptions,
  type CreateOptions,
  type ExecOptions,
  type ExecSpec,
  type LoadFailure,
  type StartOptions,
  checkOptions,
  defaultScope,
  checkTimeoutOption,
} from './options.js';
import type { Process, ProcessOwner } from './process.js';
import { ContainerProcesses } from './processes.js';
import { ContainerStarts } from './starts.js';

/** A {@link Process} whose `container` is a {@link Container}. */
export type ContainerProcess = Process<Container>;

/** The result of `Container.loadAll()`. */
export interface LoadedRoot {
  readonly containers: Container[];
  readonly failures: LoadFailure[];
}

/** A container and its processes. Its whole state is on disk: any program can bring it back by `Container.load()`. */
export class Container implements ProcessOwner {
  readonly id: string;
  /** Absolute path. */
  readonly bundle: string;
  /** `'host'`, a name, or an absolute path. */
  readonly runtime: string;
  readonly runtimeArgs: readonly string[];
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
  readonly #operations: ContainerOperations<ContainerProcess>;
  readonly #starts: ContainerStarts<Container>;
  readonly #locked: Locked;

  private constructor(dir: ContainerDir, id: string, state: ContainerState, timeoutMs: number) {
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
    const target = this.#target;
    const { changes } = this;
    this.#locked = lockedBy(target, (ids) => this.#processes.refreshed(ids));
    const locked = this.#locked;
    this.#operations = new ContainerOperations({ target, changes, locked, init: () => this.#processes.init });
    this.#processes = new ContainerProcesses({
      ...{ container: this, target, shim, noPivotRoot, durable, scope, changes },
      letRun: () => locked(() => this.#operations.letRun()),
      onLost: (process) => void this.#endRemains(process),
    });
    const [processes, operations] = [this.#processes, this.#operations];
    this.#starts = new ContainerStarts({ bundle, timeoutMs, locked, processes, operations });
  }

  /**
   * Makes a container in the state root. Runs nothing yet, and takes no lock. After a failure nothing of it is left.
   * @throws {OutliveError} `ERR_CONTAINER_EXISTS` if the root has something with this id; {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (also if config.json is broken: with file, line, column),
   *   `ERR_OUT_OF_RANGE`; a system error if the root can't be written or the bundle can't be read;
   *   `ERR_UNSUPPORTED_SYSTEM` if /proc or the kernel's pidfds can't be used; `ERR_WORKING_DIRECTORY` if a path is
   *   relative and this program's working directory was removed.
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
   * Brings back a container that this or another program made, with all its processes: those that run, those that ended
   * while no program watched, and those whose start was interrupted. Takes no lock. Runs the runtime's `state` for a created
   * container, and then ends at most `timeoutMs` + 1 s later, also if the runtime hangs.
   * @param options.timeoutMs as `ContainerOptions.timeoutMs`. Default 15000.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_FOUND` if there is none; `ERR_INVALID_STATE` if its state.json is broken
   *   or missing, or its directory belongs to, or may be written by, another user; {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; a system error; `ERR_UNSUPPORTED_SYSTEM` and
   *   `ERR_WORKING_DIRECTORY` as `create()`.
   */
  static async load(root: string, id: string, options: { timeoutMs?: number } = {}): Promise<Container> {
    checkString('root', root);
    checkId('id', id);
    const timeoutMs = checkTimeoutOption(options);
    checkSystem();
    const container = await Container.#read(absolutePath(root), id, timeoutMs);
    await findStarted([container.#operations], timeoutMs);
    return container;
  }

  static async #read(root: string, id: string, timeoutMs: number): Promise<Container> {
    await ownTurn();
    const { dir, state } = readContainer(root, id);
    const container = new Container(dir, id, state, timeoutMs);
    try {
      await container.#processes.refreshed();
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
  static async loadAll(root: string, options: { timeoutMs?: number } = {}): Promise<LoadedRoot> {
    checkString('root', root);
    const timeoutMs = checkTimeoutOption(options);
    const containers: Container[] = [];
    const failures: LoadFailure[] = [];
    checkSystem();
    const path = absolutePath(root);
    accessSync(path);
    for (const id of idsIn(realRoot(path))) {
      try {
        containers.push(await Container.#read(path, id, timeoutMs));
      } catch (error) {
        // Ignore: another program has deleted it since it was listed.
        if (!hasCode(error, 'ERR_CONTAINER_NOT_FOUND')) failures.push({ id, error: error as Error });
      }
    }
    await findStarted(
      containers.map((container) => container.#operations),
      timeoutMs,
    );
    return { containers, failures };
  }

  /**
   * Removes what dead supervisors left unfinished in a state root: directories that were being made or removed,
   * containers whose state.json is missing or broken, and processes whose start was interrupted before there was a
   * shim. Signals no process, and removes nothing of which a process runs. If a container's lock is held, it skips that
   * container.
   * @param root an existing directory.
   * @param options.dryRun true: only list. Default false.
   * @param options.graceMs the age in milliseconds, 0 to 2147483647, from which a start that has no pid and no shim
   *   counts as interrupted. It must be longer than a start takes. Default 60000.
   * @returns what was found, the reason, and whether it was removed.
   * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; {OutliveError}
   *   `ERR_INVALID_STATE` if a container's `.lock` is not a FIFO of this user; `ERR_UNSUPPORTED_SYSTEM`,
   *   `ERR_WORKING_DIRECTORY`, as `create()`; a system error if the root can't be read or written.
   */
  static async cleanUp(root: string, options: CleanUpOptions = {}): Promise<Leftover[]> {
    checkString('root', root);
    checkObject('options', options);
    const { dryRun = false, graceMs = 60_000 } = options;
    checkBoolean('options.dryRun', dryRun);
    checkInteger('options.graceMs', graceMs, 0, 2_147_483_647);
    checkSystem();
    accessSync(absolutePath(root));
    return cleanUp(realRoot(root), { dryRun, graceMs });
  }

  /**
   * Starts the container's first process, `init`. If `create()` made it already, lets its program run.
   * After a failure nothing of the attempt is left, and you may try again; for a created one see `process.start()`.
   * Ends at most `timeoutMs` + 1 s after it got the lock, with the first error. If the clean-up takes longer (the runtime
   * hangs), it goes on in the background and holds the lock: until it is over, the container's other changes wait.
   * @throws {OutliveError} `ERR_INVALID_STATE` if it was started before, if options are given for a created one, or if
   *   a file is broken or in the way; `ERR_CONTAINER_BUSY` if another object, worker or program was changing the
   *   container for longer than `timeoutMs`, and nothing was changed; `ERR_CONTAINER_NOT_FOUND` if the container was
   *   deleted; `ERR_NOT_INSTALLED` if the shim or runtime is missing; `ERR_SHIM` or `ERR_OCI_RUNTIME` if the shim or
   *   runtime failed (the program is missing, …); `ERR_CONTAINER_NOT_STARTED` if neither said why;
   *   `ERR_CONTAINER_START_TIMEOUT` if it took longer than `timeoutMs`; `ERR_SCOPE_UNAVAILABLE` if systemd gives no scope
   *   (only with `scope: 'systemd'`, also as a default; the message has its reason); `ERR_LIMITS_UNAVAILABLE` if the host
   *   runtime can't set one of the bundle's limits here; `ERR_CHECKPOINT_NOT_EXISTS` if there is no such
   *   checkpoint; {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; a system error.
   */
  async start(options: StartOptions = {}): Promise<ContainerProcess> {
    return this.#starts.start(options);
  }

  /**
   * Makes the container's first process, `init`, but does not let its program run yet. The process has its pid,
   * namespaces and limits. Its state is `created` until `container.start()` or `process.start()`. Meanwhile you can set
   * up what it needs on the host (networks, …). It outlives the supervisor as a running one does. Ends as soon as `start()`.
   * @throws as `start()`: `ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them; `ERR_INVALID_STATE` if it has a
   *   first process already.
   */
  async create(options: CreateOptions = {}): Promise<ContainerProcess> {
    return this.#starts.create(options);
  }

  /**
   * Starts another process in the running container. Ends at most `timeoutMs` + 1 s after it had the lock, with the first
   * error; a clean-up that takes longer goes on in the background.
   * @param processId has the form of a container's id; unique in the container, not `init`.
   * @param spec what to run: changes to the process object of `init` as it was started, as {@link execSpec} takes them.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED` if `init` was not started; `ERR_CONTAINER_EXITED` if it has
   *   ended; `ERR_CONTAINER_BUSY` if another object, worker or program was changing the container for longer than
   *   `timeoutMs`, and nothing was changed; `ERR_CONTAINER_NOT_FOUND` if the container was deleted; `ERR_INVALID_STATE`
   *   if it has a process with this id; else as `start()`.
   */
  async exec(processId: string, spec: ExecSpec, options: ExecOptions = {}): Promise<ContainerProcess> {
    return this.#starts.exec(processId, spec, options);
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
    const removed = await this.#locked(async () => {
      const process = this.#processes.get(processId);
      if (process === undefined) throw new OutliveError('ERR_INVALID_STATE', `no process ${processId} in ${this.id}`);
      await removeProcess({ processes: this.#processes, target: this.#target }, process);
      return process;
    }, [INIT_PROCESS_ID, processId]);
    this.changes.tell('remove', removed);
  }

  /**
   * The state of its first process; `stopped` if it has none. Reads files and does not run the runtime; `status()`
   * does.
   */
  state(): State {
    this.#processes.refresh([INIT_PROCESS_ID]);
    return this.#processes.init?.state() ?? 'stopped';
  }

  /**
   * Freezes all its processes; resolves when none of them runs any more. Signals reach them only after `resume()`. Ends at
   * most `timeoutMs` + 1 s after it got the lock, as do all methods that say "as `pause()`" below.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED` if it was not started; `ERR_CONTAINER_EXITED` if its first
   *   process has ended; `ERR_INVALID_STATE` if it is paused already (crun does not report that); `ERR_CONTAINER_BUSY`
   *   if another object, worker or program was changing the container for longer than `timeoutMs`, and nothing was
   *   changed; `ERR_CONTAINER_NOT_FOUND` if the container was deleted; `ERR_OCI_RUNTIME` if the runtime failed or took
   *   longer than `timeoutMs`; `ERR_NOT_INSTALLED` if the runtime is missing; a system error.
   */
  async pause(): Promise<void> {
    return this.#operations.pause();
  }

  /**
   * Lets its processes go on.
   * @throws as `pause()` (`ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them); `ERR_INVALID_STATE` if it is not
   *   paused.
   */
  async resume(): Promise<void> {
    return this.#operations.resume();
  }

  /**
   * Runs the runtime's `state`. To ask without the runtime, call `state()`. Does not wait for the lock. Ends after at most
   * `timeoutMs` + 1 s.
   * @returns the runtime's own word; `'stopped'` if the container has ended and the runtime does not know it any more.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED` if it was not started; `ERR_CONTAINER_NOT_FOUND` if it was
   *   deleted; `ERR_OCI_RUNTIME` if the runtime failed or took longer than `timeoutMs`; `ERR_NOT_INSTALLED` if the
   *   runtime is missing; `ERR_INVALID_STATE` if it prints no JSON, or its container with this id has another bundle.
   */
  async status(): Promise<RuntimeStatus> {
    return this.#operations.status();
  }

  /**
   * The pids, on the host, of all processes in it, also of those that they started. A pid may belong to another process
   * by the time you use it. To signal, use `killAll()` or `process.signal()`. Does not wait for the lock.
   * @throws as `pause()`, but never `ERR_CONTAINER_BUSY` and `ERR_INVALID_STATE`.
   */
  async pids(): Promise<number[]> {
    return this.#operations.pids();
  }

  /**
   * The resources that it uses now, by the runtime's `events --stats`. Does not wait for the lock.
   * @throws as `pids()`. crun (1.8.1) has no such command: `ERR_OCI_RUNTIME`.
   */
  async stats(): Promise<ContainerStats> {
    return this.#operations.stats();
  }

  /**
   * Changes its limits while it runs. A limit that is missing stays as it is. The bundle's config.json is not changed.
   * @param resources as `linux.resources` of config.json; on the host runtime, those of `HostResources`.
   * @throws as `pause()` (`ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them); `ERR_LIMITS_UNAVAILABLE` if the host
   *   runtime can't set one of them here; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, and on the host runtime
   *   `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
   */
  async updateResources(resources: LinuxResources): Promise<void> {
    return this.#operations.updateResources(resources);
  }

  /**
   * Sends a signal to every process in it. If it is paused, runc and crun thaw it by that.
   * @param signal a name or number, 1 to 64. Default `'SIGKILL'`.
   * @throws as `pause()` (`ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them); {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
   * @see kill(2)
   */
  async killAll(signal: Signal = 'SIGKILL'): Promise<void> {
    return this.#operations.killAll(signal);
  }

  /**
   * Saves it by criu. `start({ checkpoint })` of a container with the same bundle restores it. After a failure nothing
   * of the checkpoint is left but criu's log, if there is one: the error names it, and the next checkpoint with this name
   * replaces it. The removal of its images is not counted in the time limit.
   * @param dir the directory for checkpoints. Default `<bundle>/checkpoints`. If only its last part is missing, it is
   *   made.
   * @throws as `pause()` (`ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them); `ERR_CHECKPOINT_EXISTS` if the
   *   name is taken; {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`. The host runtime and a crun without
   *   criu make no checkpoints: `ERR_OCI_RUNTIME`.
   * @see criu(8)
   */
  async checkpoint(options: CheckpointOptions, dir?: string): Promise<Checkpoint> {
    return this.#operations.checkpoint(options, dir);
  }

  /**
   * The checkpoints in a directory, sorted by name.
   * @param dir default `<bundle>/checkpoints`.
   * @throws {OutliveError} `ERR_INVALID_STATE` if a checkpoint's config.json is broken; a system error.
   */
  async checkpoints(dir?: string): Promise<Checkpoint[]> {
    return this.#operations.checkpoints(dir);
  }

  /**
   * Removes a checkpoint.
   * @throws {OutliveError} `ERR_CHECKPOINT_NOT_EXISTS` if there is none; {TypeError} `ERR_INVALID_ARG_TYPE`,
   *   `ERR_INVALID_ARG_VALUE`; a system error.
   */
  async deleteCheckpoint(name: string, dir?: string): Promise<void> {
    return this.#operations.deleteCheckpoint(name, dir);
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
  async delete(options: { force?: boolean } = {}): Promise<void> {
    checkObject('options', options);
    const { force = true } = options;
    checkBoolean('options.force', force);
    await this.#locked(async () => {
      await this.#processes.refreshed();
      return deleteContainer({ processes: this.#processes, target: this.#target }, force);
    });
    this.changes.tell('delete');
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
  async #endRemains(process: ContainerProcess): Promise<void> {
    try {
      // Without a look at the others: this object may be closed by now, and what it took up anew nobody would close.
      await this.#locked(async () => {
        if (process.lifecycle.dir.isCurrent()) await this.#processes.endRemains(process);
      }, []);
    } catch {
      // Ignore: the container was deleted meanwhile, or is busy, or the runtime failed. delete() tries again and
      // reports it.
    }
  }
}
