/**
 * A supervised process: the public methods. Each checks the state, calls one lower module and translates the result;
 * parsing and system calls are below. Seed: the `Process` interface.
 */
import type { Readable, Writable } from 'node:stream';
import { checkInteger } from '../base/arg-checks.js';
import type { Container } from './container.js';
import { isShimListening, sendControl } from '../shim/control.js';
import { CLOSE_STDIN_LINE, resizeLine } from '../shim/control-lines.js';
import { OutliveError } from '../base/errors.js';
import { DEFAULT_SHIM } from '../disk/programs.js';
import type { Exit } from '../state/exit.js';
import { isRunning, signalProcess } from '../kernel/identity.js';
import type { ProcessConfig } from './process-config.js';
import type { ProcessSpec } from '../oci/spec.js';
import { startShim } from '../shim/start.js';
import type { Identity, ProcessDir } from '../state/state-dir.js';
import { type OutputOptions, type Stdio, openInput, openOutput } from '../stdio/stdio.js';
import { Tracker } from '../shim/tracker.js';

/** Whether a process (or a container's first one) runs; `created`: it is there, and its program waits for `start()`. */
export type State = 'created' | 'running' | 'paused' | 'stopped';

type Phase = 'new' | 'starting' | 'started' | 'failed';

/**
 * A process in a container. It lives on when this object, or the program that holds it, is gone; `Container.load` brings
 * it back. Made by `container.start()` and `container.exec()`, never by hand.
 */
export class Process {
  /** `init` for the container's first process, else the id given to `exec`. */
  readonly id: string;
  readonly container: Container;
  /** The OCI process object that it was made from. */
  readonly spec: ProcessSpec;
  readonly stdio: Stdio;
  /** As given to `start()`, `create()` or `exec()`; kept with the process, no meaning here. */
  readonly labels: readonly string[];
  /**
   * Why `spec`, `stdio` and `labels` are not known: its process.json was broken when it was loaded. The process itself can be
   * waited for, signalled and deleted all the same.
   */
  readonly problem: string | undefined;

  readonly #dir: ProcessDir;
  readonly #config: ProcessConfig;
  readonly #tracker: Tracker;
  #phase: Phase = 'new';
  #awaitsStart: boolean;
  #pid: number | undefined;
  /** As the shim recorded it, or until then as it was seen when the pid file appeared. */
  #identity: Identity | undefined;
  #identityRecorded = false;

  /** @internal */
  constructor(config: ProcessConfig) {
    this.id = config.id;
    this.container = config.container;
    this.spec = config.spec;
    this.stdio = config.stdio;
    this.labels = config.labels;
    this.problem = config.problem;
    this.#dir = config.dir;
    this.#config = config;
    this.#awaitsStart = config.isCreated;
    this.#tracker = new Tracker(config.dir, () => config.onLost(this));
  }

  /** @internal Brings back a process from its directory, whatever became of it. */
  static attach(config: ProcessConfig): Process {
    const process = new Process(config);
    process.#tracker.attach();
    process.#phase = 'started';
    return process;
  }

  /** Its pid on the host; 0 before it was started. For people: `signal()` checks who has it now. */
  get systemPid(): number {
    this.#pid ??= this.#phase === 'started' ? this.#dir.readPid() : undefined;
    return this.#pid ?? 0;
  }

  /**
   * A descriptor that hangs up (POLLHUP, end-of-file) when the process has ended; -1 when there is none (not started,
   * closed). It belongs to this object: poll it, do not read or close it.
   */
  get exitFd(): number {
    return this.#tracker.fd;
  }

  /**
   * Lets the program of a created container run. Of every other process `container.start()` and `exec()` have done so.
   * @throws {OutliveError} `ERR_INVALID_STATE` when it was started before; `ERR_PROCESS_EXITED` when it ended before;
   *   `ERR_CONTAINER_NOT_STARTED` while `create()` is at it; `ERR_OCI_RUNTIME` when the runtime can't let it run, or did not
   *   end within `timeoutMs`; `ERR_NOT_INSTALLED`; a system error. After a failure `state()` says what became of it: one
   *   that is `created` still may be started again.
   */
  async start(): Promise<void> {
    this.#requireStarted();
    if (!this.awaitsStart) throw new OutliveError('ERR_INVALID_STATE', `process ${this.id} was started already`);
    this.#requireRunning();
    await this.#config.letRun();
    this.noteStarted();
  }

