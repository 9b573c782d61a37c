/**
 * Follows one process: launched, running, ended. Owns its pid, its identity and the watch on its shim. Does not own the
 * public methods (process.ts), what is launched, and what happens after a lost end (processes.ts).
 */
import { OutliveError } from '../base/errors.js';
import type { Waiter } from '../base/promises.js';
import type { Signal } from '../posix/signals.js';
import { type Identity, isRunning, killIfRunning, signalProcess } from '../kernel/identity.js';
import { isShimListening } from '../shim/control.js';
import { type Attempt, type Launch, startShim } from '../shim/start.js';
import { type LostListener, Tracker } from '../shim/tracker.js';
import type { Exit } from '../state/exit.js';
import type { ProcessDir } from '../state/process.js';

/**
 * The state of a process, or of a container's first process. `created`: it exists, and its program waits for `start()`.
 */
export type State = 'created' | 'running' | 'paused' | 'stopped';

/** The arguments of a {@link Lifecycle}. */
export interface LifecycleConfig {
  readonly id: string;
  readonly dir: ProcessDir;
  /** Whether its shim is the shipped one: only of that one do the exit code and the log have a known meaning. */
  readonly hasOwnShim: boolean;
  /** Whether it was made by `create`: its program runs after the runtime's `start`. */
  readonly isCreated: boolean;
  readonly events: LifecycleEvents;
}

/** What a process asks and tells the processes of its container; one object for all of them. */
export interface LifecycleEvents {
  /** Whether the process that has this pid is paused. */
  isPaused(pid: number): boolean;
  /** Called after the program of the process with this id and key was let run. */
  wasLetRun(id: string, key: string): void;
  /** Called once if its end is lost: no program recorded it, so a part of it may still run. */
  isLost(id: string, key: string): void;
}

type Phase = 'new' | 'starting' | 'started' | 'failed';

export class Lifecycle implements LostListener {
  /** Its directory. */
  readonly dir: ProcessDir;
  /** Whether its shim is the shipped one. */
  readonly hasOwnShim: boolean;
  readonly #id: string;
  readonly #events: LifecycleEvents;
  readonly #tracker: Tracker;
  #phase: Phase = 'new';
  #awaitsStart: boolean;
  #pid: number | undefined;
  /** The identity that the shim recorded; before that, the one that was read when the pid file appeared. */
  #identity: Identity | undefined;
  #identityRecorded = false;

  constructor(config: LifecycleConfig) {
    this.#id = config.id;
    this.#events = config.events;
    this.dir = config.dir;
    this.hasOwnShim = config.hasOwnShim;
    this.#awaitsStart = config.isCreated;
    this.#tracker = new Tracker(config.dir, this);
  }

  onLost(): void {
    this.#events.isLost(this.#id, this.key);
  }

