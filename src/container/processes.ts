/**
 * The processes of one container: making them, bringing them back, and ending what is left of one whose end was lost.
 * Owns the map from id to Process.
 */
import type { BundleSpec } from '../oci/bundle.js';
import type { Container } from './container.js';
import { OutliveError, hasCode, messageOf } from '../base/errors.js';
import { isPaused } from '../runtime/paused.js';
import type { ProcessConfig } from './process-config.js';
import { makeProcessDir } from '../state/make.js';
import { Process } from './process.js';
import { globalArgs, hostStateFile } from '../runtime/args.js';
import { deleteFromRuntime } from '../runtime/delete.js';
import type { RuntimeCall } from '../runtime/call.js';
import { type ProcessSpec, rootIds } from '../oci/spec.js';
import { INIT_PROCESS_ID, type ProcessDir, type ProcessState } from '../state/state-dir.js';
import { type Stdio, newStdio } from '../stdio/stdio.js';

/** Whose processes they are. */
export interface Owner {
  readonly container: Container;
  readonly call: RuntimeCall;
  readonly noPivotRoot: boolean;
  /** Has the runtime let a created container's process run. */
  readonly letRun: () => Promise<void>;
}

/** How a process comes to be: `exec` in a running container, or the first one, by `create` or from a checkpoint. */
export type StartMode = Partial<Pick<ProcessState, 'exec' | 'create' | 'checkpoint' | 'labels'>>;

export class ContainerProcesses {
  readonly #owner: Owner;
  readonly #processes = new Map<string, Process>();
  /** The clean-up after processes whose end was lost. */
  #ending = Promise.resolve();

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  /** The container's first process. */
  get init(): Process | undefined {
    return this.get(INIT_PROCESS_ID);
  }

  get(id: string): Process | undefined {
    return this.#processes.get(id);
  }

  all(): Process[] {
    return [...this.#processes.values()];
  }

  forget(id: string): void {
    this.#processes.delete(id);
  }

  /** Resolves when what was left of processes whose end was lost has been ended. */
  async settled(): Promise<void> {
    await this.#ending;
  }

  /**
   * Starts one; after a failure nothing of it is left.
   * @throws {OutliveError} `ERR_INVALID_STATE` when there is one with this id; else as `container.start()`.
   */
  async start(id: string, bundle: BundleSpec, spec: ProcessSpec, stdio: Stdio, how: StartMode): Promise<Process> {
    const { call, noPivotRoot } = this.#owner;
    if (this.#processes.has(id)) throw new OutliveError('ERR_INVALID_STATE', `${call.id} has a process ${id} already`);
    const { uid, gid } = rootIds(bundle);
    const { exec = false, create = false, checkpoint = '', ...labels } = how;
    const made = makeProcessDir(call.dir.process(id), spec, {
      exec,
      create,
      containerdStdin: stdio.stdin,
      containerdStdout: stdio.stdout,
      containerdStderr: stdio.stderr,
      runtimeArgs: globalArgs(call),
      noPivotRoot,
      checkpoint,
      rootUID: uid,
      rootGID: gid,
      ...labels,
    });
    const process = new Process(this.#config(id, spec, stdio, { create, ...labels }));
    this.#processes.set(id, process);
    try {
      await process.launch();
      this.#owner.container.changes.tell('start', process);
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
    const { call } = this.#owner;
    for (const id of call.dir.processIds()) {
      const dir = call.dir.process(id);
      // Without process.json no shim was started: a directory only, which start() or exec() take over.
      if (!dir.hasProcess() && !dir.wasStarted()) continue;
      this.#processes.set(id, Process.attach(this.#loadConfig(id, dir)));
    }
  }

  close(): void {
    for (const process of this.all()) process.close();
  }

  /** Has the runtime end and forget the container. */
  deleteFromRuntime(running: boolean, cutOff: boolean): Promise<void> {
    return deleteFromRuntime(this.#owner.call, { running, cutOff });
  }

  #loadConfig(id: string, dir: ProcessDir): ProcessConfig {
    try {
      const { spec, state } = dir.readProcess();
      const { containerdStdin: stdin, containerdStdout: stdout, containerdStderr: stderr } = state;
      return this.#config(id, spec, newStdio({ stdin, stdout, stderr }), state);
    } catch (error) {
      if (!hasCode(error, 'ERR_INVALID_STATE', 'ELOOP', 'ENOENT')) throw error;
      return { ...this.#config(id, { args: [] }, newStdio(), { create: false }), problem: messageOf(error) };
    }
  }

  #config(id: string, spec: ProcessSpec, stdio: Stdio, how: Pick<ProcessState, 'create' | 'labels'>): ProcessConfig {
    const { container, call, letRun } = this.#owner;
    const { bundle, runtime, timeoutMs } = call;
    const dir = call.dir.process(id);
    const hostState = hostStateFile(call, call.id);
    const cleanUp = id === INIT_PROCESS_ID ? () => this.deleteFromRuntime(true, true) : () => Promise.resolve();
    return {
      ...{ id, container, spec, stdio, dir, letRun },
      isCreated: how.create,
      labels: how.labels ?? [],
      launch: { dir, shim: container.shim, containerId: call.id, bundle, runtime, timeoutMs, cleanUp },
      isPaused: (pid) => isPaused(pid, hostState),
      onLost: (process) => this.#endRemains(process),
    };
  }

  /** A process whose shim died is nobody's any more: what is left of it is ended, so that its id can be used again. */
  #endRemains(process: Process): void {
    const ending = this.#ending.then(async () => {
      if (process.id === INIT_PROCESS_ID) await this.deleteFromRuntime(false, process.wasCutOff);
      else process.killRemains();
    });
    this.#ending = ending.catch(() => undefined);
  }
}
