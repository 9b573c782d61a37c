/**
 * One container of a supervisor: converts its changes and its monitor events to the supervisor's events.
 * recorder.ts writes these. Behaviour: the events of containerd 0.2, and docs/events.md.
 */
import { join } from 'node:path';
import type { ContainerChange } from '../container/changes.js';
import type { Container, ContainerProcess } from '../container/container.js';
import type { Monitor, MonitorEvent } from '../monitor/monitor.js';
import { deferred } from '../base/promises.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import type { SupervisorEvent } from './events.js';
import { type SupervisorRecorder, recordedKey } from './recorder.js';

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
  /** Processes that had ended when the supervisor loaded them: their exit events get `recovered`. */
  readonly #foundEnded = new Set<ContainerProcess>();
  /** Processes that were removed before the monitor reported their exit. */
  readonly #removed = new Set<ContainerProcess>();

  constructor({ root, container, recorder, monitor }: SupervisedConfig) {
    this.container = container;
    this.#dir = join(root, container.id);
    this.#recorder = recorder;
    this.#monitor = monitor;
  }

  /** Resolves after the container was deleted and that event was written, or after close(). */
  get ended(): Promise<undefined> {
    return this.#ended.promise;
  }

  /**
   * Writes the events that the record lacks, and watches the container from now on.
   * @param isFound whether the container was loaded; false if this supervisor has just made it.
   */
  begin(isFound: boolean): void {
    const { id } = this.container;
    this.#recovering = isFound;
    this.#key = recordedKey(this.#dir, this.container.key);
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

  /** Writes a monitor event about this container. */
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
    const processKey = recordedKey(join(this.#dir, processId), process.lifecycle.key);
    this.#keys.set(process, processKey);
    const { id } = this.container;
    const known = this.#recorder.container(id)?.processes.get(processId);
    const { awaitsStart } = process.lifecycle;
    if (known?.key === processKey && (awaitsStart || known.awaitsStart !== true)) return;
    // If an earlier process with this id was removed while no supervisor watched, write its exit first.
    if (known?.key !== processKey) this.#recorder.concludeProcess(id, processId);
    const type = processId === INIT_PROCESS_ID ? (awaitsStart ? 'created' : 'start') : 'exec-started';
    this.#write({ type, processId, processKey, systemPid });
  }

  #forget(process: ContainerProcess): void {
    const { id } = this.container;
    if (this.#recorder.hasExited(id, process.id, this.#keys.get(process) ?? '')) this.#recorder.forget(id, process.id);
    else this.#removed.add(process);
  }

  /** Writes `delete` as the last event: first the monitor must report the exits of the container's processes. */
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
