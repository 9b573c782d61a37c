/**
 * Delivers the events of many processes and containers to listeners and async iterators: exits and OOM kills.
 * group.ts and oom.ts find out about the events, and queue.ts buffers them. Nothing is stored; supervisor/ has a log.
 * Behaviour: the events `exit` and `oom` of containerd 0.2's supervisor, and their order.
 */
import { EventEmitter } from 'node:events';
import { checkInteger, checkKeys } from '../base/arg-checks.js';
import { invalidArgType } from '../base/arg-errors.js';
import type { ContainerChange } from '../container/changes.js';
import { Container, type ContainerProcess } from '../container/container.js';
import { OutliveError } from '../base/errors.js';
import { callEach } from '../base/listeners.js';
import { Pieces, inTurns } from '../base/turns.js';
import type { Exit } from '../state/exit.js';
import { type GroupConfig, MonitorGroup } from './group.js';
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
  maxPending?: number | undefined;
  /**
   * How long the exit event of a container's first process waits at most for those of its other processes, in
   * milliseconds, 0 to 60000. Default 2000.
   */
  initHoldMs?: number | undefined;
}

interface MonitorEvents {
  event: [MonitorEvent];
  exit: [ExitEvent];
  oom: [OomEvent];
  error: [Error];
}

type Listener<E extends keyof MonitorEvents> = (...args: MonitorEvents[E]) => void;

/**
 * Follows processes and reports their events: it emits `event`, and `exit` or `oom`, and it is an async iterable. Each
 * iterator and each listener gets all events from its start on. The first of them also gets the earlier events, which
 * are kept for it; if more than `maxPending` came, a listener for `error` gets `ERR_EVENTS_DROPPED` after them. If a
 * listener throws, the others get the event nevertheless, and the error becomes an uncaught exception. While a process is
 * followed, it keeps the event loop alive.
 * @example
 * ```ts
 * const monitor = new Monitor();
 * for (const job of await list()) monitor.add(job);
 * for await (const event of monitor) {
 *   if (event.type === 'exit') console.log(event.containerId, event.exit.status);
 *   if (event.type === 'oom') console.log(event.containerId, `${event.kills} killed for memory`);
 * }
 * ```
 */
