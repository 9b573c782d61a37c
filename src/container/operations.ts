/**
 * What a container lets be done to it while it runs: each method is one command of its runtime. Owns the checks before
 * and what a failure means; command lines, output and checkpoint files are the modules' below.
 */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkInteger, checkObject, checkString } from '../base/arg-checks.js';
import {
  type Checkpoint,
  type CheckpointOptions,
  checkCheckpointOptions,
  defaultCheckpointDir,
  listCheckpoints,
  makeCheckpoint,
  removeCheckpoint,
} from '../runtime/checkpoint.js';
import { ContainerChanges } from './changes.js';
import { OutliveError, hasCode, messageOf } from '../base/errors.js';
import { writeFileAtomic } from '../disk/files.js';
import { ownedName } from '../disk/names.js';
import type { Signal } from '../posix/index.js';
import { signalNumber } from '../posix/signals.js';
import type { Process } from './process.js';
import { commands } from '../runtime/args.js';
import { type RuntimeStatus, runtimeStatus } from '../runtime/status.js';
import { type RuntimeCall, runRuntime, runtimeError } from '../runtime/call.js';
import type { LinuxResources } from '../oci/spec.js';
import { type ContainerDir, type ContainerState, checkId } from '../state/state-dir.js';
import { type ContainerStats, parseStats } from '../runtime/stats.js';

/** How often it is looked whether a pause has come to its end, in milliseconds. */
const PAUSE_POLL_MS = 5;

/** The part of a `Container` that its runtime does. */
export abstract class ContainerOperations {
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

  /** @internal How to call the runtime. */
  protected readonly call: RuntimeCall;

  /** @internal */
  protected constructor(dir: ContainerDir, id: string, state: ContainerState, timeoutMs: number) {
    const { bundle, labels, runtime, runtimeArgs, shim } = state;
    this.id = id;
    this.bundle = bundle;
    this.runtime = runtime;
    this.runtimeArgs = runtimeArgs;
    this.labels = labels;
    this.shim = shim;
    this.call = { id, bundle, runtime, runtimeArgs, dir, timeoutMs };
  }

  /** @internal Its first process. */
  protected abstract get init(): Process | undefined;

  /**
   * Freezes all its processes; resolves when none of them runs any more. Signals reach them only after `resume()`.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED`, `ERR_CONTAINER_EXITED`; `ERR_INVALID_STATE` when it is paused (where
   *   the runtime minds: crun does not); `ERR_OCI_RUNTIME`, also when the runtime took longer than `timeoutMs`;
   *   `ERR_NOT_INSTALLED`; a system error.
   */
  async pause(): Promise<void> {
    await this.#run(commands.pause(this.id)).catch((error: unknown) => this.#refuseIf(error, isPaused, 'is paused'));
    await this.#untilPaused();
    this.changes.tell('pause');
  }

