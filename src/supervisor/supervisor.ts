/**
 * A supervisor of a state root: its containers, and a log of their events that clients can read from any sequence on.
 * Does not own the log's files (log.ts) nor the events' content (container.ts, recorder.ts).
 * Behaviour: containerd 0.2's supervisor and its events.log; docs/events.md.
 */
import { accessSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkInteger, checkObject, checkString } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { Container, type ContainerProcess } from '../container/container.js';
import type { ContainerOptions, ExecSpec, LoadFailure, StartOptions } from '../container/options.js';
import { OutliveError } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { EventConsumers, checkConsumer } from './consumers.js';
import { EventLogLock } from './lock.js';
import { EventLog, makeLogDirectory } from './log.js';
import { readEvents } from './reader.js';
import { Monitor } from '../monitor/monitor.js';
import type { Stdio } from '../stdio/stdio.js';
import { EventsDroppedError, type LoggedEvent, type Snapshot, type SupervisorEvent } from './events.js';
import { type EventsOptions, type SupervisorOptions, checkEventsOptions, checkSupervisorOptions } from './options.js';
import { SupervisedContainer } from './container.js';
import { SupervisorRecorder } from './recorder.js';

/** A supervisor of all containers of a state root. `Supervisor.open()` makes it. */
export class Supervisor {
  /** The absolute path of the state root. */
  readonly root: string;
  /** The containers that could not be loaded, each with the reason. */
  readonly failures: readonly LoadFailure[];

  readonly #timeoutMs: number | undefined;
  readonly #lock: EventLogLock;
  readonly #consumers: EventConsumers;
  readonly #log: EventLog<Snapshot, SupervisorEvent>;
  readonly #recorder: SupervisorRecorder;
  readonly #monitor: Monitor;
  readonly #supervised = new Map<string, SupervisedContainer>();
  #closed = false;

  private constructor(root: string, options: SupervisorOptions, lock: EventLogLock, failures: LoadFailure[]) {
    const { maxLogBytes = 64 << 20, maxLogAgeMs = 30 * 86_400_000, segmentBytes = 1 << 20, initHoldMs } = options;
    const dir = eventsDirectory(root);
    this.root = root;
    this.failures = failures;
    this.#timeoutMs = options.timeoutMs;
    this.#lock = lock;
    this.#consumers = new EventConsumers(dir);
    const retention = { maxBytes: maxLogBytes, maxAgeMs: maxLogAgeMs, segmentBytes };
    this.#log = new EventLog(dir, retention, (sequence) => this.#consumers.wants(sequence));
    this.#recorder = new SupervisorRecorder(this.#log);
    this.#monitor = new Monitor(initHoldMs === undefined ? {} : { initHoldMs });
    this.#monitor.on('event', (event) => this.#supervised.get(event.containerId)?.tell(event));
  }

  /**
   * Opens a state root: loads all its containers, writes the events of the time without a supervisor, and watches the
   * containers from now on.
   * @param root the path of an existing directory. The log is in `<root>/.events`.
   * @throws {OutliveError} `ERR_INVALID_STATE` if another supervisor has the root, or the log is broken;
   *   {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; a system error.
   */
  static async open(root: string, options: SupervisorOptions = {}): Promise<Supervisor> {
    checkString('root', root);
    checkSupervisorOptions(options);
    const path = resolve(root);
    accessSync(path);
    makeLogDirectory(eventsDirectory(path));
    const lock = await EventLogLock.take(join(eventsDirectory(path), 'lock'));
    const failures: LoadFailure[] = [];
    let supervisor: Supervisor;
    try {
      supervisor = new Supervisor(path, options, lock, failures);
    } catch (error) {
      lock.release();
      throw error;
    }
    try {
      const { timeoutMs } = options;
      const loaded = await Container.loadAll(path, timeoutMs === undefined ? {} : { timeoutMs });
      failures.push(...loaded.failures);
      await supervisor.#recover(loaded.containers);
      return supervisor;
    } catch (error) {
      supervisor.close();
      throw error;
    }
  }

