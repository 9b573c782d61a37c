/**
 * The life of one process as its object follows it: launched, running, ended. Owns its pid, its identity and the watch on
 * its shim. Process is the public face; ContainerProcesses decides what is launched, and what happens to a lost one.
 */
import { OutliveError, hasCode } from '../base/errors.js';
import { type Identity, isRunning, signalProcess } from '../kernel/identity.js';
import { isShimListening } from '../shim/control.js';
import { type Launch, startShim } from '../shim/start.js';
import { Tracker } from '../shim/tracker.js';
import type { Exit } from '../state/exit.js';
import type { ProcessDir } from '../state/process.js';

/** Whether a process (or a container's first one) runs; `created`: it exists, and its program waits for `start()`. */
export type State = 'created' | 'running' | 'paused' | 'stopped';

/** What a life is made from. */
export interface LifecycleConfig {
  readonly id: string;
  readonly dir: ProcessDir;
  readonly launch: Launch;
  /** Whether its shim is the shipped one, whose exit code and log are understood. */
  readonly hasOwnShim: boolean;
  /** It was made by `create`: its program runs when the runtime's `start` is called. */
  readonly isCreated: boolean;
  /** Whether the process that has this pid is paused. */
  readonly isPaused: (pid: number) => boolean;
  /** Called when its program was let run. */
  readonly onStarted: () => void;
  /** Called once, when nobody recorded its end: something of it may still run. */
  readonly onLost: () => void;
}

type Phase = 'new' | 'starting' | 'started' | 'failed';

export class Lifecycle {
  /** Its directory. */
  readonly dir: ProcessDir;
  /** Whether its shim is the shipped one. */
  readonly hasOwnShim: boolean;
  readonly #config: LifecycleConfig;
  readonly #tracker: Tracker;
  #phase: Phase = 'new';
  #awaitsStart: boolean;
  #pid: number | undefined;
  /** As the shim recorded it; until then as it was when the pid file appeared. */
  #identity: Identity | undefined;
  #identityRecorded = false;

  constructor(config: LifecycleConfig) {
    this.#config = config;
    this.dir = config.dir;
    this.hasOwnShim = config.hasOwnShim;
    this.#awaitsStart = config.isCreated;
    this.#tracker = new Tracker(config.dir, config.onLost);
  }

