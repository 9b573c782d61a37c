/**
 * The processes of one container: makes them, brings them back, and follows what other programs start and remove. Owns
 * the map from id to Process. Does not take the container's lock: if a method needs it, its comment says so.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Deadline } from '../base/deadline.js';
import { OutliveError, hasCode, isShortage } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { DEFAULT_SHIM } from '../disk/programs.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import type { ProcessSpec } from '../oci/types.js';
import { globalArgs, hostStateFile } from '../runtime/args.js';
import type { RuntimeTarget } from '../runtime/call.js';
import { deleteFromRuntime } from '../runtime/delete.js';
import { runtimeEnvironment } from '../runtime/environment.js';
import { removeLeftCgroups } from '../runtime/left-cgroups.js';
import { isPaused } from '../runtime/paused.js';
import { explainSilence } from '../runtime/silence.js';
import { abandonForeignStart } from '../shim/abandon.js';
import { hasShim } from '../shim/attach.js';
import type { Attempt, Launch } from '../shim/start.js';
import { newKey } from '../state/key.js';
import { makeProcessDir } from '../state/make.js';
import type { ProcessDir, ProcessState } from '../state/process.js';
import { type StdioRequest, planStdio } from '../stdio/kinds.js';
import type { ContainerChanges } from './changes.js';
import type { LifecycleEvents } from './lifecycle.js';
import { Process, type ProcessActions, type ProcessConfig, type ProcessOwner } from './process.js';
import { type SavedProcess, openSaved, readSaved } from './saved.js';

/** How often delete() checks the starts that are under way, in milliseconds. */
const START_POLL_MS = 10;

const NO_LABELS: readonly string[] = Object.freeze([]);

/** The arguments of {@link ContainerProcesses}. */
export interface ProcessesConfig<Owner extends ProcessOwner> {
  readonly container: Owner;
  readonly target: RuntimeTarget;
  /** As `ContainerOptions.shim`. */
  readonly shim: string;
  readonly noPivotRoot: boolean;
  /** As in state.json. */
  readonly scope: string | undefined;
  /** As `ContainerOptions.durable`. */
  readonly durable: boolean;
  readonly changes: ContainerChanges<Process<Owner>>;
  /** As `ProcessConfig.actionsOf`. */
  readonly actionsOf: (container: Owner) => ProcessActions<Owner>;
  /** Called when the end of a process is lost. */
  readonly onLost: (process: Process<Owner>) => unknown;
}

/**
 * How a process is started: by `exec` in a running container; or as the first one, by `create` or from a checkpoint.
 */
export type StartMode = Partial<Pick<ProcessState, 'exec' | 'create' | 'checkpoint' | 'labels'>>;

/** A process to start. */
export interface StartRequest extends StartMode {
  readonly id: string;
  readonly spec: ProcessSpec;
  readonly stdio: StdioRequest;
  /** The host's ids of the container's user 0 and group 0. */
  readonly rootIds: { readonly uid: number; readonly gid: number };
}

/** A process whose directory is made and whose shim is not started yet. */
export interface ClaimedStart<Owner extends ProcessOwner> {
  /** Starts the shim; resolves when the process runs, rejects when all is cleaned up. Does not need the lock. */
  launch(attempt: Attempt): Promise<Process<Owner>>;
  /** Removes what the claim made, after a launch that failed for this reason. The caller holds the lock. */
  undo(reason: unknown): void;
}

export class ContainerProcesses<Owner extends ProcessOwner> implements LifecycleEvents {
  readonly #config: ProcessesConfig<Owner>;
  readonly #processes = new Map<string, Process<Owner>>();

  constructor(config: ProcessesConfig<Owner>) {
    this.#config = config;
  }

  /** The container's first process. */
  get init(): Process<Owner> | undefined {
    return this.get(INIT_PROCESS_ID);
  }

  get(id: string): Process<Owner> | undefined {
    return this.#processes.get(id);
  }

