/**
 * A supervised process: the public methods. Each checks its arguments and calls one lower module.
 * Source: the `Process` interface of containerd's `process.go` (June 2016).
 */
import type { Readable, Writable } from 'node:stream';
import { checkAbortSignal, checkInteger, checkObject } from '../base/arg-checks.js';
import { OutliveError, hasCode } from '../base/errors.js';
import type { ProcessSpec } from '../oci/types.js';
import { CLOSE_STDIN_LINE, resizeLine, sendControl } from '../shim/control.js';
import type { OutputItem, OutputReadOptions } from '../output/options.js';
import type { Exit } from '../state/exit.js';
import type { LogSettings } from '../stdio/kinds.js';
import { type OutputOptions, type Stdio, openInputIf, openOutputIf } from '../stdio/stdio.js';
import type { AttachOptions, Attachment } from './attach.js';
import { Lifecycle, type LifecycleConfig, type State } from './lifecycle.js';
import { ProcessOutput } from './output.js';

/** What a process needs of the container that it is in. */
export interface ProcessOwner {
  readonly id: string;
  readonly bundle: string;
}

/** @internal The arguments of a {@link Process}. */
export interface ProcessConfig<Owner extends ProcessOwner> extends LifecycleConfig {
  readonly container: Owner;
  readonly spec: ProcessSpec;
  readonly stdio: Stdio;
  /** Its log; undefined if none of its streams goes to one. */
  readonly log: LogSettings | undefined;
  readonly labels: readonly string[];
  /** The host's ids of the container's user 0 and group 0. */
  readonly rootIds: { readonly uid: number; readonly gid: number };
  readonly problem?: string;
  /** Lets the program of a created container run. Takes the container's lock. */
  readonly letRun: () => Promise<void>;
}

/**
 * A process in a container. It lives on when this object, or the program that holds it, is gone; `Container.load` brings
 * it back. Made by `container.start()` and `container.exec()`, never by hand.
 */
export class Process<Owner extends ProcessOwner = ProcessOwner> {
  /** `init` for the container's first process, else the id given to `exec`. */
  readonly id: string;
  readonly container: Owner;
  /** The OCI process object that it was made from. */
  readonly spec: ProcessSpec;
  /** The paths of its stdin, stdout and stderr. Of a stream that goes to a log, the log's directory. */
  readonly stdio: Stdio;
  /** As given to `start()`, `create()` or `exec()`; kept with the process, not interpreted. */
  readonly labels: readonly string[];
  /**
   * Set if its process.json was broken when it was loaded: the reason. Then `spec`, `stdio` and `labels` are not known,
   * but you can still wait for the process, signal it and delete it.
   */
  readonly problem: string | undefined;

  readonly #letRun: () => Promise<void>;
  /** Compared after a stdio FIFO was opened: if the process was removed, its FIFOs may be another process's by now. */
  readonly #isOurs = (): boolean => !this.lifecycle.dir.isAnothers();

  /** Whether openStdin() has opened stdin, and neither closeStdin() has closed it nor the caller been told the end. */
  #stdinIsOpen = false;

  readonly #output: ProcessOutput;

  /** @internal */
  readonly rootIds: { readonly uid: number; readonly gid: number };

  /** @internal */
  readonly lifecycle: Lifecycle;

