/**
 * Tells of many processes and containers at once: how each process ended, and which container lost one for want of
 * memory. Source: the events of containerd 0.2's supervisor (`exit`, `oom`) and their order.
 */
import { EventEmitter } from 'node:events';
import { checkInteger, checkObject } from '../base/arg-checks.js';
import { invalidArgType } from '../base/arg-errors.js';
import { Container, type ContainerProcess } from '../container/container.js';
import { OutliveError } from '../base/errors.js';
import type { Exit } from '../state/exit.js';
import { MonitorGroup } from './group.js';
import { MonitorQueue } from './queue.js';
import { Process } from '../container/process.js';

/** A process has ended. */
export interface ExitEvent {
  readonly type: 'exit';
  readonly containerId: string;
  readonly processId: string;
  /** When it ended, in milliseconds since 1970: as its shim recorded it, else when it was noticed. */
  readonly timeMs: number;
  /** As of `process.wait()`. */
  readonly exit: Exit;
  readonly process: ContainerProcess;
}

/** The kernel's OOM killer has killed processes in a container's own memory cgroup. */
export interface OomEvent {
  readonly type: 'oom';
  readonly containerId: string;
  /** `init`, whose cgroup it is. The kernel does not say which process in it was killed. */
  readonly processId: string;
  /** When it was noticed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** How many processes since the last such event. */
  readonly kills: number;
  /** How many in the life of the cgroup. */
  readonly totalKills: number;
  readonly process: ContainerProcess;
}

export type MonitorEvent = ExitEvent | OomEvent;

export interface MonitorOptions {
  /** How many events one iterator may leave untaken, 1 to 1000000, before it fails. Default 65536. */
  maxPending?: number;
  /**
   * How long the exit of a container's first process is held back for the exits of its other processes, in
   * milliseconds, 0 to 60000. Default 2000.
   */
  initHoldMs?: number;
}

interface MonitorEvents {
  event: [MonitorEvent];
  exit: [ExitEvent];
  oom: [OomEvent];
}

/**
 * Follows processes; emits `event`, and `exit` or `oom`, for each event, and is an async iterable of them. Every
 * iterator and every listener sees all events from its beginning on. The very first one sees those before it too: they
 * are kept for it. While a process is followed, the event loop stays alive.
 */
export class Monitor extends EventEmitter<MonitorEvents> implements AsyncIterable<MonitorEvent> {
  readonly #maxPending: number;
  readonly #initHoldMs: number;
  readonly #groups = new Map<Container, MonitorGroup>();
  /** Those that were added whole, with what ends their subscription. */
  readonly #whole = new Map<Container, () => void>();
  readonly #queues = new Set<MonitorQueue<MonitorEvent>>();
  /** The first iterator's, before there is anybody to take from it. */
  #first: MonitorQueue<MonitorEvent> | undefined;
  #closed = false;

  /** @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`. */
  constructor(options: MonitorOptions = {}) {
    super();
    checkObject('options', options);
    const { maxPending = 65_536, initHoldMs = 2000 } = options;
    checkInteger('options.maxPending', maxPending, 1, 1_000_000);
    checkInteger('options.initHoldMs', initHoldMs, 0, 60_000);
    this.#maxPending = maxPending;
    this.#initHoldMs = initHoldMs;
    this.#first = this.#newQueue();
  }

