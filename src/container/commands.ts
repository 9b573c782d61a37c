/**
 * Starts, and the runtime's commands on a container: the public methods, and their documentation. `Container` adds its life and
 * its processes. Owns no behaviour: starts.ts and operations.ts do.
 */
import { checkArgs, checkObject } from '../base/arg-checks.js';
import { newId } from '../oci/ids.js';
import type { LinuxResources } from '../oci/types.js';
import type { Signal } from '../posix/index.js';
import type { Checkpoint, CheckpointOptions } from '../runtime/checkpoint.js';
import type { ContainerStats } from '../runtime/stats.js';
import type { RuntimeStatus } from '../runtime/status.js';
import type { ContainerOperations } from './operations.js';
import type { CreateOptions, ExecOptions, ExecSpec, StartOptions } from './options.js';
import type { Process, ProcessOwner } from './process.js';
import type { ContainerStarts } from './starts.js';

export abstract class ContainerCommands<Owner extends ProcessOwner> {
  /** @internal */
  protected abstract readonly starts: ContainerStarts<Owner>;
  /** @internal */
  protected abstract readonly operations: ContainerOperations<Process<Owner>>;

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
  async start(options: StartOptions = {}): Promise<Process<Owner>> {
    return this.starts.start(options);
  }

  /**
   * Makes the container's first process, `init`, but does not let its program run yet. The process has its pid,
   * namespaces and limits. Its state is `created` until `container.start()` or `process.start()`. Meanwhile you can set
   * up what it needs on the host (networks, …). It outlives the supervisor as a running one does. Ends as soon as `start()`.
   * @throws as `start()`: `ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them; `ERR_INVALID_STATE` if it has a
   *   first process already.
   */
  async createInit(options: CreateOptions = {}): Promise<Process<Owner>> {
    return this.starts.create(options);
  }

  /** @deprecated The old name of `createInit()`. */
  async create(options: CreateOptions = {}): Promise<Process<Owner>> {
    return this.createInit(options);
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
   * @example
   * ```ts
   * const check = await container.exec(
   *   'health-check',
   *   { args: ['curl', '-f', 'http://localhost'], env: { LEVEL: 'debug' } },
   *   { stdio: { stdout: 'log', stderr: 'log' } },
   * );
   * ```
   */
  exec(processId: string, spec: ExecSpec, options?: ExecOptions): Promise<Process<Owner>>;
  /**
   * Starts another process in the running container, as `exec(processId, spec)`, with an id that sorts by time, and its output in the
   * log unless `stdio` says otherwise.
   * @param what the program and its arguments; all else is taken from `init` as it was started. Or as `spec` above.
   * @throws as `exec(processId, spec)`.
   * @example
   * ```ts
   * const check = await container.exec(['curl', '-f', 'http://localhost']);
   * const { status } = await check.wait();
   * ```
   */
  exec(what: readonly string[] | ExecSpec, options?: ExecOptions): Promise<Process<Owner>>;
  async exec(
    first: string | readonly string[] | ExecSpec,
    specOrOptions: ExecSpec | ExecOptions = {},
    options: ExecOptions = {},
  ): Promise<Process<Owner>> {
    if (typeof first !== 'object') return this.starts.exec(first, specOrOptions as ExecSpec, options);
    if (Array.isArray(first)) checkArgs('args', first);
    checkObject('options', specOrOptions);
    const spec = Array.isArray(first) ? { args: first } : (first as ExecSpec);
    const { stdio = { stdout: 'log', stderr: 'log' }, ...others }: ExecOptions = specOrOptions;
    return this.starts.exec(newId(), spec, { ...others, stdio });
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
    return this.operations.pause();
  }

  /**
   * Lets its processes go on.
   * @throws as `pause()` (`ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them); `ERR_INVALID_STATE` if it is not
   *   paused.
   */
  async resume(): Promise<void> {
    return this.operations.resume();
  }

  /**
   * Runs the runtime's `state`. To ask without the runtime, call `state()`. Does not wait for the lock. Ends after at most
   * `timeoutMs` + 1 s.
   * @returns the runtime's own word; `'stopped'` if the container has ended and the runtime does not know it any more.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED` if it was not started; `ERR_CONTAINER_NOT_FOUND` if it was
   *   deleted; `ERR_OCI_RUNTIME` if the runtime failed or took longer than `timeoutMs`; `ERR_NOT_INSTALLED` if the
   *   runtime is missing; `ERR_INVALID_STATE` if it prints no JSON, or its container with this id has another bundle.
   */
  async runtimeStatus(): Promise<RuntimeStatus> {
    return this.operations.status();
  }

  /** @deprecated The old name of `runtimeStatus()`. */
  async status(): Promise<RuntimeStatus> {
    return this.runtimeStatus();
  }

  /**
   * The pids, on the host, of all processes in it, also of those that they started. A pid may belong to another process
   * by the time you use it. To signal, use `killAll()` or `process.signal()`. Does not wait for the lock.
   * @throws as `pause()`, but never `ERR_CONTAINER_BUSY` and `ERR_INVALID_STATE`.
   */
  async pids(): Promise<number[]> {
    return this.operations.pids();
  }

  /**
   * The resources that it uses now, by the runtime's `events --stats`, and when that was read. Does not wait for the lock.
   * @throws as `pids()`. crun (1.8.1) has no such command: `ERR_OCI_RUNTIME`.
   */
  async stats(): Promise<ContainerStats> {
    return this.operations.stats();
  }

  /**
   * Changes its limits while it runs. A limit that is missing stays as it is. The bundle's config.json is not changed.
   * @param resources as `linux.resources` of config.json; on the host runtime, those of `HostResources`.
   * @throws as `pause()` (`ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them); `ERR_LIMITS_UNAVAILABLE` if the host
   *   runtime can't set one of them here; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, and on the host runtime
   *   `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
   */
  async updateResources(resources: LinuxResources): Promise<void> {
    return this.operations.updateResources(resources);
  }

  /**
   * Sends a signal to every process in it. If it is paused, runc and crun thaw it by that.
   * @param signal a name or number, 1 to 64. Default `'SIGKILL'`.
   * @throws as `pause()` (`ERR_CONTAINER_BUSY`, `ERR_CONTAINER_NOT_FOUND` among them); {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
   * @see kill(2)
   */
  async killAll(signal: Signal = 'SIGKILL'): Promise<void> {
    return this.operations.killAll(signal);
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
    return this.operations.checkpoint(options, dir);
  }

  /**
   * The checkpoints in a directory, sorted by name.
   * @param dir default `<bundle>/checkpoints`.
   * @throws {OutliveError} `ERR_INVALID_STATE` if a checkpoint's config.json is broken; a system error.
   */
  async checkpoints(dir?: string): Promise<Checkpoint[]> {
    return this.operations.checkpoints(dir);
  }

  /**
   * Removes a checkpoint.
   * @throws {OutliveError} `ERR_CHECKPOINT_NOT_EXISTS` if there is none; {TypeError} `ERR_INVALID_ARG_TYPE`,
   *   `ERR_INVALID_ARG_VALUE`; a system error.
   */
  async deleteCheckpoint(name: string, dir?: string): Promise<void> {
    return this.operations.deleteCheckpoint(name, dir);
  }
}