  /**
   * Lets its processes go on.
   * @throws as `pause()`; `ERR_INVALID_STATE` when it is not paused.
   */
  async resume(): Promise<void> {
    const isNotPaused = (status: RuntimeStatus): boolean => !isPaused(status);
    await this.#run(commands.resume(this.id)).catch((error: unknown) =>
      this.#refuseIf(error, isNotPaused, 'is not paused'),
    );
    this.changes.tell('resume');
  }

  /**
   * Asks the runtime what it does; `state()` answers at once and without it.
   * @returns the runtime's own word; `'stopped'` when the runtime does not know it any more because it has ended.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED`; `ERR_OCI_RUNTIME`, `ERR_NOT_INSTALLED`; `ERR_INVALID_STATE` when
   *   it prints no JSON, or has another bundle's container under this id.
   */
  async status(): Promise<RuntimeStatus> {
    const init = this.#requireStarted();
    try {
      const status = await runtimeStatus(this.call);
      if (status === null) throw this.#invalidState("is another bundle's to the runtime");
      if (status === undefined) throw runtimeError(['state'], 'the container is half made');
      // Let run by a supervisor that died before it could write that down.
      if (status === 'running' && init.awaitsStart) init.noteStarted();
      return status;
    } catch (error) {
      if (hasCode(error, 'ERR_OCI_RUNTIME', 'ERR_INVALID_STATE') && !init.isAlive()) return 'stopped';
      throw error;
    }
  }

  /**
   * The pids of all its processes, those that they started too, as the host sees them. They may be others' by the time
   * you use them: signal by `killAll()` or `process.signal()`.
   * @throws as `pause()`.
   */
  async pids(): Promise<number[]> {
    const command = commands.ps(this.id);
    const printed: unknown = await this.#printedJson(command);
    // runc's word for none.
    const pids = printed ?? [];
    if (Array.isArray(pids) && pids.every((pid) => Number.isSafeInteger(pid))) return pids as number[];
    throw runtimeError(command, 'printed no list of pids');
  }

  /**
   * What it uses now, by the runtime's `events --stats`.
   * @throws as `pause()`. crun has no such command (1.8.1): `ERR_OCI_RUNTIME`.
   */
  async stats(): Promise<ContainerStats> {
    const command = commands.stats(this.id);
    const stats = parseStats(await this.#printedJson(command));
    if (stats === undefined) throw runtimeError(command, 'printed no statistics');
    return stats;
  }

  /**
   * Changes its limits while it runs. What is left out stays as it is. The bundle's config.json is not changed.
   * @param resources as `linux.resources` of config.json.
   * @throws as `pause()`; {TypeError} `ERR_INVALID_ARG_TYPE`.
   */
  async updateResources(resources: LinuxResources): Promise<void> {
    checkObject('resources', resources);
    this.requireLiving();
    const file = join(this.call.dir.path, `${ownedName('run')}.json`);
    writeFileAtomic(file, JSON.stringify(resources));
    try {
      await this.#run(commands.update(this.id, file));
    } finally {
      rmSync(file, { force: true });
    }
  }

  /**
   * Sends a signal to every process in it. Of a paused one runc and crun let all go on by that.
   * @param signal a name or number, 1 to 64. Default `'SIGKILL'`.
   * @throws as `pause()`; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
   * @see kill(2)
   */
  async killAll(signal: Signal = 'SIGKILL'): Promise<void> {
    const number = signalNumber(signal);
    checkInteger('signal', number, 1, 64);
    this.requireLiving();
    // Nobody signals a container by its id alone.
    await this.status();
    await this.#run(commands.killAll(this.id, number));
  }

  /**
   * Saves it by criu, to be restored by `start({ checkpoint })` of a container with the same bundle.
   * @param dir where; default `<bundle>/checkpoints`. Made when only its last part is missing.
   * @throws as `pause()`; `ERR_CHECKPOINT_EXISTS`; {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`. The host
   *   runtime makes none, nor does a crun without criu: `ERR_OCI_RUNTIME`. After a failure nothing of it is left.
   * @see criu(8)
   */
  async checkpoint(options: CheckpointOptions, dir = defaultCheckpointDir(this.bundle)): Promise<Checkpoint> {
    const checked = checkCheckpointOptions(options);
    checkString('dir', dir);
    this.requireLiving();
    return makeCheckpoint(resolve(dir), checked, (path) => this.#run(commands.checkpoint(this.id, path, checked)));
  }

  /**
   * The checkpoints that were made in a directory, by name.
   * @param dir default `<bundle>/checkpoints`.
   * @throws {OutliveError} `ERR_INVALID_STATE` when a checkpoint's config.json is broken; a system error.
   */
  async checkpoints(dir = defaultCheckpointDir(this.bundle)): Promise<Checkpoint[]> {
    checkString('dir', dir);
    return Promise.resolve(listCheckpoints(resolve(dir)));
  }

  /**
   * Removes a checkpoint.
   * @throws {OutliveError} `ERR_CHECKPOINT_NOT_EXISTS`; {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; a
   *   system error.
   */
  async deleteCheckpoint(name: string, dir = defaultCheckpointDir(this.bundle)): Promise<void> {
    checkId('name', name);
    checkString('dir', dir);
    await removeCheckpoint(resolve(dir), name);
  }

  /** @internal Its first process, which has begun and not ended. */
  protected requireLiving(): Process {
    const init = this.#requireStarted();
    if (!init.isAlive()) throw this.#exited();
    return init;
  }

  /** @internal Has the runtime's `start` let a created container's process run. */
  protected async letRun(): Promise<void> {
    await runRuntime(this.call, commands.start(this.id)).catch(async (error: unknown) => {
      // Another supervisor was quicker, or it came to run before the command failed: that is noted there.
      await this.status().catch(() => undefined);
      throw error;
    });
  }

  #requireStarted(): Process {
    const { init } = this;
    if (init?.wasLaunched === true) return init;
    throw new OutliveError('ERR_CONTAINER_NOT_STARTED', `container ${this.id} is not started`);
  }

  async #run(command: readonly string[]): Promise<string> {
    const init = this.requireLiving();
    try {
      return await runRuntime(this.call, command);
    } catch (cause) {
      if (hasCode(cause, 'ERR_OCI_RUNTIME') && !init.isAlive()) throw this.#exited(cause);
      throw cause;
    }
  }

  async #printedJson(command: readonly string[]): Promise<unknown> {
    const printed = await this.#run(command);
    try {
      return JSON.parse(printed);
    } catch (cause) {
      throw runtimeError(command, messageOf(cause), cause);
    }
  }

  /** crun's `pause` does not wait for the last process to be stopped. */
  async #untilPaused(): Promise<void> {
    const deadlineMs = performance.now() + this.call.timeoutMs;
    // The runtime's word counts where its cgroup is out of our sight.
    while (this.requireLiving().state() !== 'paused' && !isPaused(await this.status())) {
      if (performance.now() > deadlineMs) {
        throw runtimeError(commands.pause(this.id), `not all is paused after ${this.call.timeoutMs} ms`);
      }
      await delay(PAUSE_POLL_MS);
    }
  }

  /** The runtime refused: it was the caller's mistake when the container is in a state in which there is nothing to do. */
  async #refuseIf(cause: unknown, isMistake: (status: RuntimeStatus) => boolean, how: string): Promise<never> {
    if (!hasCode(cause, 'ERR_OCI_RUNTIME')) throw cause;
    const status = await this.status().catch(() => undefined);
    if (status === undefined || status === 'stopped' || !isMistake(status)) throw cause;
    throw this.#invalidState(how, cause);
  }

  #exited(cause?: unknown): OutliveError {
    return new OutliveError('ERR_CONTAINER_EXITED', `container ${this.id} has exited`, { cause });
  }

  #invalidState(how: string, cause?: unknown): OutliveError {
    return new OutliveError('ERR_INVALID_STATE', `container ${this.id} ${how}`, { cause });
  }
}

function isPaused(status: RuntimeStatus): boolean {
  return status === 'paused';
}
