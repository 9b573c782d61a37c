/**
 * The streams of a process: stdin, output, terminal. The part of the public `Process` that deals with its stdio; `Process` adds
 * its life. Owns no bytes: stdio/ and output/ do.
 */
import type { Readable, Writable } from 'node:stream';
import { checkInteger } from '../base/arg-checks.js';
import { hasCode } from '../base/errors.js';
import type { OutputItem, OutputReadOptions } from '../output/options.js';
import { CLOSE_STDIN_LINE, resizeLine, sendControl } from '../shim/control.js';
import type { LogSettings } from '../stdio/kinds.js';
import { type OutputOptions, type Stdio, openInputIf, openOutputIf } from '../stdio/stdio.js';
import type { AttachOptions, Attachment } from './attach.js';
import { Lifecycle, type LifecycleConfig } from './lifecycle.js';
import { ProcessOutput, isFifoThere } from './output.js';

/** @internal The arguments of {@link ProcessStreams}. */
export interface StreamsConfig extends LifecycleConfig {
  readonly stdio: Stdio;
  /** Its log; undefined if none of its streams goes to one. */
  readonly log: LogSettings | undefined;
}

export abstract class ProcessStreams {
  /** The paths of its stdin, stdout and stderr. Of a stream that goes to a log, the log's directory. */
  readonly stdio: Stdio;

  /** @internal */
  readonly log: LogSettings | undefined;

  /** @internal */
  readonly lifecycle: Lifecycle;

  /** Compared after a stdio FIFO was opened: if the process was removed, its FIFOs may be another process's by now. */
  get #isOurs(): () => boolean {
    return () => !this.lifecycle.dir.isAnothers();
  }

  /** Whether openStdin() has opened stdin, and neither closeStdin() has closed it nor the caller been told the end. */
  #stdinIsOpen = false;

  #stdin: Writable | undefined;

  /** @internal */
  constructor(config: StreamsConfig) {
    const { stdio, log } = config;
    this.stdio = stdio;
    this.log = log;
    this.lifecycle = new Lifecycle(config);
  }

  /**
   * A stream that writes to its stdin, as `child_process` has it: to end it closes stdin, and the process sees end-of-file. It is
   * opened at the first use, and is the same one until `close()`, which destroys it; `openStdin()` opens another. Null if stdin is no FIFO
   * (`'ignore'`, a file), or if the process was removed.
   * @throws as `openStdin()`.
   */
  get stdin(): Writable | null {
    if (this.#stdin === undefined) {
      if (!isFifoThere(this.stdio.stdin)) return null;
      const stream = this.openStdin();
      stream.once('finish', () => {
        try {
          this.closeStdin();
        } catch (error) {
          // Its end was told by then: as in child_process, that is no error of a stream that has written all.
          if (!hasCode(error, 'ERR_PROCESS_EXITED')) stream.destroy(error as Error);
        }
      });
      this.#stdin = stream;
    }
    return this.#stdin;
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
   * @example
   * ```ts
   * for await (const chunk of job.openStdout()) process.stdout.write(chunk); // until it ends
   * ```
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
   * @example
   * ```ts
   * for await (const item of job.output({ from: 'start', follow: true })) {
   *   if (item.type === 'data') process.stdout.write(item.data);
   *   if (item.type === 'gap') console.error(`${item.bytes} bytes are not kept any more`);
   *   savedCursor = item.cursor; // later: job.output({ from: savedCursor, follow: true })
   * }
   * ```
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
   * @example
   * ```ts
   * const viewer = job.attach({ replay: 'screen' });
   * viewer.on('data', (bytes: Buffer) => socket.write(bytes));
   * viewer.write('ls\n');
   * viewer.resize(120, 40);
   * ```
   */
  attach(options: AttachOptions = {}): Attachment {
    return this.#output.attach(options, {
      openStdin: () => this.openStdin(),
      resize: (columns, rows) => this.resize(columns, rows),
    });
  }

  get #output(): ProcessOutput {
    const { stdio, log, lifecycle } = this;
    return new ProcessOutput({ stdio, log, lifecycle });
  }

  #openOutput(name: 'stdout' | 'stderr', options?: OutputOptions): Readable {
    return this.#output.openLogged(name, options) ?? openOutputIf(this.#isOurs, this.stdio[name], options);
  }

  /** Closes what `stdin` has opened. The process's stdin stays open. */
  protected closeStreams(): void {
    this.#stdin?.destroy();
    this.#stdin = undefined;
  }

  /** To be called when the caller is told the end: from then on it is an error to close stdin. */
  protected noteTold(): void {
    this.#stdinIsOpen = false;
  }
}
