/**
 * The operations on a running container; each method is one command of its runtime. Owns the checks before a command
 * and the meaning of its failure. Does not own command lines, output and checkpoint files (runtime/).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkInteger, jsonCopy, checkObject, checkString } from '../base/arg-checks.js';
import {
  type Checkpoint,
  type CheckpointOptions,
  checkCheckpointOptions,
  defaultCheckpointDir,
  listCheckpoints,
  makeCheckpoint,
  removeCheckpoint,
} from '../runtime/checkpoint.js';
import type { ContainerChanges } from './changes.js';
import { Deadline } from '../base/deadline.js';
import { OutliveError, hasCode, messageOf } from '../base/errors.js';
import { writeFileAtomic } from '../disk/files.js';
import { ownedName } from '../disk/names.js';
import { HOST_RUNTIME } from '../disk/programs.js';
import { absolutePath } from '../disk/working-directory.js';
import { ContainerLock } from '../state/lock.js';
import type { Signal } from '../posix/index.js';
import { signalNumber } from '../posix/signals.js';
import type { Lifecycle } from './lifecycle.js';
import type { Locked } from './locked.js';
import { commands } from '../runtime/args.js';
import { type RuntimeStatus, runtimeStatus } from '../runtime/status.js';
import { RuntimeNotRun, type RuntimeTarget, runRuntime, runtimeError } from '../runtime/call.js';
import type { LinuxResources } from '../oci/types.js';
import { checkHostResources } from '../oci/host-resources.js';
import { checkId } from '../oci/ids.js';
import { type ContainerStats, parseStats } from '../runtime/stats.js';

/** How often the state is read while a pause takes effect, in milliseconds. */
const PAUSE_POLL_MS = 5;

/** How often a runtime is asked to pause, while it fails and all runs on. */
const PAUSE_ATTEMPTS = 5;

/** How long the runtime may take to say what became of a `start` that failed, in milliseconds. */
const START_CHECK_LIMIT_MS = 400;

/** What the operations need of their container. */
export interface OperationsConfig<P> {
  readonly target: RuntimeTarget;
  readonly changes: ContainerChanges<P>;
  /** Runs a change of the container with its lock held. */
  readonly locked: Locked;
  /** The container's first process. */
  readonly init: () => { readonly lifecycle: Lifecycle } | undefined;
}

/** The part of a `Container` that calls its runtime. `Container` documents each method's arguments, result and errors. */
export class ContainerOperations<P> {
  readonly #target: RuntimeTarget;
  readonly #changes: ContainerChanges<P>;
  readonly #locked: Locked;
  readonly #init: () => { readonly lifecycle: Lifecycle } | undefined;

  constructor({ target, changes, locked, init }: OperationsConfig<P>) {
    this.#target = target;
    this.#changes = changes;
    this.#locked = locked;
    this.#init = init;
  }

