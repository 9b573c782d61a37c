/**
 * A supervisor of a state root: its containers, and a log of their events that clients can read from any sequence on.
 * Does not own the log's files (log.ts) nor the events' content (container.ts, recorder.ts).
 * Behaviour: containerd 0.2's supervisor and its events.log; docs/events.md.
 */
import { accessSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkInteger, checkObject, checkString } from '../base/arg-checks.js';
import { Container, type ContainerProcess } from '../container/container.js';
import type { ContainerOptions, ExecOptions, ExecSpec, LoadFailure, StartOptions } from '../container/options.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { inTurns } from '../base/turns.js';
import { ensureDirectory } from '../disk/files.js';
import { absolutePath } from '../disk/working-directory.js';
import { checkSystem } from '../kernel/requirements.js';
import { type EventConsumers, checkConsumer } from './consumers.js';
import { EventLogLock } from './lock.js';
import { type SupervisorParts, eventsDirectory, openLog } from './parts.js';
import { replay } from './replay.js';
import { Monitor } from '../monitor/monitor.js';
import type { LoggedEvent } from './events.js';
import { type EventsOptions, type SupervisorOptions, checkSupervisorOptions } from './options.js';
import { SupervisedContainer } from './container.js';
import type { SupervisorLog, SupervisorRecorder } from './recorder.js';

/** A supervisor of all containers of a state root. `Supervisor.open()` makes it. */
export class Supervisor {
  /** The absolute path of the state root. */
  readonly root: string;
  /** The containers that could not be loaded, each with the reason. */
  readonly failures: readonly LoadFailure[];

  readonly #timeoutMs: number | undefined;
  readonly #lock: EventLogLock;
  readonly #consumers: EventConsumers;
  readonly #log: SupervisorLog;
  readonly #recorder: SupervisorRecorder;
  readonly #monitor: Monitor;
  readonly #supervised = new Map<string, SupervisedContainer>();
  /** The loads that are under way, by the container's id. */
  readonly #loading = new Map<string, Promise<Container>>();
  /** Set by close(); settles when all containers' objects are closed. */
  #closed: Promise<void> | undefined;

  private constructor(root: string, { initHoldMs, timeoutMs }: SupervisorOptions, parts: SupervisorParts) {
    this.root = root;
    this.failures = parts.failures;
    this.#timeoutMs = timeoutMs;
    this.#lock = parts.lock;
    this.#consumers = parts.consumers;
    this.#log = parts.log;
    this.#recorder = parts.recorder;
    this.#monitor = new Monitor({ initHoldMs });
    this.#monitor.on('event', (event) => this.#supervised.get(event.containerId)?.tell(event));
  }

  /**
   * Opens a state root: loads all its containers, writes the events of the time without a supervisor, and watches the
   * containers from now on.
   * @param root the path of an existing directory. The log is in `<root>/.events`.
   * @throws {OutliveError} `ERR_INVALID_STATE` if another supervisor has the root, or the log is broken;
   *   `ERR_UNSUPPORTED_SYSTEM`, `ERR_WORKING_DIRECTORY`, as `Container.create()`;
   *   {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; a system error.
   * @example
   * ```ts
   * const supervisor = await Supervisor.open('/var/lib/jobs');
   * for await (const event of supervisor.events({ consumer: 'billing', follow: true })) {
   *   console.log(event.sequence, event.type, event.containerId);
   *   supervisor.ack('billing', event.sequence);
   * }
   * ```
   */
  static async open(root: string, options: SupervisorOptions = {}): Promise<Supervisor> {
    checkString('root', root);
    checkSupervisorOptions(options);
    checkSystem();
    const path = absolutePath(root);
    accessSync(path);
    ensureDirectory(eventsDirectory(path));
    const lock = await EventLogLock.take(join(eventsDirectory(path), 'lock'));
    const failures: LoadFailure[] = [];
    let supervisor: Supervisor;
    try {
      supervisor = new Supervisor(path, options, { lock, failures, ...(await openLog(path, options)) });
    } catch (error) {
      lock.release();
      throw error;
    }
    let containers: Container[] = [];
    try {
      const loaded = await Container.loadAll(path, { timeoutMs: options.timeoutMs });
      failures.push(...loaded.failures);
      ({ containers } = loaded);
      await supervisor.#recover(containers);
      return supervisor;
    } catch (error) {
      supervisor.close();
      for (const container of containers) container.close();
      throw error;
    }
  }

  /** All containers of the root, except `failures` and those that another program made after `open()`; none after `close()`. */
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

