/**
 * A state root under one supervisor: all its containers, and a log of what happens to them that a client can read from
 * any point on and then follow. Source: containerd 0.2's supervisor and its events.log.
 */
import { accessSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkInteger, checkObject, checkString } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { Container, type ContainerProcess } from '../container/container.js';
import type { ContainerOptions, ExecSpec, LoadFailure, StartOptions } from '../container/options.js';
import { OutliveError } from '../base/errors.js';
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

/** Made by `Supervisor.open()`. */
export class Supervisor {
  readonly root: string;
  /** The containers that could not be loaded, and why. */
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
   * Takes a state root over: loads all its containers, writes down what happened while nobody watched, and watches on.
   * @param root an existing directory. The log is in `<root>/.events`.
   * @throws {OutliveError} `ERR_INVALID_STATE` when another supervisor has the root, or the log is broken; a bad
   *   argument's or system call's error.
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
      supervisor.#recover(loaded.containers);
      return supervisor;
    } catch (error) {
      supervisor.close();
      throw error;
    }
  }

  /** All containers of the root, but `failures` and those that another program made meanwhile. */
  containers(): Container[] {
    return [...this.#supervised.values()].map(({ container }) => container);
  }

  /** @throws {OutliveError} `ERR_CONTAINER_NOT_FOUND` when it is not one of `containers()`. */
  get(id: string): Container {
    return this.#get(id).container;
  }

  /** As `Container.create()`, in this root. */
  async create(options: Omit<ContainerOptions, 'root'>): Promise<Container> {
    this.#requireOpen();
    checkObject('options', options);
    return this.#supervise(await Container.create({ ...options, root: this.root }), false);
  }

  /** A container that another program made in this root since `open()`; one that is known already is given as it is. */
  async load(id: string): Promise<Container> {
    this.#requireOpen();
    const known = this.#supervised.get(id);
    if (known !== undefined) return known.container;
    const timeoutMs = this.#timeoutMs;
    const container = await Container.load(this.root, id, timeoutMs === undefined ? {} : { timeoutMs });
    return this.#supervise(container, true);
  }

  /** As `container.start()`. */
  async start(id: string, options?: StartOptions): Promise<ContainerProcess> {
    return this.get(id).start(options);
  }

  /** As `container.exec()`. */
  async exec(
    id: string,
    processId: string,
    spec: ExecSpec,
    options?: { stdio?: Partial<Stdio> },
  ): Promise<ContainerProcess> {
    return this.get(id).exec(processId, spec, options);
  }

  /** As `container.delete()`; resolves when that is in the log too. */
  async delete(id: string, options?: { force?: boolean }): Promise<void> {
    const supervised = this.#get(id);
    await supervised.container.delete(options);
    await supervised.ended;
  }

  /**
   * The log from a point on, in order, without a gap and each event once; for any number of readers.
   * A reader that is in an iteration holds what it has not had yet: no such segment is removed.
   * @throws {OutliveError} `ERR_EVENTS_DROPPED` (an {@link EventsDroppedError}, which names the oldest sequence) when
   *   `since` asks for what is kept no more; `ERR_INVALID_STATE` when this object is closed; a bad argument's error.
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
   * Writes down that a consumer is done with an event and all before it; they need not be kept for it any more.
   * @param sequence 0 to the newest one there is. An older one than before changes nothing.
   */
  ack(consumer: string, sequence: number): void {
    this.#requireOpen();
    checkConsumer(consumer);
    checkInteger('sequence', sequence, 0, this.#log.last);
    this.#consumers.acknowledge(consumer, sequence);
    this.#log.retire();
  }

  /** The consumers, and the last sequence that each has acknowledged. */
  consumers(): ReadonlyMap<string, number> {
    return this.#consumers.all();
  }

  /** Forgets a consumer; nothing is kept for it any more. @returns whether there was one. */
  removeConsumer(consumer: string): boolean {
    this.#requireOpen();
    checkConsumer(consumer);
    const removed = this.#consumers.remove(consumer);
    this.#log.retire();
    return removed;
  }

  /** Why events can't be written just now (a full disk); they wait in memory meanwhile. undefined when all are. */
  get logProblem(): Error | undefined {
    return this.#recorder.problem;
  }

  /** Stops watching, closes its containers' objects and lets the root go; touches no process. Iterations end. */
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

  #recover(containers: Container[]): void {
    const found = new Set(containers.map(({ id }) => id));
    for (const id of this.#recorder.containerIds()) {
      // One that could not be loaded is not gone.
      if (!found.has(id) && !existsSync(join(this.root, id))) this.#recorder.conclude(id);
    }
    for (const container of containers) this.#begin(container, true);
    this.#log.retire();
  }

  async #supervise(container: Container, isFound: boolean): Promise<Container> {
    // One with the same id may have been deleted, and its last events not be told yet.
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
    // Asked again: time may have passed since events() was called.
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