  async pause(): Promise<void> {
    await this.#locked(async () => {
      const deadline = this.#deadline();
      await this.#runPause(deadline);
      await this.#untilPaused(deadline);
    });
    this.#changes.tell('pause');
  }

  async resume(): Promise<void> {
    const isNotPaused = (status: RuntimeStatus): boolean => !isPaused(status);
    await this.#locked(() => {
      const deadline = this.#deadline();
      return this.#run(commands.resume(this.#target.id), deadline).catch((error: unknown) =>
        this.#refuseIf(error, isNotPaused, 'is not paused', deadline),
      );
    });
    this.#changes.tell('resume');
  }

  /** Whether its first process was made by `create()`, and no program has recorded that it was let run. */
  get awaitsStart(): boolean {
    return this.#init()?.lifecycle.awaitsStart === true;
  }

  /** @param deadline of the operation that asks. Default: `timeoutMs`. */
  async status(deadline = this.#deadline()): Promise<RuntimeStatus> {
    const init = this.#requireStarted();
    try {
      const status = await runtimeStatus(this.#target, deadline);
      if (status === null) throw this.#invalidState("is another bundle's to the runtime");
      if (status === undefined) throw runtimeError(['state'], 'the container is half made');
      // A supervisor let the program run, and died before it recorded that.
      this.#target.dir.requireCurrent();
      if (status === 'running' && init.awaitsStart) this.#noteStarted(init);
      return status;
    } catch (error) {
      this.#target.dir.requireCurrent();
      const isAnswer = hasCode(error, 'ERR_OCI_RUNTIME', 'ERR_INVALID_STATE') && !(error instanceof RuntimeNotRun);
      if (isAnswer && !init.isAlive()) return 'stopped';
      throw error;
    }
  }

  async pids(): Promise<number[]> {
    const command = commands.ps(this.#target.id);
    const printed: unknown = await this.#printedJson(command);
    // runc prints null if there are none.
    const pids = printed ?? [];
    if (Array.isArray(pids) && pids.every((pid) => Number.isSafeInteger(pid))) return pids as number[];
    throw runtimeError(command, 'printed no list of pids');
  }

  async stats(): Promise<ContainerStats> {
    const command = commands.stats(this.#target.id);
    const stats = parseStats(await this.#printedJson(command));
    if (stats === undefined) throw runtimeError(command, 'printed no statistics');
    return { timestamp: new Date(), ...stats };
  }

  async updateResources(resources: LinuxResources): Promise<void> {
    checkObject('resources', resources);
    const own = jsonCopy('resources', resources);
    if (this.#target.runtime === HOST_RUNTIME) checkHostResources('resources', resources);
    await this.#locked(async () => {
      this.requireLiving();
      const file = join(this.#target.dir.path, `${ownedName('run')}.json`);
      writeFileAtomic(file, JSON.stringify(own));
      try {
        await this.#run(commands.update(this.#target.id, file));
      } finally {
        rmSync(file, { force: true });
      }
    });
  }

  async killAll(signal: Signal = 'SIGKILL'): Promise<void> {
    const number = signalNumber(signal);
    checkInteger('signal', number, 1, 64);
    await this.#locked(async () => {
      this.requireLiving();
      const deadline = this.#deadline();
      // The runtime may have another bundle's container under this id.
      await this.status(deadline);
      await this.#run(commands.killAll(this.#target.id, number), deadline);
    });
  }

  async checkpoint(options: CheckpointOptions, dir = defaultCheckpointDir(this.#target.bundle)): Promise<Checkpoint> {
    const checked = checkCheckpointOptions(options);
    checkString('dir', dir);
    const path = absolutePath(dir);
    return this.#locked(() => {
      this.requireLiving();
      return makeCheckpoint(path, checked, (image) => this.#run(commands.checkpoint(this.#target.id, image, checked)));
    });
  }

  async checkpoints(dir = defaultCheckpointDir(this.#target.bundle)): Promise<Checkpoint[]> {
    checkString('dir', dir);
    return Promise.resolve(listCheckpoints(absolutePath(dir)));
  }

  async deleteCheckpoint(name: string, dir = defaultCheckpointDir(this.#target.bundle)): Promise<void> {
    checkId('name', name);
    checkString('dir', dir);
    await removeCheckpoint(absolutePath(dir), name);
  }

  /** @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED`, `ERR_CONTAINER_EXITED` unless its first process runs. */
  requireLiving(): Lifecycle {
    const init = this.#requireStarted();
    if (!init.isAlive()) throw this.#exited();
    return init;
  }

  /**
   * Lets the program of the created first process run, by the runtime's `start`. The caller holds the lock.
   * @throws as `Process.start()`.
   */
  async letRun(): Promise<void> {
    const init = this.#requireStarted();
    init.requireAwaitsStart();
    try {
      await runRuntime(this.#target, commands.start(this.#target.id));
    } catch (error) {
      // Race: a short program against the runtime's own `start`. The program may end, and the shim delete the
      // container, before `start` returns; then `start` fails though the program ran. A recorded status shows that. The
      // host runtime has no such race: if its `start` fails, the program could not be run.
      if (this.#target.runtime === HOST_RUNTIME || init.exit?.status === undefined) {
        const status = await this.status(new Deadline(START_CHECK_LIMIT_MS)).catch(() => undefined);
        if (status === 'running') init.noteStarted({ write: true });
        throw error;
      }
    }
    init.noteStarted({ write: true });
  }

  /** Records that its program runs. Writes the file only if the lock is free; else a later status() writes it. */
  #noteStarted(init: Lifecycle): void {
    const { dir } = this.#target;
    const lock = ContainerLock.tryTake(dir.path);
    try {
      init.noteStarted({ write: lock !== undefined && init.dir.isCurrent() });
    } finally {
      lock?.release();
    }
  }

  #requireStarted(): Lifecycle {
    const lifecycle = this.#init()?.lifecycle;
    if (lifecycle?.wasLaunched === true) return lifecycle;
    throw new OutliveError('ERR_CONTAINER_NOT_STARTED', `container ${this.#target.id} is not started`);
  }

  #deadline(): Deadline {
    return new Deadline(this.#target.timeoutMs);
  }

  async #run(command: readonly string[], deadline = this.#deadline()): Promise<string> {
    const init = this.requireLiving();
    try {
      const printed = await runRuntime(this.#target, command, deadline);
      this.#target.dir.requireCurrent();
      return printed;
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

  /**
   * runc gives up after some 0.2 s, and thaws again, if the processes of a loaded machine have not reached a point by then at
   * which they can be frozen (cgroup v1: "unable to freeze"). The host runtime waits by itself.
   */
  async #runPause(deadline: Deadline): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#run(commands.pause(this.#target.id), deadline);
        return;
      } catch (error) {
        const failed = hasCode(error, 'ERR_OCI_RUNTIME') && !(error instanceof RuntimeNotRun);
        const mayHelp = failed && attempt < PAUSE_ATTEMPTS && this.#target.runtime !== HOST_RUNTIME;
        const status = mayHelp ? await this.status(deadline).catch(() => undefined) : undefined;
        if (status !== 'running' && status !== 'created') return this.#refuseIf(error, isPaused, 'is paused', deadline);
      }
    }
  }

  /** crun's `pause` does not wait for the last process to be stopped. */
  async #untilPaused(deadline: Deadline): Promise<void> {
    while (this.requireLiving().state() !== 'paused') {
      // If the cgroup can't be read here, the runtime's answer decides.
      const status = await this.status(deadline).catch((error: unknown) => {
        if (!deadline.isOver) throw error;
      });
      if (status !== undefined && isPaused(status)) return;
      if (deadline.isOver) {
        throw runtimeError(commands.pause(this.#target.id), `not all is paused after ${this.#target.timeoutMs} ms`);
      }
      await delay(PAUSE_POLL_MS);
    }
  }

  /** Throws `ERR_INVALID_STATE` if the runtime failed because of the container's state (`isMistake`), else `cause`. */
  async #refuseIf(
    cause: unknown,
    isMistake: (status: RuntimeStatus) => boolean,
    reason: string,
    deadline: Deadline,
  ): Promise<never> {
    if (!hasCode(cause, 'ERR_OCI_RUNTIME')) throw cause;
    const status = await this.status(deadline).catch(() => undefined);
    if (status === undefined || status === 'stopped' || !isMistake(status)) throw cause;
    throw this.#invalidState(reason, cause);
  }

  #exited(cause?: unknown): OutliveError {
    return new OutliveError('ERR_CONTAINER_EXITED', `container ${this.#target.id} has exited`, { cause });
  }

  #invalidState(reason: string, cause?: unknown): OutliveError {
    return new OutliveError('ERR_INVALID_STATE', `container ${this.#target.id} ${reason}`, { cause });
  }
}

function isPaused(status: RuntimeStatus): boolean {
  return status === 'paused';
}