  /**
   * Follows a started process, or all of a container's, those that are started later through this object too. One that
   * has ended already gives its exit event all the same; one that is followed already is not followed twice.
   * @param options.oomKillsTold OOM kills of this container's cgroup that are known already, and not to be told.
   * @throws {TypeError} `ERR_INVALID_ARG_TYPE`; {OutliveError} `ERR_INVALID_STATE` when the monitor is closed; a system
   *   error when the container's cgroup can't be watched (EMFILE, ENFILE); its exits
   *   are followed all the same. One that is started later and can't be watched so is not reported.
   */
  add(target: ContainerProcess | Container, { oomKillsTold = 0 }: { oomKillsTold?: number } = {}): void {
    if (this.#closed) throw new OutliveError('ERR_INVALID_STATE', 'this monitor is closed');
    if (target instanceof Process) {
      this.#group(target.container, oomKillsTold).follow(target);
      return;
    }
    if (!(target instanceof Container)) throw invalidArgType('target', 'a Process or a Container', target);
    const group = this.#group(target, oomKillsTold);
    if (!this.#whole.has(target)) {
      const end = target.changes.subscribe((change, process) => {
        if (change !== 'start' || process === undefined) return;
        try {
          this.#group(target, 0).follow(process);
        } catch {
          // No descriptors for its cgroup: it goes without OOM events. The start must not fail for it.
        }
      });
      this.#whole.set(target, end);
    }
    for (const process of target.processes()) group.follow(process);
  }

  /** Tells nothing more of a process, or of all of a container's. What it told and was not taken yet stays. */
  remove(target: ContainerProcess | Container): void {
    if (target instanceof Process) {
      this.#groups.get(target.container)?.forget(target);
      return;
    }
    this.#whole.get(target)?.();
    this.#whole.delete(target);
    this.#groups.get(target)?.close();
    this.#groups.delete(target);
  }

  /** @internal Resolves when all ends of this container's processes have been told. */
  async allTold(container: Container): Promise<void> {
    await this.#groups.get(container)?.allTold();
  }

  /** Follows nothing more; iterators end once they have given what they hold. Touches no process. */
  close(): void {
    this.#closed = true;
    for (const container of [...this.#groups.keys()]) this.remove(container);
    for (const queue of this.#queues) queue.end();
    this.#queues.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /**
   * An iterator of its own, which ends with the monitor. `next()` rejects with `ERR_EVENTS_DROPPED` when more than
   * `maxPending` events were not taken.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MonitorEvent> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return first;
    const queue = this.#newQueue();
    if (this.#closed) void queue.return();
    return queue;
  }

  /** As EventEmitter's: the first one is given what was kept, in a moment. */
  override on<E extends keyof MonitorEvents>(name: E, listener: (...args: MonitorEvents[E]) => void): this {
    queueMicrotask(() => this.#emitKept());
    return super.on(name, listener as never);
  }

  #newQueue(): MonitorQueue<MonitorEvent> {
    const queue = new MonitorQueue<MonitorEvent>(this.#maxPending, (ended) => this.#queues.delete(ended));
    this.#queues.add(queue);
    return queue;
  }

  #group(container: Container, oomKillsTold: number): MonitorGroup {
    const known = this.#groups.get(container);
    if (known !== undefined) return known;
    const containerId = container.id;
    const group = new MonitorGroup({
      container,
      initHoldMs: this.#initHoldMs,
      oomKillsTold,
      onExit: (process, exit, timeMs) =>
        this.#tell({ type: 'exit', containerId, processId: process.id, timeMs, exit, process }),
      onOom: (init, kills, totalKills) =>
        this.#tell({
          type: 'oom',
          containerId,
          processId: init.id,
          timeMs: Date.now(),
          kills,
          totalKills,
          process: init,
        }),
    });
    this.#groups.set(container, group);
    return group;
  }

  #tell(event: MonitorEvent): void {
    for (const queue of this.#queues) queue.push(event);
    // What is kept for the first one is emitted with the rest of it.
    if (this.#first === undefined) this.#emitOne(event);
  }

  #emitKept(): void {
    const first = this.#first;
    this.#first = undefined;
    for (const event of first?.takeAll() ?? []) this.#emitOne(event);
    void first?.return();
  }

  #emitOne(event: MonitorEvent): void {
    this.emit('event', event);
    if (event.type === 'exit') this.emit('exit', event);
    else this.emit('oom', event);
  }
}