export class Monitor extends EventEmitter<MonitorEvents> implements AsyncIterable<MonitorEvent> {
  readonly #maxPending: number;
  readonly #initHoldMs: number;
  readonly #groups = new Map<Container, MonitorGroup>();
  /** The processes of each container that were followed so far: one that is added twice is reported once. */
  readonly #seen = new WeakMap<Container, WeakSet<ContainerProcess>>();
  /** The containers that were added and not deleted, each with the function that ends its subscription. */
  readonly #subscriptions = new Map<Container, () => void>();
  readonly #queues = new Set<MonitorQueue<MonitorEvent>>();
  /** The events kept for the first iterator or listener; undefined after that one has come. */
  #first: MonitorQueue<MonitorEvent> | undefined;
  /** Whether a listener was added that gets the kept events in a microtask. */
  #firstListens = false;
  /** Set by close(); settles when nothing is followed any more. */
  #closed: Promise<void> | undefined;
  /** What the groups call; the same functions for all. */
  readonly #handlers: Pick<GroupConfig, 'onIdle' | 'onExit' | 'onOom'> = {
    onIdle: (container) => this.#forgetIfIdle(container),
    onExit: (process, exit, timeMs) => this.#tell({ type: 'exit', ...identityOf(process), timeMs, exit, process }),
    onOom: (process, kills, totalKills) =>
      this.#tell({ type: 'oom', ...identityOf(process), timeMs: Date.now(), kills, totalKills, process }),
  };

  /** Makes a monitor without processes. @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`. */
  constructor(options: MonitorOptions = {}) {
    super();
    checkKeys('options', options, ['maxPending', 'initHoldMs']);
    const { maxPending = 65_536, initHoldMs = 2000 } = options;
    checkInteger('options.maxPending', maxPending, 1, 1_000_000);
    checkInteger('options.initHoldMs', initHoldMs, 0, 60_000);
    this.#maxPending = maxPending;
    this.#initHoldMs = initHoldMs;
    this.#first = this.#newQueue();
  }

  /**
   * Follows a started process, or all processes of a container, also those that this object starts later. A process
   * that has ended already is reported too. A process is not followed twice. A container that is deleted through the
   * same object is let go when the exits of its processes are reported.
   * @param target a `Process` or a `Container`.
   * @param options.oomKillsTold how many OOM kills of the container's cgroup are known already; they are not reported.
   *   Default 0.
   * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`; {OutliveError} `ERR_INVALID_STATE` if the
   *   monitor is closed; a system error if the container's directory can't be read, and then nothing is followed; a system
   *   error (EMFILE, ENFILE, ENOSPC) if its cgroup can't be watched: all exits are reported nevertheless, and OOM kills at the end.
   *   For a process that is started later, this error is not reported.
   */
  add(target: ContainerProcess | Container, options: { oomKillsTold?: number | undefined } = {}): void {
    if (this.#closed !== undefined) throw new OutliveError('ERR_INVALID_STATE', 'this monitor is closed');
    checkKeys('options', options, ['oomKillsTold']);
    const { oomKillsTold = 0 } = options;
    checkInteger('options.oomKillsTold', oomKillsTold, 0, Number.MAX_SAFE_INTEGER);
    if (target instanceof Process) {
      this.#follow(this.#group(target.container, oomKillsTold), [target]);
      return;
    }
    if (!(target instanceof Container)) throw invalidArgType('target', 'a Process or a Container', target);
    const processes = target.processes();
    const group = this.#group(target, oomKillsTold);
    if (!this.#subscriptions.has(target)) {
      const end = target.changes.subscribe((change, process) => this.#changed(target, change, process));
      this.#subscriptions.set(target, end);
    }
    this.#follow(group, processes);
  }

  /** Stops following a process, or all processes of a container. Pending events are still delivered. */
  remove(target: ContainerProcess | Container): void {
    if (target instanceof Process) {
      this.#groups.get(target.container)?.forget(target);
      this.#forgetIfIdle(target.container);
      return;
    }
    this.#subscriptions.get(target)?.();
    this.#subscriptions.delete(target);
    this.#groups.get(target)?.close();
    this.#groups.delete(target);
    this.#seen.delete(target);
  }

  /** @internal Resolves when the exits of all followed processes of this container are reported. */
  async allTold(container: Container): Promise<void> {
    await this.#groups.get(container)?.allTold();
  }

  /**
   * Stops following everything. Iterators end after their pending events. Does not affect the processes. If thousands are
   * followed, the descriptors of most are freed in later turns of the event loop.
   */
  close(): void {
    if (this.#closed !== undefined) return;
    for (const queue of this.#queues) queue.end();
    this.#queues.clear();
    this.#closed = inTurns([...this.#groups.keys()], (container) => this.remove(container));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** As close(). Resolves when all descriptors are freed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#closed;
  }

  /**
   * Makes an iterator with its own queue, which ends when the monitor is closed. `next()` rejects with
   * `ERR_EVENTS_DROPPED` after the pending events if more than `maxPending` events were pending.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MonitorEvent> {
    const first = this.#firstListens ? undefined : this.#first;
    if (first !== undefined) {
      this.#first = undefined;
      return first;
    }
    const queue = this.#newQueue();
    if (this.#closed !== undefined) void queue.return();
    return queue;
  }

  // The declarations leave these three out (`stripInternal`): users have those of EventEmitter, whose form differs between
  // the versions of @types/node. once() calls on(), and prependOnceListener() calls prependListener().
  /** @internal The first listener gets the kept events, in a microtask. */
  override on<E extends keyof MonitorEvents>(name: E, listener: Listener<E>): this {
    this.#listens(name);
    return super.on(name, listener as never);
  }

  /** @internal */
  override addListener<E extends keyof MonitorEvents>(name: E, listener: Listener<E>): this {
    return this.on(name, listener);
  }

  /** @internal */
  override prependListener<E extends keyof MonitorEvents>(name: E, listener: Listener<E>): this {
    this.#listens(name);
    return super.prependListener(name, listener as never);
  }

  #listens(name: string): void {
    if (this.#first === undefined || this.#firstListens || !['event', 'exit', 'oom'].includes(name)) return;
    this.#firstListens = true;
    queueMicrotask(() => void this.#emitKept());
  }

  #changed(container: Container, change: ContainerChange, process: ContainerProcess | undefined): void {
    if (this.#closed !== undefined) return;
    if (change === 'start' && process !== undefined) {
      try {
        this.#group(container, 0).follow(process);
      } catch {
        // Ignore: there are no descriptors to watch its cgroup, so there are no OOM events. The start must not fail.
      }
    } else if (change === 'delete') {
      void this.allTold(container).then(() => this.remove(container));
    }
  }

  /** Follows all of them, and then throws the first error. */
  #follow(group: MonitorGroup, processes: readonly ContainerProcess[]): void {
    const errors: unknown[] = [];
    for (const process of processes) {
      try {
        group.follow(process);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Lets go of a container of which nothing is followed, unless it was added itself. */
  #forgetIfIdle(container: Container): void {
    if (this.#groups.get(container)?.isEmpty !== true || this.#subscriptions.has(container)) return;
    this.#groups.get(container)?.close();
    this.#groups.delete(container);
  }

  #newQueue(): MonitorQueue<MonitorEvent> {
    const queue = new MonitorQueue<MonitorEvent>(this.#maxPending, (ended) => this.#queues.delete(ended));
    this.#queues.add(queue);
    return queue;
  }

  #group(container: Container, oomKillsTold: number): MonitorGroup {
    const known = this.#groups.get(container);
    if (known !== undefined) return known;
    const seen = this.#seen.get(container) ?? new WeakSet();
    this.#seen.set(container, seen);
    const [initHoldMs, { onIdle, onExit, onOom }] = [this.#initHoldMs, this.#handlers];
    const group = new MonitorGroup({ container, initHoldMs, oomKillsTold, seen, onIdle, onExit, onOom });
    this.#groups.set(container, group);
    return group;
  }

  #tell(event: MonitorEvent): void {
    if (this.#closed !== undefined) return;
    for (const queue of this.#queues) queue.push(event);
    // While events are kept for the first listener, #emitKept() emits this one, so that the order is right.
    if (this.#first === undefined) this.#emitOne(event);
  }

  /** There may be many, so it takes several turns of the event loop. Those that come meanwhile wait behind them. */
  async #emitKept(): Promise<void> {
    const first = this.#first;
    const pieces = new Pieces();
    for (let event = first?.take(); event !== undefined; event = first?.take()) {
      this.#emitOne(event);
      await pieces.next();
    }
    this.#first = undefined;
    const dropped = first?.dropped;
    void first?.return();
    // Without a listener it becomes an uncaught exception.
    if (dropped !== undefined) queueMicrotask(() => this.emit('error', dropped));
  }

  #emitOne(event: MonitorEvent): void {
    this.#call('event', event);
    this.#call(event.type, event);
  }

  /** As emit(), but a listener that throws does not keep the event from the others. */
  #call(name: keyof MonitorEvents, event: MonitorEvent): void {
    callEach(this.rawListeners(name), (listener) => {
      Reflect.apply(listener, this, [event]);
    });
  }
}

function identityOf({ id, container }: ContainerProcess): { containerId: string; processId: string } {
  return { containerId: container.id, processId: id };
}
