/**
 * The processes of one container: making them, bringing them back, and ending what is left of one whose end was lost.
 * Owns the map from id to Process.
 */
import type { BundleSpec } from '../oci/bundle.js';
import { OutliveError, hasCode, messageOf } from '../base/errors.js';
import { DEFAULT_SHIM } from '../disk/programs.js';
import { isPaused } from '../runtime/paused.js';
import { makeProcessDir } from '../state/make.js';
import { Process, type ProcessConfig, type ProcessOwner } from './process.js';
import type { ContainerChanges } from './changes.js';
import { globalArgs, hostStateFile } from '../runtime/args.js';
import { deleteFromRuntime } from '../runtime/delete.js';
import type { RuntimeTarget } from '../runtime/call.js';
import type { ProcessSpec } from '../oci/types.js';
import { rootIds } from '../oci/mappings.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import type { ProcessDir, ProcessState } from '../state/process.js';
import { type Stdio, newStdio } from '../stdio/stdio.js';

/** What the processes of a container need of it. */
export interface ProcessesConfig<Owner extends ProcessOwner> {
  readonly container: Owner;
  readonly target: RuntimeTarget;
  /** As `ContainerOptions.shim`. */
  readonly shim: string;
  readonly noPivotRoot: boolean;
  readonly changes: ContainerChanges<Process<Owner>>;
  /** Calls the runtime's `start` for a created container. */
  readonly letRun: () => Promise<void>;
}

/** How a process comes to be: `exec` in a running container, or the first one, by `create` or from a checkpoint. */
export type StartMode = Partial<Pick<ProcessState, 'exec' | 'create' | 'checkpoint' | 'labels'>>;

export class ContainerProcesses<Owner extends ProcessOwner> {
  readonly #config: ProcessesConfig<Owner>;
  readonly #processes = new Map<string, Process<Owner>>();
  /** The clean-up after processes whose end was lost. */
  #ending = Promise.resolve();

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

  forget(id: string): void {
    this.#processes.delete(id);
  }

  /** Resolves when the clean-up after lost ends is over. */
  async lostEnded(): Promise<void> {
    await this.#ending;
  }

  /**
   * Starts one; after a failure nothing of it is left.
   * @throws {OutliveError} `ERR_INVALID_STATE` when there is one with this id; else as `container.start()`.
   */
  async start(
    id: string,
    bundle: BundleSpec,
    spec: ProcessSpec,
    stdio: Stdio,
    mode: StartMode,
  ): Promise<Process<Owner>> {
    const { target, noPivotRoot } = this.#config;
    if (this.#processes.has(id))
      throw new OutliveError('ERR_INVALID_STATE', `${target.id} has a process ${id} already`);
    const { uid, gid } = rootIds(bundle);
    const { exec = false, create = false, checkpoint = '', ...labels } = mode;
    const made = makeProcessDir(target.dir.process(id), spec, {
      exec,
      create,
      containerdStdin: stdio.stdin,
      containerdStdout: stdio.stdout,
      containerdStderr: stdio.stderr,
      runtimeArgs: globalArgs(target),
      noPivotRoot,
      checkpoint,
      rootUID: uid,
      rootGID: gid,
      ...labels,
    });
    const process = new Process(this.#processConfig(id, spec, stdio, { create, ...labels }));
    this.#processes.set(id, process);
    try {
      await process.lifecycle.launch();
      this.#config.changes.tell('start', process);
      return process;
    } catch (error) {
      this.#processes.delete(id);
      made.undo();
      throw error;
    } finally {
      made.release();
    }
  }

  /** Brings back those that the container's directory holds. */
  attach(): void {
    const { target } = this.#config;
    for (const id of target.dir.processIds()) {
      const dir = target.dir.process(id);
      // Without process.json no shim was started: a directory only, which start() or exec() take over.
      if (!dir.hasProcess() && !dir.wasStarted()) continue;
      const process = new Process(this.#loadConfig(id, dir));
      process.lifecycle.attach();
      this.#processes.set(id, process);
    }
  }

  close(): void {
    for (const process of this.all()) process.close();
  }

  /** Has the runtime end and forget the container. */
  deleteFromRuntime(running: boolean, interrupted: boolean): Promise<void> {
    return deleteFromRuntime(this.#config.target, { running, interrupted });
  }

  #loadConfig(id: string, dir: ProcessDir): ProcessConfig<Owner> {
    try {
      const { spec, state } = dir.readProcess();
      const { containerdStdin: stdin, containerdStdout: stdout, containerdStderr: stderr } = state;
      return this.#processConfig(id, spec, newStdio({ stdin, stdout, stderr }), state);
    } catch (error) {
      if (!hasCode(error, 'ERR_INVALID_STATE', 'ELOOP', 'ENOENT')) throw error;
      return { ...this.#processConfig(id, { args: [] }, newStdio(), { create: false }), problem: messageOf(error) };
    }
  }

  #processConfig(
    id: string,
    spec: ProcessSpec,
    stdio: Stdio,
    { create, labels }: Pick<ProcessState, 'create' | 'labels'>,
  ): ProcessConfig<Owner> {
    const { container, target, shim, letRun, changes } = this.#config;
    const { bundle, runtime, timeoutMs } = target;
    const dir = target.dir.process(id);
    const hostState = hostStateFile(target, target.id);
    const cleanUp = id === INIT_PROCESS_ID ? () => this.deleteFromRuntime(true, true) : () => Promise.resolve();
    return {
      ...{ id, container, spec, stdio, dir, letRun },
      hasOwnShim: shim === DEFAULT_SHIM,
      isCreated: create,
      labels: labels ?? [],
      launch: { dir, shim, containerId: target.id, bundle, runtime, timeoutMs, cleanUp },
      isPaused: (pid) => isPaused(pid, hostState),
      onStarted: () => changes.tell('start', this.get(id)),
      onLost: () => this.#endRemains(id),
    };
  }

  /** The shim of this process died, so nobody follows it: end what is left of it, so that its id can be used again. */
  #endRemains(id: string): void {
    const ending = this.#ending.then(async () => {
      const lifecycle = this.get(id)?.lifecycle;
      if (lifecycle === undefined) return;
      if (id === INIT_PROCESS_ID) await this.deleteFromRuntime(false, lifecycle.wasInterrupted);
      else lifecycle.killRemains();
    });
    this.#ending = ending.catch(() => undefined);
  }
}
