/**
 * One container of a supervisor: converts its changes and its monitor events to the supervisor's events.
 * recorder.ts writes these. Behaviour: the events of containerd 0.2, and docs/events.md.
 */
import { dirname, join } from 'node:path';
import type { ContainerChange } from '../container/changes.js';
import type { Container, ContainerProcess } from '../container/container.js';
import type { Monitor, MonitorEvent } from '../monitor/monitor.js';
import { Waiters, within } from '../base/promises.js';
import { ContainerDir } from '../state/container.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import { isShort } from '../posix/inotify.js';
import type { SupervisorEvent } from './events.js';
import { type SupervisorRecorder, recordedKey } from './recorder.js';

/** How long to wait for the ends of the processes of a container that another program has deleted, in milliseconds. */
const ENDS_LIMIT_MS = 2000;

/** An event without the members that #write() adds. */
type Unplaced<E> = E extends SupervisorEvent
  ? Omit<E, 'containerId' | 'containerKey' | 'timeMs'> & { timeMs?: number }
  : never;

/** @internal */
export interface SupervisedConfig {
  readonly root: string;
  readonly container: Container;
  readonly recorder: SupervisorRecorder;
  readonly monitor: Monitor;
  /** Called once: when the container is not supervised any more. */
  readonly onEnded: () => void;
}

export class SupervisedContainer {
  readonly container: Container;
  readonly #dir: string;
  readonly #recorder: SupervisorRecorder;
  readonly #monitor: Monitor;
  readonly #onEnded: () => void;
  /** The keys of processes that are recorded under another one than their own; made when there is one. */
  #oldKeys: WeakMap<ContainerProcess, string> | undefined;
  readonly #ended = new Waiters<undefined>();
  #key = '';
  #unsubscribe = (): void => undefined;
  #recovering = false;
  #closed = false;
  #isConcluding = false;
  // The sets are made when they are needed: an empty one takes 200 bytes, and there may be thousands of containers.
  /** Processes that had ended when the supervisor loaded them: their exit events get `recovered`. */
  #foundEnded: Set<ContainerProcess> | undefined;
  /** Processes that were removed before the monitor reported their exit. */
  #removed: Set<ContainerProcess> | undefined;

  constructor({ root, container, recorder, monitor, onEnded }: SupervisedConfig) {
    this.container = container;
    this.#dir = join(root, container.id);
    this.#recorder = recorder;
    this.#monitor = monitor;
    this.#onEnded = onEnded;
  }

  /** Resolves after the container was deleted and that event was written, or after close(). */
  get ended(): Promise<undefined> {
    return this.#closed ? Promise.resolve(undefined) : this.#ended.wait();
  }

  /** Whether its directory still is this container's. */
  get exists(): boolean {
    return new ContainerDir(dirname(this.#dir), this.container.id, this.container.key).isCurrent();
  }

  /** Call it if the container does not exist any more. Resolves after its last events were written, or after close(). */
  async conclude(): Promise<void> {
    // If this object did not delete it, another program did: this one may miss the last of its processes' ends.
    if (!this.#isConcluding) void this.#deleted(ENDS_LIMIT_MS);
    await this.ended;
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
    const present = new Set(processes.map((process) => process.id));
    for (const processId of known?.processes.keys() ?? []) {
      if (!present.has(processId)) this.#recorder.concludeProcess(id, processId);
    }
    for (const process of processes) {
      if (isFound && process.hasEnded) (this.#foundEnded ??= new Set()).add(process);
      this.#started(process);
    }
    this.#unsubscribe = this.container.changes.subscribe((change, process) => this.#changed(change, process));
    const oomKillsTold = this.#recorder.container(id)?.processes.get(INIT_PROCESS_ID)?.oomKills ?? 0;
    try {
      this.#monitor.add(this.container, { oomKillsTold });
    } catch (error) {
      // Its cgroup can't be watched for now: all else is told nevertheless, and OOM kills at the end.
      if (!isShort(error)) throw error;
    }
    this.#recovering = false;
  }

  /** Writes a monitor event about this container. */
  tell(event: MonitorEvent): void {
    if (event.process.container !== this.container) return;
    const { processId, timeMs, process } = event;
    const processKey = this.#keyOf(process);
    const recovered = this.#foundEnded?.has(process) === true ? ({ recovered: true } as const) : {};
    if (event.type === 'oom') {
      const { kills, totalKills } = event;
      this.#write({ type: 'oom', timeMs, processId, processKey, kills, totalKills, ...recovered });
      return;
    }
    const { id } = this.container;
    this.#foundEnded?.delete(process);
    if (!this.#recorder.hasExited(id, processId, processKey)) {
      // Another program has let it run.
      if (this.#recorder.container(id)?.processes.get(processId)?.awaitsStart === true) this.#started(process);
      this.#write({ type: 'exit', timeMs, processId, processKey, exit: event.exit, ...recovered });
    }
    if (this.#removed?.delete(process) === true) this.#recorder.forget(id, processId);
  }

  close(): void {
    this.closing()();
  }

  /** Returns a function that does what close() does. It does not close the processes that are started meanwhile. */
  closing(): () => void {
    const closeContainer = this.container.closing();
    return () => {
      if (this.#closed) return;
      this.#closed = true;
      this.#onEnded();
      this.#unsubscribe();
      this.#monitor.remove(this.container);
      closeContainer();
      this.#ended.resolve(undefined);
    };
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
    if (processKey !== process.lifecycle.key) (this.#oldKeys ??= new WeakMap()).set(process, processKey);
    const { id } = this.container;
    const known = this.#recorder.container(id)?.processes.get(processId);
    const { awaitsStart } = process.lifecycle;
    // What has ended is not told to have started: that would be out of order.
    if (known?.key === processKey && (known.exited || awaitsStart || known.awaitsStart !== true)) return;
    // If an earlier process with this id was removed while no supervisor watched, write its exit first.
    if (known?.key !== processKey) this.#recorder.concludeProcess(id, processId);
    const type = processId === INIT_PROCESS_ID ? (awaitsStart ? 'created' : 'start') : 'exec-started';
    this.#write({ type, processId, processKey, systemPid });
  }

  #forget(process: ContainerProcess): void {
    const { id } = this.container;
    if (this.#recorder.hasExited(id, process.id, this.#keyOf(process))) this.#recorder.forget(id, process.id);
    else (this.#removed ??= new Set()).add(process);
  }

  #keyOf(process: ContainerProcess): string {
    return this.#oldKeys?.get(process) ?? process.lifecycle.key;
  }

  /** Writes `delete` as the last event: first the monitor must report the exits of the container's processes. */
  async #deleted(limitMs?: number): Promise<void> {
    this.#isConcluding = true;
    const told = this.#monitor.allTold(this.container);
    await (limitMs === undefined ? told : within(told, limitMs));
    if (this.#closed) return;
    if (limitMs === undefined) this.#write({ type: 'delete' });
    else this.#recorder.conclude(this.container.id);
    this.close();
  }

  #write(event: Unplaced<SupervisorEvent>): void {
    this.#recorder.write({
      timeMs: Date.now(),
      containerId: this.container.id,
      containerKey: this.#key,
      ...(this.#recovering ? { recovered: true } : {}),
      ...event,
    });
  }
}
