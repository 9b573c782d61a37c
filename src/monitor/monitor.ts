/**
 * Delivers the events of many processes and containers to listeners and async iterators: exits and OOM kills.
 * group.ts and oom.ts find out about the events, and queue.ts buffers them. Nothing is stored; supervisor/ has a log.
 * Behaviour: the events `exit` and `oom` of containerd 0.2's supervisor, and their order.
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
  /** When it ended, in milliseconds since 1970: the time that its shim recorded, else when the monitor noticed it. */
  readonly timeMs: number;
  /** The result of `process.wait()`. */
  readonly exit: Exit;
  readonly process: ContainerProcess;
}

/** The kernel's OOM killer has killed processes in a container's memory cgroup. */
export interface OomEvent {
  readonly type: 'oom';
  readonly containerId: string;
  /** Always `init`: the kernel does not report which process of the cgroup was killed. */
  readonly processId: string;
  /** When the monitor noticed it, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The number of processes killed since the last such event. */
  readonly kills: number;
  /** The number of processes killed since the cgroup was made. */
  readonly totalKills: number;
  readonly process: ContainerProcess;
}

export type MonitorEvent = ExitEvent | OomEvent;

export interface MonitorOptions {
  /** How many events may be pending in one iterator before it fails, 1 to 1000000. Default 65536. */
  maxPending?: number;
  /**
   * How long the exit event of a container's first process waits at most for those of its other processes, in
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
 * Follows processes and reports their events: it emits `event`, and `exit` or `oom`, and it is an async iterable. Each
 * iterator and each listener gets all events from its start on. The first of them also gets the earlier events, which
 * are kept for it. While a process is followed, it keeps the event loop alive.
 */
export class Monitor extends EventEmitter<MonitorEvents> implements AsyncIterable<MonitorEvent> {
  readonly #maxPending: number;
  readonly #initHoldMs: number;
  readonly #groups = new Map<Container, MonitorGroup>();
  /** The containers that were added, each with the function that ends its subscription. */
  readonly #subscriptions = new Map<Container, () => void>();
  readonly #queues = new Set<MonitorQueue<MonitorEvent>>();
  /** The events kept for the first iterator or listener; undefined after that one has come. */
  #first: MonitorQueue<MonitorEvent> | undefined;
  #closed = false;

  /** Makes a monitor without processes. @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`. */
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
   * Follows a started process, or all processes of a container, also those that this object starts later. A process
   * that has ended already is reported too. A process is not followed twice.
   * @param target a `Process` or a `Container`.
   * @param options.oomKillsTold how many OOM kills of the container's cgroup are known already; they are not reported.
   *   Default 0.
   * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`; {OutliveError} `ERR_INVALID_STATE` if the monitor is closed; a system
   *   error (EMFILE, ENFILE) if the container's cgroup can't be watched: exits are reported nevertheless. For a process
   *   that is started later, this error is not reported.
   */
  add(target: ContainerProcess | Container, options: { oomKillsTold?: number } = {}): void {
    checkObject('options', options);
    const { oomKillsTold = 0 } = options;
    checkInteger('options.oomKillsTold', oomKillsTold, 0, Number.MAX_SAFE_INTEGER);
    if (this.#closed) throw new OutliveError('ERR_INVALID_STATE', 'this monitor is closed');
    if (target instanceof Process) {
      this.#group(target.container, oomKillsTold).follow(target);
      return;
    }
    if (!(target instanceof Container)) throw invalidArgType('target', 'a Process or a Container', target);
    const group = this.#group(target, oomKillsTold);
    if (!this.#subscriptions.has(target)) {
      const end = target.changes.subscribe((change, process) => {
        if (change !== 'start' || process === undefined) return;
        try {
          this.#group(target, 0).follow(process);
        } catch {
          // Ignore: there are no descriptors to watch its cgroup, so there are no OOM events. The start must not fail.
        }
      });
      this.#subscriptions.set(target, end);
    }
    for (const process of target.processes()) group.follow(process);
  }

  /** Stops following a process, or all processes of a container. Pending events are still delivered. */
  remove(target: ContainerProcess | Container): void {
    if (target instanceof Process) {
      this.#groups.get(target.container)?.forget(target);
      return;
    }
    this.#subscriptions.get(target)?.();
    this.#subscriptions.delete(target);
    this.#groups.get(target)?.close();
    this.#groups.delete(target);
  }

  /** @internal Resolves when the exits of all followed processes of this container are reported. */
  async allTold(container: Container): Promise<void> {
    await this.#groups.get(container)?.allTold();
  }

  /** Stops following everything. Iterators end after their pending events. Does not affect the processes. */
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
   * Makes an iterator with its own queue, which ends when the monitor is closed. `next()` rejects with
   * `ERR_EVENTS_DROPPED` after the pending events if more than `maxPending` events were pending.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MonitorEvent> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return first;
    const queue = this.#newQueue();
    if (this.#closed) void queue.return();
    return queue;
  }

  /** As EventEmitter's. The first listener gets the kept events, in a microtask. */
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
    // While events are kept for the first listener, #emitKept() emits this one, so that the order is right.
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