  /** Starts its shim, and so the process, or the created container that waits for `start()`. */
  async launch(launch: Launch, attempt: Attempt): Promise<void> {
    this.#phase = 'starting';
    try {
      const { pid, identity, shimEnd, changes } = await startShim(launch, attempt, () => this.#tracker.open());
      this.#pid = pid;
      this.#identity = identity;
      this.#phase = 'started';
      this.#tracker.begin(shimEnd, changes);
    } catch (error) {
      this.#phase = 'failed';
      this.close();
      throw error;
    }
  }

  /** Brings back a process from its directory, in whatever state it is. */
  attach(): void {
    this.#tracker.attach();
    this.#phase = 'started';
  }

  /** Resolves when it is known whether its start, which another program began, goes on. */
  async looked(): Promise<void> {
    await this.#tracker.looked();
  }

  /** The pid on the host; 0 before it is started. */
  get pid(): number {
    if (this.#pid === undefined && this.#phase === 'started') {
      const pid = this.dir.readPid();
      if (this.dir.isCurrent()) this.#pid = pid;
    }
    return this.#pid ?? 0;
  }

  /** The release that its shim recorded. */
  get shimVersion(): string | undefined {
    const version = this.dir.readShim()?.version;
    return this.dir.isCurrent() && version !== '' ? version : undefined;
  }

  /** The key in its process.json; '' if that could not be read. */
  get key(): string {
    return this.dir.key ?? '';
  }

  /** Whether its start is under way in this program. */
  get isStarting(): boolean {
    return this.#phase === 'new' || this.#phase === 'starting';
  }

  /**
   * Whether its start is under way in another program, or in the shim of a dead one: no pid is recorded, and no end.
   */
  get isBeingStarted(): boolean {
    return this.#phase === 'started' && !this.hasEnded && !this.dir.wasStarted();
  }

  /** The `exit` FIFO's descriptor; -1 if it is not open. */
  get exitFd(): number {
    return this.#tracker.fd;
  }

  /** Whether it was launched: its start is not under way here, and did not fail. */
  get wasLaunched(): boolean {
    return this.#phase === 'started';
  }

  /**
   * Whether it was made by `create`, and no program has recorded that it was let run. Another supervisor may let it
   * run.
   */
  get awaitsStart(): boolean {
    if (this.#awaitsStart && this.dir.hasStartedMark()) this.#awaitsStart = false;
    return this.#awaitsStart;
  }

  /** @throws {OutliveError} unless its program waits for `start()`; as `Process.start()`. */
  requireAwaitsStart(): void {
    this.#requireLaunched();
    if (!this.awaitsStart) {
      throw new OutliveError('ERR_INVALID_STATE', `${this.dir.what} was started already`);
    }
    this.#requireNotEnded();
  }

  /**
   * To be called after its program was let run.
   * @param write whether to write the file `started`. Only a holder of the container's lock may do so.
   */
  noteStarted({ write }: { write: boolean }): void {
    this.#awaitsStart = false;
    try {
      if (write) this.dir.writeStartedMark();
    } catch {
      // Ignore a full disk or a removed directory: a supervisor that loads the process asks the runtime.
    }
    this.#events.wasLetRun(this.#id, this.key);
  }

  state(): State {
    if (!this.isAlive()) return 'stopped';
    if (!this.#events.isPaused(this.#who()?.pid ?? this.pid)) return this.awaitsStart ? 'created' : 'running';
    // If it is still alive, the pid was its own while isPaused() read the freezer's state.
    return this.isAlive() ? 'paused' : 'stopped';
  }

  /** Whether it has begun and not ended. */
  isAlive(): boolean {
    if (this.#phase !== 'started' || this.#tracker.known() !== undefined) return false;
    const identity = this.#who();
    // No identity is recorded yet. A pid, and no known end, mean that it runs.
    return identity === undefined ? this.pid !== 0 : isRunning(identity);
  }

  /** Whether its end is known, or it never began. */
  get hasEnded(): boolean {
    return this.#phase === 'failed' || this.#tracker.known() !== undefined;
  }

  /** Its end; undefined if that is not known. */
  get exit(): Exit | undefined {
    return this.#tracker.known();
  }

  /** As `Process.wait()`. */
  async wait(signal: AbortSignal | undefined): Promise<Exit> {
    this.#requireLaunched();
    return this.#tracker.wait(signal);
  }

  /** As wait(), for a monitor, which waits for thousands: {@link Tracker.follow}. */
  follow(follower: Waiter<Exit>): void {
    this.#tracker.follow(follower);
  }

  /** Ends what follow() began. */
  unfollow(follower: Waiter<Exit>): void {
    this.#tracker.unfollow(follower);
  }

  /** As `Process.signal()`. */
  signal(signal: Signal): void {
    this.#requireNotEnded();
    const identity = this.#who();
    if (identity === undefined) {
      throw new OutliveError('ERR_INVALID_STATE', `${this.dir.what}: its identity is not recorded`);
    }
    signalProcess(identity, signal);
  }

  /** The directory of a process that has been launched and has not ended. */
  requireRunning(): ProcessDir {
    this.#requireNotEnded();
    return this.dir;
  }

  /** Waits until its shim has cleaned up. Returns false if that takes longer than `limitMs` milliseconds. */
  async shimCleanedUp(limitMs: number): Promise<boolean> {
    return this.#phase !== 'started' || (await this.#tracker.cleanedUp(limitMs)) !== undefined;
  }

  /**
   * Whether its shim recorded its end, logged nothing, and deleted the container: then the runtime need not be asked.
   */
  get endedCleanly(): boolean {
    const recorded = this.#tracker.known()?.status !== undefined;
    if (!recorded || !this.hasOwnShim || this.dir.hasShimMessages()) return false;
    // A shim of an older release leaves no mark; if it still holds unread output, it has deleted the container.
    return this.dir.hasDeletedMark() || isShimListening(this.dir);
  }

  /** Whether its start, or its shim's delete, was interrupted: then the runtime may have an unfinished container. */
  get wasInterrupted(): boolean {
    return !this.dir.wasStarted() || (this.hasOwnShim && !this.dir.hasDeletedMark());
  }

  /** Sends SIGKILL to exactly this process if it runs. Returns whether it ran. */
  kill(): boolean {
    const identity = this.#who();
    return identity !== undefined && killIfRunning(identity);
  }

  /** Begins to watch again after close(). Does nothing if it watches already. */
  reopen(): void {
    if (this.#phase === 'started') this.#tracker.reopen();
  }

  /** Stops watching; waits in progress reject with `ERR_INVALID_STATE`. Does not touch the process. */
  close(): void {
    this.#tracker.close();
  }

  #requireLaunched(): void {
    if (this.#phase === 'started') return;
    throw new OutliveError('ERR_CONTAINER_NOT_STARTED', `${this.dir.what} is not started`);
  }

  #requireNotEnded(): void {
    this.#requireLaunched();
    if (this.#tracker.known() === undefined) return;
    throw new OutliveError('ERR_PROCESS_EXITED', `${this.dir.what} has exited`);
  }

  /**
   * The identity. What the shim recorded is preferred, because it read it while the process was not reaped. It is used
   * only if the directory still is this process's after the read.
   */
  #who(): Identity | undefined {
    if (this.#identityRecorded) return this.#identity;
    const recorded = this.dir.readIdentity();
    if (recorded !== undefined && this.dir.isCurrent()) {
      this.#identity = recorded;
      this.#identityRecorded = true;
    }
    return this.#identity;
  }
}