  /** All containers of the root, except `failures` and those that another program made after `open()`. */
  containers(): Container[] {
    return [...this.#supervised.values()].map(({ container }) => container);
  }

  /**
   * Returns the container with this id.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_FOUND` if it is not one of `containers()`; `ERR_INVALID_STATE` if this
   *   object is closed.
   */
  get(id: string): Container {
    return this.#get(id).container;
  }

  /** Calls `Container.create()` for this root. @throws as that; `ERR_INVALID_STATE` if this object is closed. */
  async create(options: Omit<ContainerOptions, 'root'>): Promise<Container> {
    this.#requireOpen();
    checkObject('options', options);
    return this.#supervise(await Container.create({ ...options, root: this.root }), false);
  }

  /**
   * Loads a container that another program made in this root after `open()`; returns one of `containers()` as it is.
   * @throws as `Container.load()`; {OutliveError} `ERR_INVALID_STATE` if this object is closed.
   */
  async load(id: string): Promise<Container> {
    this.#requireOpen();
    const known = this.#supervised.get(id);
    if (known !== undefined) return known.container;
    const timeoutMs = this.#timeoutMs;
    const container = await Container.load(this.root, id, timeoutMs === undefined ? {} : { timeoutMs });
    return this.#supervise(container, true);
  }

  /** Calls `container.start()`. @throws as that and as {@link get}. */
  async start(id: string, options?: StartOptions): Promise<ContainerProcess> {
    return this.get(id).start(options);
  }

  /** Calls `container.exec()`. @throws as that and as {@link get}. */
  async exec(
    id: string,
    processId: string,
    spec: ExecSpec,
    options?: { stdio?: Partial<Stdio> },
  ): Promise<ContainerProcess> {
    return this.get(id).exec(processId, spec, options);
  }

  /** Calls `container.delete()`, and resolves after the event is written. @throws as that and as {@link get}. */
  async delete(id: string, options?: { force?: boolean }): Promise<void> {
    const supervised = this.#get(id);
    await supervised.container.delete(options);
    await supervised.ended;
  }

  /**
   * Reads the log from an event on: in order, without a gap, each event once. There may be any number of readers. While
   * an iteration runs, the segments that it has not read yet are not removed.
   * @throws {OutliveError} `ERR_EVENTS_DROPPED` (an {@link EventsDroppedError}, which has the oldest sequence) if the
   *   first requested event is not kept any more; `ERR_INVALID_STATE` if this object is closed; {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
   */
  events(options: EventsOptions = {}): AsyncIterableIterator<LoggedEvent> {
    this.#requireOpen();
    checkEventsOptions(options);
    const { since, consumer, follow = false, signal } = options;
    const from = consumer === undefined ? this.#firstSince(since) : this.#firstFor(consumer, since);
    if (from < this.#log.oldest) throw new EventsDroppedError(from, this.#log.oldest);
    return this.#read(from, since instanceof Date ? since.getTime() : 0, follow, signal);
  }

  /**
   * Acknowledges an event and all before it for a consumer, so that they need not be kept for it any more.
   * @param consumer its name, an id of at most 100 characters. It is made if it is new.
   * @param sequence 0 to the newest event's. One below the consumer's last one changes nothing.
   * @throws {OutliveError} `ERR_INVALID_STATE` if this object is closed; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`,
   *   `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; a system error if it can't be written.
   */
  ack(consumer: string, sequence: number): void {
    this.#requireOpen();
    checkConsumer(consumer);
    checkInteger('sequence', sequence, 0, this.#log.last);
    this.#consumers.acknowledge(consumer, sequence);
    this.#log.retire();
  }

  /** The consumers by name, each with the last sequence that it acknowledged. */
  consumers(): ReadonlyMap<string, number> {
    return this.#consumers.all();
  }

  /**
   * Removes a consumer, so that no events are kept for it any more.
   * @returns whether there was one.
   * @throws {OutliveError} `ERR_INVALID_STATE` if this object is closed; {TypeError} `ERR_INVALID_ARG_VALUE`.
   */
  removeConsumer(consumer: string): boolean {
    this.#requireOpen();
    checkConsumer(consumer);
    const removed = this.#consumers.remove(consumer);
    this.#log.retire();
    return removed;
  }

  /** Why events can't be written at the moment (a full disk) and wait in memory; undefined if all are written. */
  get logProblem(): Error | undefined {
    return this.#recorder.problem;
  }

  /** Stops watching, closes the containers' objects, ends iterations, unlocks the root. Does not affect processes. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#monitor.close();
    for (const supervised of this.#supervised.values()) supervised.close();
    this.#recorder.close();
    this.#log.close();
    this.#lock.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  async #recover(containers: Container[]): Promise<void> {
    const found = new Set(containers.map(({ id }) => id));
    for (const id of this.#recorder.containerIds()) {
      // A container that exists but could not be loaded is not deleted.
      if (!found.has(id) && !existsSync(join(this.root, id))) this.#recorder.conclude(id);
    }
    for (const container of containers) {
      await ownTurn();
      this.#begin(container, true);
    }
    this.#log.retire();
  }

  async #supervise(container: Container, isFound: boolean): Promise<Container> {
    // If a container with the same id was just deleted, wait until its last events are written.
    await this.#supervised.get(container.id)?.ended;
    this.#begin(container, isFound);
    return container;
  }

  #begin(container: Container, isFound: boolean): void {
    const { root } = this;
    const supervised = new SupervisedContainer({ root, container, recorder: this.#recorder, monitor: this.#monitor });
    this.#supervised.set(container.id, supervised);
    void supervised.ended.then(() => {
      if (this.#supervised.get(container.id) === supervised) this.#supervised.delete(container.id);
    });
    supervised.begin(isFound);
  }

  #get(id: string): SupervisedContainer {
    this.#requireOpen();
    const supervised = this.#supervised.get(id);
    if (supervised !== undefined) return supervised;
    throw new OutliveError('ERR_CONTAINER_NOT_FOUND', `no container ${id} in ${this.root}`);
  }

  #firstSince(since: number | Date | undefined): number {
    if (since === undefined) return this.#log.oldest;
    if (since instanceof Date) {
      if (Number.isNaN(since.getTime())) throw invalidArgValue('options.since', since, 'must be a valid date');
      return this.#log.oldest;
    }
    checkInteger('options.since', since, 0, Number.MAX_SAFE_INTEGER - 1);
    return since + 1;
  }

  #firstFor(consumer: string, since: unknown): number {
    checkConsumer(consumer);
    if (since !== undefined) throw invalidArgValue('options.since', since, 'must not be given with a consumer');
    if (this.#consumers.position(consumer) === undefined) this.#consumers.acknowledge(consumer, this.#log.oldest - 1);
    return (this.#consumers.position(consumer) ?? 0) + 1;
  }

  async *#read(
    from: number,
    sinceMs: number,
    follow: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<LoggedEvent, undefined> {
    // Check again: this runs at the first next(), and the event may have been removed since events() was called.
    if (from < this.#log.oldest) throw new EventsDroppedError(from, this.#log.oldest);
    const place = this.#consumers.enter(from);
    const onPosition = (next: number): void => {
      place.next = next;
    };
    try {
      for await (const event of readEvents(this.#log, from, { follow, signal, onPosition })) {
        if (event.loggedAtMs >= sinceMs) yield event;
      }
    } finally {
      this.#consumers.leave(place);
    }
    return undefined;
  }

  #requireOpen(): void {
    if (this.#closed) throw new OutliveError('ERR_INVALID_STATE', 'this supervisor is closed');
  }
}

function eventsDirectory(root: string): string {
  return join(root, '.events');
}