  /** @internal Starts its shim, and by that the process, or the container that waits for `start()`. */
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

  /**
   * `running` from its start to its end (a zombie has ended), unless it is `paused`; `created` while its program waits for
   * `start()`; else `stopped`. Asks the kernel, not the runtime: it costs a few reads of small files.
   */
  state(): State {
    if (!this.isAlive()) return 'stopped';
    if (!this.#config.isPaused(this.#who()?.pid ?? this.systemPid)) return this.awaitsStart ? 'created' : 'running';
    // Who has the pid now had it at that look too.
    return this.isAlive() ? 'paused' : 'stopped';
  }

  /** @internal Whether it has begun and not ended. */
  isAlive(): boolean {
    if (this.#phase !== 'started' || this.#tracker.known() !== undefined) return false;
    const identity = this.#who();
    // Not recorded yet: there is a pid and a shim, and no end.
    return identity === undefined ? this.systemPid !== 0 : isRunning(identity);
  }

  /** Whether nothing more is to come: its end is known, or it never had a beginning. */
  get hasEnded(): boolean {
    return this.#phase === 'failed' || this.#tracker.known() !== undefined;
  }

  /**
   * How it ended.
   * @returns 0 to 255: the exit code, or 128+n for signal n.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` while it runs; `ERR_EXIT_STATUS_LOST` when nobody recorded its end.
   */
  exitStatus(): number {
    const exit = this.#tracker.known();
    if (exit === undefined) throw new OutliveError('ERR_PROCESS_NOT_EXITED', `process ${this.id} has not exited`);
    if (exit.status === undefined) {
      throw new OutliveError('ERR_EXIT_STATUS_LOST', `exit status of process ${this.id} is lost: ${exit.lost ?? ''}`);
    }
    return exit.status;
  }

  /**
   * Waits until it has ended and its status is recorded; the runtime's clean-up goes on for a moment, and
   * `container.delete()` waits for it. While a call waits, the event loop stays alive.
   * @param options.signal aborts the wait, not the process.
   * @returns its end; `status` undefined and `lost` set when nobody recorded it. Never rejects because the process failed.
   * @throws the signal's reason; {OutliveError} `ERR_CONTAINER_NOT_STARTED` when it was never started,
   *   `ERR_INVALID_STATE` when this object is closed, or is closed meanwhile.
   */
  async wait({ signal }: { signal?: AbortSignal } = {}): Promise<Exit> {
    this.#requireStarted();
    return this.#tracker.wait(signal);
  }

  /**
   * Sends a signal to this process alone, through a pidfd whose identity was checked.
   * @param signal a name (`'SIGTERM'`) or number, 0 (only checks) to 64.
   * @throws {OutliveError} `ERR_PROCESS_EXITED`, `ERR_CONTAINER_NOT_STARTED`; `ERR_INVALID_STATE` when nobody recorded
   *   who the process is (a shim of another make, and its supervisor died at the start); {TypeError}
   *   `ERR_INVALID_ARG_VALUE`, `ERR_INVALID_ARG_TYPE`; a system error: EPERM.
   * @see pidfd_send_signal(2)
   */
  signal(signal: NodeJS.Signals | number): void {
    this.#requireRunning();
    const identity = this.#who();
    if (identity === undefined) {
      throw new OutliveError('ERR_INVALID_STATE', `process ${this.id}: its identity is not recorded`);
    }
    signalProcess(identity, signal);
  }

  /**
   * Sets the size of its terminal; without one, nothing happens.
   * @param width columns, 1 to 65535.
   * @param height rows, 1 to 65535.
   * @throws {OutliveError} `ERR_PROCESS_EXITED`, `ERR_CONTAINER_NOT_STARTED`; {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`; a system error: EAGAIN when the shim does not read its control FIFO.
   */
  resize(width: number, height: number): void {
    checkInteger('width', width, 1, 65535);
    checkInteger('height', height, 1, 65535);
    this.#requireRunning();
    sendControl(this.#dir, resizeLine(width, height));
  }

  /**
   * Closes its stdin: the process sees end-of-file when no other writer has the FIFO open. On a terminal in canonical
   * mode the end-of-file character is typed.
   * @throws as `resize()`.
   */
  closeStdin(): void {
    this.#requireRunning();
    sendControl(this.#dir, CLOSE_STDIN_LINE);
  }

  /** A stream that writes to its stdin; see {@link openInput}. */
  openStdin(): Writable {
    return openInput(this.stdio.stdin);
  }

  /** A stream of its stdout (with a terminal: all its output); see {@link openOutput}. */
  openStdout(options?: OutputOptions): Readable {
    return openOutput(this.stdio.stdout, options);
  }

  /** A stream of its stderr. */
  openStderr(options?: OutputOptions): Readable {
    return openOutput(this.stdio.stderr, options);
  }

  /** Stops watching and frees the descriptors; never touches the process. Waits in progress reject. */
  close(): void {
    this.#tracker.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal Whether it has a pid: its start is neither under way nor failed. */
  get wasLaunched(): boolean {
    return this.#phase === 'started';
  }

  /** @internal It was made by `create`, and nobody is known to have let it run. Another supervisor may do so. */
  get awaitsStart(): boolean {
    if (this.#awaitsStart && this.#dir.hasStartedMark()) this.#awaitsStart = false;
    return this.#awaitsStart;
  }

  /** @internal It was let run. */
  noteStarted(): void {
    this.#awaitsStart = false;
    try {
      this.#dir.writeStartedMark();
    } catch {
      // A full disk, or a directory that is being removed: who loads it asks the runtime.
    }
    this.container.changes.tell('start', this);
  }

  /** @internal Waits until its shim has cleaned up; false when that takes longer than `limitMs`. */
  async settled(limitMs: number): Promise<boolean> {
    return this.#phase !== 'started' || (await this.#tracker.settled(limitMs)) !== undefined;
  }

  /**
   * @internal Its shim recorded its end, had nothing to complain of, and is known to have come to what follows its
   * delete of the container: the runtime has forgotten that.
   */
  get endedCleanly(): boolean {
    const recorded = this.#tracker.known()?.status !== undefined;
    if (!recorded || this.container.shim !== DEFAULT_SHIM || this.#dir.hasShimMessages()) return false;
    return this.#tracker.shimLeftWell ?? isShimListening(this.#dir);
  }

  /** @internal It, or the deletion of its container, was cut off: the runtime may hold something half made of it. */
  get wasCutOff(): boolean {
    return !this.#dir.wasStarted() || this.#tracker.shimLeftWell === false;
  }

  /** @internal Kills what outlived its shim; exactly that process, if it is there. */
  killRemains(): void {
    const identity = this.#who();
    if (identity !== undefined && isRunning(identity)) signalProcess(identity, 'SIGKILL');
  }

  #requireStarted(): void {
    if (this.#phase === 'started') return;
    throw new OutliveError('ERR_CONTAINER_NOT_STARTED', `process ${this.id} is not started`);
  }

  #requireRunning(): void {
    this.#requireStarted();
    if (this.#tracker.known() === undefined) return;
    throw new OutliveError('ERR_PROCESS_EXITED', `process ${this.id} has exited`);
  }

  /** The shim's word counts most: it speaks of a process that it has not reaped. */
  #who(): Identity | undefined {
    if (this.#identityRecorded) return this.#identity;
    const recorded = this.#dir.readIdentity();
    if (recorded !== undefined) {
      this.#identity = recorded;
      this.#identityRecorded = true;
    }
    return this.#identity;
  }
}