  all(): Process<Owner>[] {
    return [...this.#processes.values()];
  }

  /**
   * Reads the directory again: adds what other programs started, and drops what they removed. A process with another
   * key than the known one is another process. One whose start was interrupted is not known to have ended before
   * refreshed() resolves, or a few turns of the event loop later.
   * @param only the ids to check, each by its key. Default: all, by inode and date of process.json, because there may
   *   be thousands.
   * @param isCurrent whether the path holds this container, if the caller has looked. Default: looks.
   */
  refresh(only?: readonly string[], isCurrent = this.#config.target.dir.isCurrent()): void {
    const { dir } = this.#config.target;
    for (const process of only === undefined ? this.all() : only.flatMap((id) => this.get(id) ?? [])) {
      const { isStarting, dir: own } = process.lifecycle;
      const isThere = isCurrent && (only === undefined ? own.looksCurrent() : own.isCurrent());
      if (!isStarting && !isThere) this.#drop(process);
    }
    if (!isCurrent) return;
    for (const id of only ?? dir.processIds()) this.#attachIfNew(id);
  }

  /** As refresh(), but gives other work a turn between any two processes: there may be thousands. */
  async refreshed(only?: readonly string[], isCurrent?: boolean): Promise<void> {
    const { dir } = this.#config.target;
    // Before a start there is none of this id, and making the error of an open(2) costs more than this look.
    const named = only?.filter((id) => this.#processes.has(id) || dir.process(id).exists());
    const ids = named ?? new Set([...this.#processes.keys(), ...dir.processIds()]);
    let isFirst = true;
    for (const id of ids) {
      if (!isFirst) await ownTurn();
      isFirst = false;
      this.refresh([id], isCurrent);
      await this.get(id)?.lifecycle.looked();
    }
  }

  /**
   * Makes the directory of a process. From then on its id is taken. The caller holds the lock.
   * @throws {OutliveError} `ERR_INVALID_STATE` if there is a process with this id; a system error.
   */
  async claim({ id, spec, stdio: asked, rootIds, ...mode }: StartRequest): Promise<ClaimedStart<Owner>> {
    const { target, noPivotRoot, durable, changes } = this.#config;
    if (this.#processes.has(id))
      throw new OutliveError('ERR_INVALID_STATE', `container ${target.id} has a process ${id} already`);
    const { exec = false, create = false, checkpoint = '', ...labels } = mode;
    const key = newKey();
    const dir = target.dir.process(id, key);
    const { stdio, fifos, ...log } = planStdio(asked, dir.path, spec.terminal === true);
    const state: ProcessState = {
      exec,
      create,
      durable,
      containerdStdin: stdio.stdin,
      containerdStdout: stdio.stdout,
      containerdStderr: stdio.stderr,
      runtimeArgs: globalArgs(target),
      noPivotRoot,
      checkpoint,
      rootUID: rootIds.uid,
      rootGID: rootIds.gid,
      key,
      ...labels,
      ...log,
    };
    const made = await makeProcessDir(dir, spec, state, fifos);
    // The directory's inode identifies the process if process.json is damaged later.
    dir.noteMade();
    const process = new Process(this.#processConfig(id, { dir, spec, stdio, state, problem: undefined }));
    this.#processes.set(id, process);
    return {
      launch: async (attempt) => {
        try {
          await process.lifecycle.launch(this.#launchOf(id, dir, state), attempt);
          changes.tell('start', process);
          return process;
        } catch (error) {
          if (this.get(id) === process) this.#processes.delete(id);
          throw await explainSilence(target, error);
        } finally {
          made.release();
        }
      },
      undo: (reason) => {
        // For want of descriptors its shim could not be ended: what is recorded of it brings it back.
        if (isShortage(reason) && mayHaveShim(dir)) return;
        made.undo();
      },
    };
  }

  forget(process: Process<Owner>): void {
    process.close();
    if (this.get(process.id) === process) this.#processes.delete(process.id);
  }

  /**
   * Waits until no start is under way, in this program or another. The caller holds the lock, so none begins.
   * @returns false if that takes longer than `limitMs` milliseconds.
   */
  async startsOver(limitMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + limitMs;
    while (this.#underWay().length > 0) {
      if (performance.now() > deadlineMs) return false;
      await delay(START_POLL_MS);
      this.refresh(this.#underWay().map(({ id }) => id));
    }
    return true;
  }

  /** Kills the runtimes and shims of the starts that are still under way. The caller holds the lock. */
  async abandonStarts(): Promise<void> {
    const { dir, id } = this.#config.target;
    for (const process of this.#underWay()) await abandonForeignStart(dir.process(process.id), id);
  }

  /**
   * Ends what is left of a process whose shim died, so that its id can be used again. The caller holds the lock.
   * @throws as {@link deleteFromRuntime}.
   */
  async endRemains(process: Process<Owner>): Promise<void> {
    const { lifecycle } = process;
    if (process.id !== INIT_PROCESS_ID) lifecycle.kill();
    else await this.deleteFromRuntime({ running: false, interrupted: lifecycle.wasInterrupted });
  }

  /**
   * Makes the runtime kill and delete the container, and kills what still runs of it. The caller holds the lock.
   * @param how as of {@link deleteFromRuntime}.
   * @param deadline default: `timeoutMs`.
   * @throws as {@link deleteFromRuntime}.
   */
  async deleteFromRuntime(
    how: { running: boolean; interrupted: boolean },
    deadline = new Deadline(this.#config.target.timeoutMs),
  ): Promise<void> {
    const { target } = this.#config;
    const isOthers = await deleteFromRuntime(target, how, deadline);
    // What the runtime took for ended kept its cgroups.
    const hasKilled = this.kill();
    if (!isOthers && (how.interrupted || hasKilled)) await removeLeftCgroups(target);
  }

  /**
   * Kills each process that runs, by its recorded identity: the runtime may not know it (any more), or may take it for ended,
   * as runc does if its main thread has ended and others run. Returns whether one ran.
   */
  kill(): boolean {
    return this.all().filter(({ lifecycle }) => lifecycle.kill()).length > 0;
  }

  #underWay(): Process<Owner>[] {
    return this.all().filter(({ lifecycle }) => lifecycle.isStarting || lifecycle.isBeingStarted);
  }

  #drop(process: Process<Owner>): void {
    this.#processes.delete(process.id);
    try {
      // hasEnded settles the end, at least as lost, so that those who wait for it get it before close().
      if (process.hasEnded) process.close();
    } catch (error) {
      // It can't be read for now: the process is not dropped.
      this.#processes.set(process.id, process);
      throw error;
    }
  }

  #attachIfNew(id: string): void {
    if (this.#processes.has(id)) return;
    const dir = this.#config.target.dir.process(id);
    const held = openSaved(dir);
    // Without process.json no shim was started. start() or exec() with this id takes the directory over.
    if (held === undefined && !dir.hasProcess() && !dir.wasStarted()) return;
    let release = (): void => held?.close();
    try {
      const saved = readSaved(this.#config.target.dir, id, held);
      if (held !== undefined) release = saved.dir.hold(held);
      this.#attach(id, new Process(this.#processConfig(id, saved)));
    } finally {
      release();
    }
  }

  #attach(id: string, process: Process<Owner>): void {
    // Before attach(), which may report a lost end at once: onLost looks the process up here.
    this.#processes.set(id, process);
    try {
      process.lifecycle.attach();
    } catch (error) {
      this.#processes.delete(id);
      // Ignore: it was removed meanwhile, or a start of it was undone.
      if (hasCode(error, 'ENOENT') && !process.lifecycle.dir.hasProcess()) return;
      throw error;
    }
  }

  #processConfig(id: string, { dir, spec, stdio, state, problem }: SavedProcess): ProcessConfig<Owner> {
    const { container, target, shim, actionsOf } = this.#config;
    const { create, labels, log, rootUID, rootGID } = state;
    return {
      id,
      container,
      spec,
      stdio,
      log,
      dir,
      actionsOf,
      timeoutMs: target.timeoutMs,
      events: this,
      rootIds: { uid: rootUID, gid: rootGID },
      hasOwnShim: shim === DEFAULT_SHIM,
      isCreated: create,
      labels: labels ?? NO_LABELS,
      problem,
    };
  }

  /** What its start takes; made for that, and not kept. */
  #launchOf(id: string, dir: ProcessDir, { log }: Pick<ProcessState, 'log'>): Launch {
    const { target, shim, scope, durable } = this.#config;
    const { bundle, runtime, timeoutMs } = target;
    const cleanUp = (): Promise<void> =>
      id === INIT_PROCESS_ID ? this.deleteFromRuntime({ running: true, interrupted: true }) : Promise.resolve();
    const env = runtimeEnvironment(target.runtimeEnv);
    return { dir, shim, scope, containerId: target.id, bundle, runtime, env, timeoutMs, durable, log, cleanUp };
  }

  isPaused(pid: number): boolean {
    const { target } = this.#config;
    return isPaused(pid, hostStateFile(target, target.id));
  }

  wasLetRun(id: string, key: string): void {
    const process = this.#ofKey(id, key);
    if (process !== undefined) this.#config.changes.tell('start', process);
  }

  isLost(id: string, key: string): void {
    const process = this.#ofKey(id, key);
    if (process !== undefined) this.#config.onLost(process);
  }

  #ofKey(id: string, key: string): Process<Owner> | undefined {
    const process = this.get(id);
    return process?.lifecycle.key === key ? process : undefined;
  }
}

/** Whether its shim lives, or that can't be found out for now. */
function mayHaveShim(dir: ProcessDir): boolean {
  try {
    return hasShim(dir);
  } catch (error) {
    return isShortage(error);
  }
}