  /** Starts its shim, and with it the process, or the container that waits for `start()`. */
  async launch(): Promise<void> {
    this.#phase = 'starting';
    try {
      this.#tracker.open();
      const { pid, identity, shim, changes } = await startShim(this.#config.launch);
      this.#pid = pid;
      this.#identity = identity;
      this.#phase = 'started';
      this.#tracker.begin(shim, changes);
    } catch (error) {
      this.#phase = 'failed';
      this.close();
      throw error;
    }
  }

  /** Brings back a process from its directory, whatever became of it. */
  attach(): void {
    this.#tracker.attach();
    this.#phase = 'started';
  }

  /** The pid on the host; 0 before it was started. */
  get pid(): number {
    if (this.#pid === undefined && this.#phase === 'started') {
      const pid = this.dir.readPid();
      if (this.dir.isCurrent()) this.#pid = pid;
    }
    return this.#pid ?? 0;
  }

  /** Which process it is: the key in its process.json. */
  get key(): string {
    return this.dir.key ?? '';
  }

  /** Its start is under way in this program. */
  get isStarting(): boolean {
    return this.#phase === 'new' || this.#phase === 'starting';
  }

  /** Another program starts it, or a dead one's shim is still at that: it has no pid yet, and has not failed. */
  get isBeingStarted(): boolean {
    return this.#phase === 'started' && !this.hasEnded && !this.dir.wasStarted();
  }

  /** The `exit` FIFO's descriptor; -1 if it is not open. */
  get exitFd(): number {
    return this.#tracker.fd;
  }

  /** Whether it was launched: its start is neither under way nor failed. */
  get wasLaunched(): boolean {
    return this.#phase === 'started';
  }

  /** It was made by `create`, and nobody is known to have let it run. Another supervisor may do so. */
  get awaitsStart(): boolean {
    if (this.#awaitsStart && this.dir.hasStartedMark()) this.#awaitsStart = false;
    return this.#awaitsStart;
  }

  /** @throws {OutliveError} unless its program waits for `start()`; as `Process.start()`. */
  requireAwaitsStart(): void {
    this.#requireLaunched();
    if (!this.awaitsStart) {
      throw new OutliveError('ERR_INVALID_STATE', `process ${this.#config.id} was started already`);
    }
    this.#requireNotEnded();
  }

  /** Its program was let run. Only a holder of the container's lock may write that down. */
  noteStarted({ write }: { write: boolean }): void {
    this.#awaitsStart = false;
    try {
      if (write) this.dir.writeStartedMark();
    } catch {
      // The disk is full, or the directory is being removed. A supervisor that loads the process asks the runtime.
    }
    this.#config.onStarted();
  }

  state(): State {
    if (!this.isAlive()) return 'stopped';
    if (!this.#config.isPaused(this.#who()?.pid ?? this.pid)) return this.awaitsStart ? 'created' : 'running';
    // If it is still alive, the pid was its own while the freezer state was read.
    return this.isAlive() ? 'paused' : 'stopped';
  }

  /** Whether it has begun and not ended. */
  isAlive(): boolean {
    if (this.#phase !== 'started' || this.#tracker.known() !== undefined) return false;
    const identity = this.#who();
    // Not recorded yet: there is a pid and a shim, and no end.
    return identity === undefined ? this.pid !== 0 : isRunning(identity);
  }

  /** Whether its end is known, or it never began. */
  get hasEnded(): boolean {
    return this.#phase === 'failed' || this.#tracker.known() !== undefined;
  }

  /** Its end, if that is known. */
  get exit(): Exit | undefined {
    return this.#tracker.known();
  }

  /** As `Process.wait()`. */
  async wait(signal: AbortSignal | undefined): Promise<Exit> {
    this.#requireLaunched();
    return this.#tracker.wait(signal);
  }

  /** As `Process.signal()`. */
  signal(signal: NodeJS.Signals | number): void {
    this.#requireNotEnded();
    const identity = this.#who();
    if (identity === undefined) {
      throw new OutliveError('ERR_INVALID_STATE', `process ${this.#config.id}: its identity is not recorded`);
    }
    signalProcess(identity, signal);
  }

  /** The directory of a process that has been launched and has not ended. */
  requireRunning(): ProcessDir {
    this.#requireNotEnded();
    return this.dir;
  }

  /** Waits until its shim has cleaned up; false if that takes longer than `limitMs`. */
  async shimCleanedUp(limitMs: number): Promise<boolean> {
    return this.#phase !== 'started' || (await this.#tracker.cleanedUp(limitMs)) !== undefined;
  }

  /** Its shim recorded its end, logged nothing, and is known to have deleted the container: the runtime has forgotten it. */
  get endedCleanly(): boolean {
    const recorded = this.#tracker.known()?.status !== undefined;
    if (!recorded || !this.hasOwnShim || this.dir.hasShimMessages()) return false;
    // A shim of an older release leaves no mark; if it still holds unread output, it has deleted the container.
    return this.dir.hasDeletedMark() || isShimListening(this.dir);
  }

  /** It, or the deletion of its container, was interrupted: the runtime may have an unfinished container. */
  get wasInterrupted(): boolean {
    return !this.dir.wasStarted() || (this.hasOwnShim && !this.dir.hasDeletedMark());
  }

  /** Whether exactly this process runs, whatever became of its shim; false if nobody recorded which process it is. */
  get isRunning(): boolean {
    const identity = this.#who();
    return identity !== undefined && isRunning(identity);
  }

  /** Kills exactly this process, if it runs. */
  kill(): void {
    const identity = this.#who();
    try {
      if (identity !== undefined && isRunning(identity)) signalProcess(identity, 'SIGKILL');
    } catch (error) {
      if (!hasCode(error, 'ERR_PROCESS_EXITED')) throw error;
    }
  }

  /** Watches again after close(). */
  reopen(): void {
    if (this.#phase === 'started') this.#tracker.reopen();
  }

  /** Stops watching; waits in progress reject. Does not touch the process. */
  close(): void {
    this.#tracker.close();
  }

  #requireLaunched(): void {
    if (this.#phase === 'started') return;
    throw new OutliveError('ERR_CONTAINER_NOT_STARTED', `process ${this.#config.id} is not started`);
  }

  #requireNotEnded(): void {
    this.#requireLaunched();
    if (this.#tracker.known() === undefined) return;
    throw new OutliveError('ERR_PROCESS_EXITED', `process ${this.#config.id} has exited`);
  }

  /** The shim's record is preferred: it describes a process that the shim has not reaped. */
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