  /** @internal */
  constructor(config: ProcessConfig<Owner>) {
    this.id = config.id;
    this.container = config.container;
    this.spec = config.spec;
    this.stdio = config.stdio;
    this.labels = config.labels;
    this.problem = config.problem;
    this.lifecycle = new Lifecycle(config);
    this.#letRun = config.letRun;
    this.rootIds = config.rootIds;
    this.#output = new ProcessOutput({
      id: config.id,
      stdio: config.stdio,
      log: config.log,
      lifecycle: this.lifecycle,
    });
  }

  /**
   * Its pid on the host; 0 before it is started. Do not signal by it: another process may have it by now. Use
   * `signal()`.
   */
  get systemPid(): number {
    return this.lifecycle.pid;
  }

  /**
   * A descriptor that hangs up (POLLHUP, end-of-file) when the process has ended. It belongs to this object: poll it, do
   * not read or close it. It stays open until `close()` or the container's `delete()`. -1 if there is none: the process is
   * not started or closed, or it had ended before this was first read.
   */
  get exitFd(): number {
    return this.lifecycle.exitFd;
  }

  /**
   * The release of its shim, which stays the same when the library is upgraded (docs/protocol.md, "Releases"); undefined
   * if none is recorded: an older shim, one of another make, or one that is still starting.
   */
  get shimVersion(): string | undefined {
    return this.lifecycle.shimVersion;
  }

  /**
   * Lets the program of a created container run. `container.start()` and `exec()` have done so for every other process.
   * Ends at most `timeoutMs` + 1 s after it got the lock.
   * @throws {OutliveError} `ERR_INVALID_STATE` if it was started before; `ERR_PROCESS_EXITED` if it ended before;
   *   `ERR_CONTAINER_NOT_STARTED` while `create()` is under way; `ERR_CONTAINER_BUSY` if another object, worker or
   *   program was changing the container for longer than `timeoutMs`, and nothing was changed;
   *   `ERR_CONTAINER_NOT_FOUND` if the container was deleted; `ERR_OCI_RUNTIME` if the runtime can't let it run, or did
   *   not end within `timeoutMs`; `ERR_NOT_INSTALLED`; a system error. After a failure, ask `state()`: if it is still
   *   `created`, you may try again.
   */
  async start(): Promise<void> {
    this.lifecycle.requireAwaitsStart();
    await this.#letRun();
  }

  /**
   * `running` from its start to its end (a zombie has ended), unless it is `paused`; `created` while its program waits for
   * `start()`; else `stopped`. Asks the kernel, not the runtime: it costs a few reads of small files.
   */
  state(): State {
    return this.lifecycle.state();
  }

  /** Whether its end is known, or it never began. */
  get hasEnded(): boolean {
    return this.lifecycle.hasEnded;
  }

  /**
   * How it ended.
   * @returns 0 to 255: the exit code, or 128+n for signal n.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` while it runs; `ERR_EXIT_STATUS_LOST` if nobody recorded its end.
   */
  exitStatus(): number {
    const { exit } = this.lifecycle;
    if (exit === undefined) throw new OutliveError('ERR_PROCESS_NOT_EXITED', `process ${this.id} has not exited`);
    if (exit.status === undefined) {
      throw new OutliveError('ERR_EXIT_STATUS_LOST', `exit status of process ${this.id} is lost: ${exit.lost ?? ''}`);
    }
    this.#stdinIsOpen = false;
    return exit.status;
  }

  /**
   * Waits until it has ended and its status is recorded. The runtime may still be cleaning up then;
   * `container.delete()` waits for that. While a call waits, the event loop stays alive.
   * @param options.signal aborts the wait, not the process.
   * @returns its end; `status` undefined and `lost` set if nobody recorded it. Never rejects because the process failed.
   * @throws the signal's reason; {OutliveError} `ERR_CONTAINER_NOT_STARTED` if it was never started,
   *   `ERR_INVALID_STATE` if the end is not known and this object is closed, or is closed meanwhile; {TypeError}
   *   `ERR_INVALID_ARG_TYPE`.
   */
  async wait(options: { signal?: AbortSignal } = {}): Promise<Exit> {
    checkObject('options', options);
    const { signal } = options;
    checkAbortSignal('options.signal', signal);
    const exit = await this.lifecycle.wait(signal);
    this.#stdinIsOpen = false;
    return exit;
  }

  /**
   * Sends a signal to this process alone, through a pidfd whose identity was checked.
   * @param signal a name (`'SIGTERM'`) or number, 0 (only checks) to 64.
   * @throws {OutliveError} `ERR_PROCESS_EXITED`, `ERR_CONTAINER_NOT_STARTED`; `ERR_INVALID_STATE` if nobody recorded
   *   which process it is (a shim of another make, and its supervisor died at the start); {TypeError}
   *   `ERR_INVALID_ARG_VALUE`, `ERR_INVALID_ARG_TYPE`; a system error: EPERM.
   * @see pidfd_send_signal(2)
   */
  signal(signal: NodeJS.Signals | number): void {
    this.lifecycle.signal(signal);
  }

  /**
   * Sets the size of its terminal, and sends SIGWINCH to the foreground process group, also if the size was the same: a
   * new viewer of a full-screen program needs a redraw. Without a terminal, nothing happens.
   * @param width columns, 1 to 65535.
   * @param height rows, 1 to 65535.
   * @throws {OutliveError} `ERR_PROCESS_EXITED`, `ERR_CONTAINER_NOT_STARTED`; {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`; a system error: EAGAIN if the shim does not read its control FIFO.
   */
  resize(width: number, height: number): void {
    checkInteger('width', width, 1, 65535);
    checkInteger('height', height, 1, 65535);
    sendControl(this.lifecycle.requireRunning(), resizeLine(width, height));
  }

  /**
   * Closes its stdin: the process sees end-of-file if no other writer has the FIFO open. On a terminal in canonical
   * mode the end-of-file character is typed. After `openStdin()` it is no error that the process has ended meanwhile, so
   * that `openStdin().end(); closeStdin()` does not depend on how fast the program is; once `wait()` or `exitStatus()`
   * has told the end, it is one again.
   * @throws {OutliveError} `ERR_PROCESS_EXITED`, `ERR_CONTAINER_NOT_STARTED`; a system error: EAGAIN if the shim does not
   *   read its control FIFO.
   */
  closeStdin(): void {
    try {
      sendControl(this.lifecycle.requireRunning(), CLOSE_STDIN_LINE);
    } catch (error) {
      if (!this.#stdinIsOpen || !hasCode(error, 'ERR_PROCESS_EXITED')) throw error;
    }
    this.#stdinIsOpen = false;
  }

  /**
   * A stream that writes to its stdin; see `openInput()`. On a terminal in canonical mode the kernel drops what a line has
   * beyond 4095 bytes; see termios(3).
   * @throws {OutliveError} `ERR_PROCESS_EXITED`, `ERR_CONTAINER_NOT_STARTED`; a system error, among them ENXIO if it runs
   *   and nobody reads the FIFO: it has closed its stdin, or stdin has ended.
   */
  openStdin(): Writable {
    this.lifecycle.requireRunning();
    try {
      const stream = openInputIf(this.#isOurs, this.stdio.stdin);
      this.#stdinIsOpen = true;
      return stream;
    } catch (error) {
      // It may have ended since the look above.
      if (hasCode(error, 'ENXIO', 'ENOENT')) this.lifecycle.requireRunning();
      throw error;
    }
  }

  /**
   * A stream of its stdout (with a terminal: all its output); see `openOutput()`. If stdout goes to a log: from the first
   * byte that is kept to the process's end. Where bytes are missing, the stream emits `gap` with their number (bytes of
   * stderr included, if that goes to the log too).
   * @throws as `openOutput()`; {OutliveError} `ERR_PROCESS_EXITED` if stdout is a FIFO, and the process was removed and
   *   its id used again; if it is a log, also if the process was removed.
   */
  openStdout(options?: OutputOptions): Readable {
    return this.#openOutput('stdout', options);
  }

  /**
   * A stream of its stderr.
   * @throws as `openStdout()`.
   */
  openStderr(options?: OutputOptions): Readable {
    return this.#openOutput('stderr', options);
  }

  /**
   * Reads its output from its log: any number of readers, in any program, while it runs and after that, also after
   * `close()` and a reboot. Each item has a cursor, from which a later call goes on.
   * @param options.from where to begin. Default: `'start'`.
   * @param options.follow whether to wait for more, until its end. Default false.
   * @param options.stream only this stream. Default: both.
   * @param options.signal ends the iteration: it rejects with the signal's reason.
   * @returns an async iterable; see `readLog()`. If the process is removed meanwhile, it ends.
   * @throws at the call {OutliveError} `ERR_INVALID_STATE` if none of its streams goes to a log; `ERR_PROCESS_EXITED` if it
   *   was removed, or its id used again; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (also for a
   *   cursor of another process), `ERR_OUT_OF_RANGE`. The iteration rejects with `ERR_PROCESS_EXITED` if it was removed
   *   before the first item is asked for, with a system error, or with the signal's reason.
   */
  output(options: OutputReadOptions = {}): AsyncGenerator<OutputItem, void, void> {
    return this.#output.read(options);
  }

  /**
   * Attaches a viewer: a Duplex of its output, live, and its stdin. There may be any number at once. It needs the log, in
   * which the output is kept meanwhile. The readable side has what goes to the log (with a terminal: all its output; else
   * stdout and stderr as they come), and ends with the process. The writable side writes to stdin if that is a FIFO, as
   * `'pipe'` makes it; else the Duplex is only readable. If the program has closed its stdin, a write fails with EPIPE.
   * To end or destroy the Duplex leaves the process and its stdin alone.
   * @param options.replay what comes before the live output: `'screen'` or a number of bytes, 0 to 2^53 - 1. Default: nothing.
   * @param options.signal destroys the Duplex.
   * @throws {OutliveError} `ERR_INVALID_STATE` if none of its streams goes to a log; `ERR_PROCESS_EXITED` if it was removed,
   *   or its id used again; {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
   */
  attach(options: AttachOptions = {}): Attachment {
    return this.#output.attach(options, {
      openStdin: () => this.openStdin(),
      resize: (columns, rows) => this.resize(columns, rows),
    });
  }

  /**
   * Stops watching and frees the descriptors. Does not touch the process. Waits in progress reject with
   * `ERR_INVALID_STATE`. All methods still work; only `wait()` of an end that is not known fails.
   */
  close(): void {
    this.lifecycle.close();
  }

  #openOutput(name: 'stdout' | 'stderr', options?: OutputOptions): Readable {
    return this.#output.openLogged(name, options) ?? openOutputIf(this.#isOurs, this.stdio[name], options);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
