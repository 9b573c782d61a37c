/** One container under a supervisor: what is done to it and what becomes of it, turned into events for the record. */
import { join } from 'node:path';
import type { ContainerChange } from '../container/changes.js';
import type { Container, ContainerProcess } from '../container/container.js';
import type { Monitor, MonitorEvent } from '../monitor/monitor.js';
import { deferred } from '../base/promises.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import type { SupervisorEvent } from './events.js';
import { type SupervisorRecorder, keyOf } from './recorder.js';

/** @internal */
export interface SupervisedConfig {
  readonly root: string;
  readonly container: Container;
  readonly recorder: SupervisorRecorder;
  readonly monitor: Monitor;
}

export class SupervisedContainer {
  readonly container: Container;
  readonly #dir: string;
  readonly #recorder: SupervisorRecorder;
  readonly #monitor: Monitor;
  readonly #keys = new WeakMap<ContainerProcess, string>();
  readonly #ended = deferred<undefined>();
  #key = '';
  #unsubscribe = (): void => undefined;
  #recovering = false;
  /** Processes that had ended before we came. */
  readonly #foundEnded = new Set<ContainerProcess>();
  /** Processes that were removed before their end was told. */
  readonly #removed = new Set<ContainerProcess>();

  constructor({ root, container, recorder, monitor }: SupervisedConfig) {
    this.container = container;
    this.#dir = join(root, container.id);
    this.#recorder = recorder;
    this.#monitor = monitor;
  }

  /** Resolves when the container was deleted and that is written. */
  get ended(): Promise<undefined> {
    return this.#ended.promise;
  }

  /** Writes what is not written yet, and watches from here on. `isFound`: we did not make it just now. */
  begin(isFound: boolean): void {
    const { id } = this.container;
    this.#recovering = isFound;
    this.#key = keyOf(this.#dir) ?? '';
    let known = this.#recorder.container(id);
    if (known !== undefined && known.key !== this.#key) {
      this.#recorder.conclude(id);
      known = undefined;
    }
    if (known === undefined) this.#write({ type: 'create' });
    const processes = this.container.processes();
    for (const processId of known?.processes.keys() ?? []) {
      if (!processes.some((process) => process.id === processId)) this.#recorder.concludeProcess(id, processId);
    }
    for (const process of processes) {
      if (isFound && process.hasEnded) this.#foundEnded.add(process);
      this.#started(process);
    }
    this.#unsubscribe = this.container.changes.subscribe((change, process) => this.#changed(change, process));
    const oomKillsTold = this.#recorder.container(id)?.processes.get(INIT_PROCESS_ID)?.oomKills ?? 0;
    this.#monitor.add(this.container, { oomKillsTold });
    this.#recovering = false;
  }

  /** An event of the monitor's about this container. */
  tell(event: MonitorEvent): void {
    if (event.process.container !== this.container) return;
    const { processId, timeMs, process } = event;
    const processKey = this.#keys.get(process) ?? '';
    if (event.type === 'oom') {
      const { kills, totalKills } = event;
      this.#write({ type: 'oom', timeMs, processId, processKey, kills, totalKills });
      return;
    }
    const { id } = this.container;
    const recovered = this.#foundEnded.delete(process) ? ({ recovered: true } as const) : {};
    if (!this.#recorder.hasExited(id, processId, processKey)) {
      this.#write({ type: 'exit', timeMs, processId, processKey, exit: event.exit, ...recovered });
    }
    if (this.#removed.delete(process)) this.#recorder.forget(id, processId);
  }

  close(): void {
    this.#unsubscribe();
    this.container.close();
    this.#ended.resolve(undefined);
  }

  #changed(change: ContainerChange, process: ContainerProcess | undefined): void {
    if (change === 'start' && process !== undefined) this.#started(process);
    else if (change === 'remove' && process !== undefined) this.#forget(process);
    else if (change === 'delete') void this.#deleted();
    else if (change === 'pause' || change === 'resume') this.#write({ type: change });
  }

  #started(process: ContainerProcess): void {
    const { id: processId, systemPid } = process;
    const processKey = keyOf(join(this.#dir, processId)) ?? '';
    this.#keys.set(process, processKey);
    const { id } = this.container;
    const known = this.#recorder.container(id)?.processes.get(processId);
    const { awaitsStart } = process.lifecycle;
    if (known?.key === processKey && (awaitsStart || known.awaitsStart !== true)) return;
    // An earlier process with this id was removed, and its end not seen.
    if (known?.key !== processKey) this.#recorder.concludeProcess(id, processId);
    const type = processId === INIT_PROCESS_ID ? (awaitsStart ? 'created' : 'start') : 'exec-started';
    this.#write({ type, processId, processKey, systemPid });
  }

  #forget(process: ContainerProcess): void {
    const { id } = this.container;
    if (this.#recorder.hasExited(id, process.id, this.#keys.get(process) ?? '')) this.#recorder.forget(id, process.id);
    else this.#removed.add(process);
  }

  /** Last of all: the ends of its processes may still be under way. */
  async #deleted(): Promise<void> {
    await this.#monitor.allTold(this.container);
    this.#monitor.remove(this.container);
    this.#write({ type: 'delete' });
    this.close();
  }

  #write(event: Omit<SupervisorEvent, 'containerId' | 'containerKey' | 'timeMs'> & { timeMs?: number }): void {
    this.#recorder.write({
      timeMs: Date.now(),
      containerId: this.container.id,
      containerKey: this.#key,
      ...(this.#recovering ? { recovered: true } : {}),
      ...event,
    });
  }
}