  /**
   * Calls `Container.create()` for this root. `timeoutMs` is by default the one that `open()` was given.
   * @throws as that; `ERR_INVALID_STATE` if this object is closed, or is closed meanwhile. After a failure nothing of the
   *   container is left.
   */
  async create(options: Omit<ContainerOptions, 'root'>): Promise<Container> {
    this.#requireOpen();
    checkObject('options', options);
    const { timeoutMs = this.#timeoutMs, ...others } = options;
    const container = await Container.create({ ...others, timeoutMs, root: this.root });
    try {
      return await this.#supervise(container, false);
    } catch (error) {
      // Ignore a failure: another program has begun to use the container, or deleted it.
      await container.delete({ force: false }).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Loads a container that another program made in this root after `open()`; returns one of `containers()` as it is.
   * @throws as `Container.load()`; {OutliveError} `ERR_INVALID_STATE` if this object is closed, or is closed meanwhile.
   */
  async load(id: string): Promise<Container> {
    this.#requireOpen();
    const known = this.#supervised.get(id);
    if (known?.exists === true) return known.container;
    const loading = this.#loading.get(id) ?? this.#load(id).finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return loading;
  }

  /** Calls `container.start()`. @throws as that and as {@link get}. */
  async start(id: string, options?: StartOptions): Promise<ContainerProcess> {
    return this.get(id).start(options);
  }

  /** Calls `container.exec()`. @throws as that and as {@link get}. */
  async exec(id: string, processId: string, spec: ExecSpec, options?: ExecOptions): Promise<ContainerProcess> {
    return this.get(id).exec(processId, spec, options);
  }

  /** Calls `container.delete()`, and resolves after the event is written. @throws as that and as {@link get}. */
  async delete(id: string, options?: { force?: boolean | undefined }): Promise<void> {
    const supervised = this.#get(id);
    try {
      await supervised.container.delete(options);
    } catch (error) {
      if (hasCode(error, 'ERR_CONTAINER_NOT_FOUND')) await supervised.conclude();
      throw error;
    }
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
    return replay(this.#log, this.#consumers, options);
  }

  /**
   * Acknowledges an event and all before it for a consumer, so that they need not be kept for it any more. When it returns,
   * the next supervisor knows it too.
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

  /**
   * Why events can't be written at the moment (a full disk) and wait in memory, or why the log's next segment can't be begun;
   * undefined if all is well.
   */
  get logProblem(): Error | undefined {
    return this.#recorder.problem;
  }

  /**
   * Stops watching, closes the containers' objects, ends iterations, unlocks the root. Does not affect processes. Nothing
   * is written to the log after it. A `create()` or `load()` that is under way fails with `ERR_INVALID_STATE`; a start,
   * exec or delete goes on, and the next supervisor writes its events. If there are thousands of containers, the objects of
   * most are closed, and their descriptors freed, in later turns of the event loop.
   */
  close(): void {
    if (this.#closed !== undefined) return;
    this.#recorder.close();
    this.#log.close();
    this.#lock.release();
    this.#monitor.close();
    // What is started on a container after this call stays open.
    const closings = [...this.#supervised.values()].map((supervised) => supervised.closing());
    this.#supervised.clear();
    this.#closed = inTurns(closings, (close) => close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** As close(). Resolves when all objects are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#closed;
  }

  async #recover(containers: Container[]): Promise<void> {
    const found = new Set(containers.map(({ id }) => id));
    await inTurns(this.#recorder.containerIds(), (id) => {
      // A container that exists but could not be loaded is not deleted.
      if (!found.has(id) && !existsSync(join(this.root, id))) this.#recorder.conclude(id);
    });
    await inTurns(containers, (container) => this.#begin(container, true));
    this.#log.retire();
  }

  async #load(id: string): Promise<Container> {
    return this.#supervise(await Container.load(this.root, id, { timeoutMs: this.#timeoutMs }), true);
  }

  /** Begins to supervise a container. After a failure, also because this object was closed, its object is closed. */
  async #supervise(container: Container, isFound: boolean): Promise<Container> {
    try {
      for (let known = this.#known(container); known !== undefined; known = this.#known(container)) {
        if (known.exists) {
          // A create() and a load() of one container at the same time.
          container.close();
          return known.container;
        }
        // It was another container with this id: first its last events are written.
        await known.conclude();
      }
      this.#requireOpen();
      this.#begin(container, isFound);
      return container;
    } catch (error) {
      container.close();
      throw error;
    }
  }

  #begin(container: Container, isFound: boolean): void {
    const { root } = this;
    const onEnded = (): void => void this.#supervised.delete(container.id);
    const [recorder, monitor] = [this.#recorder, this.#monitor];
    const supervised = new SupervisedContainer({ root, container, recorder, monitor, onEnded });
    this.#supervised.set(container.id, supervised);
    try {
      supervised.begin(isFound);
    } catch (error) {
      supervised.close();
      throw error;
    }
  }

  #known({ id }: Container): SupervisedContainer | undefined {
    return this.#supervised.get(id);
  }

  #get(id: string): SupervisedContainer {
    this.#requireOpen();
    const supervised = this.#supervised.get(id);
    if (supervised !== undefined) return supervised;
    throw new OutliveError('ERR_CONTAINER_NOT_FOUND', `no container ${id} in ${this.root}`);
  }

  #requireOpen(): void {
    if (this.#closed !== undefined) throw new OutliveError('ERR_INVALID_STATE', 'this supervisor is closed');
  }
}
