/**
 * The log of one process's output, as the public methods of `Process` need it. Checks that the path still is this process's.
 * Does not read the log's files: output/ does.
 */
import { type Readable, type Writable, addAbortSignal } from 'node:stream';
import { checkAbortSignal, checkInteger, checkKeys } from '../base/arg-checks.js';
import { OutliveError, hasCode } from '../base/errors.js';
import type { OutputItem, OutputReadOptions } from '../output/options.js';
import { readOutput } from '../output/read.js';
import type { LogSettings } from '../stdio/kinds.js';
import { type OutputOptions, type Stdio, checkOutputOptions, isFifo } from '../stdio/stdio.js';
import { type AttachOptions, Attachment } from './attach.js';
import type { Lifecycle } from './lifecycle.js';
import { LogReadable } from './log-readable.js';

/** The arguments of a {@link ProcessOutput}. */
export interface ProcessOutputConfig {
  readonly stdio: Stdio;
  readonly log: LogSettings | undefined;
  readonly lifecycle: Lifecycle;
}

export class ProcessOutput {
  readonly #config: ProcessOutputConfig;

  constructor(config: ProcessOutputConfig) {
    this.#config = config;
  }

  /** As `Process.output()`. */
  read(options: OutputReadOptions): AsyncGenerator<OutputItem, void, void> {
    const { lifecycle } = this.#config;
    const { dir } = this.#requireLog();
    const isEnding = (): boolean => lifecycle.hasEnded;
    return readOutput({ dir, key: lifecycle.key, isEnding }, options);
  }

  /** A stream of stdout or stderr; undefined if that does not go to the log. Throws as `Process.openStdout()`. */
  openLogged(stream: 'stdout' | 'stderr', options: OutputOptions = {}): Readable | undefined {
    const { stdio, log } = this.#config;
    if (stdio[stream] !== log?.dir) return undefined;
    const onread = checkOutputOptions(options);
    this.#requireLog();
    return new LogReadable(this.read({ follow: true, stream }), onread);
  }

  /** As `Process.attach()`. */
  attach(options: AttachOptions, { openStdin, resize }: Handlers): Attachment {
    checkKeys('options', options, ['replay', 'signal']);
    const { replay = 0, signal } = options;
    if (replay !== 'screen') checkInteger('options.replay', replay, 0, Number.MAX_SAFE_INTEGER);
    checkAbortSignal('options.signal', signal);
    this.#requireLog();
    const { lifecycle, stdio } = this.#config;
    const attachment = new Attachment(
      {
        ...{ key: lifecycle.key, stdin: stdio.stdin, openStdin, resize },
        isWritable: !lifecycle.hasEnded && isFifoThere(stdio.stdin),
        hasEnded: () => lifecycle.hasEnded,
        read: (readOptions) => this.read(readOptions),
      },
      replay,
    );
    return signal === undefined ? attachment : addAbortSignal(signal, attachment);
  }

  #requireLog(): LogSettings {
    const { log, lifecycle } = this.#config;
    if (log === undefined) {
      const advice = "start it with stdio: { stdout: 'log', stderr: 'log' }";
      throw new OutliveError('ERR_INVALID_STATE', `${lifecycle.dir.what}: its output goes to no log; ${advice}`);
    }
    if (!lifecycle.dir.isCurrent()) throw new OutliveError('ERR_PROCESS_EXITED', `${lifecycle.dir.what} was removed`);
    return log;
  }
}

/** What the public object does for an attachment. */
export interface Handlers {
  readonly openStdin: () => Writable;
  readonly resize: (columns: number, rows: number) => void;
}

/** Whether a path is a FIFO; false if nothing is there, or this program may not look. */
export function isFifoThere(path: string): boolean {
  try {
    return isFifo(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return false;
    throw error;
  }
}
