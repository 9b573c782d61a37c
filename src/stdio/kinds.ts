/**
 * The kinds of stdio that a start takes: `'log'`, `'pipe'`, `'ignore'` or a path. Checks the options, and decides which
 * path each stream gets in a process directory. Makes nothing: state/make.ts does.
 */
import { isAbsolute, join } from 'node:path';
import { checkInteger, checkKeys, checkString, checkText } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { absolutePath } from '../disk/working-directory.js';
import { NULL_DEVICE, type Stdio } from './stdio.js';

/** A path with a slash. (Written so that editors still offer the words beside it.) */
type Path = string & Record<never, never>;

/**
 * Where stdin, stdout and stderr go. Each is one of these; default `'ignore'`:
 * - `'log'` (not stdin): the shim keeps it in a log within bounds, for any number of readers (`process.output()`);
 * - `'pipe'`: a FIFO that the library makes in the process's directory;
 * - `'ignore'`: `/dev/null`;
 * - a path, as in {@link Stdio}.
 *
 * With `terminal: true`, the terminal's output goes to `stdout`, and `stderr` is not used.
 */
export interface StdioOptions {
  /** Its standard input. Default `'ignore'`. */
  readonly stdin?: 'pipe' | 'ignore' | Path | undefined;
  /** Its standard output; with a terminal, all that the terminal gives. Default `'ignore'`. */
  readonly stdout?: 'log' | 'pipe' | 'ignore' | Path | undefined;
  /** Its standard error. Not used with a terminal. Default `'ignore'`. */
  readonly stderr?: 'log' | 'pipe' | 'ignore' | Path | undefined;
}

/** How a process's log is kept. */
export interface LogOptions {
  /**
   * The most bytes that its files have together, 65536 to 2^50. If there is more output, the oldest is removed. Default
   * 16 MiB.
   */
  readonly maxBytes?: number | undefined;
  /** The size of one segment in bytes, 4096 to half of `maxBytes`. Default: an eighth of `maxBytes`. */
  readonly segmentBytes?: number | undefined;
  /**
   * An existing empty directory of this user, which stays when the process is removed. Default: `log` in the process's
   * directory, which is removed with it.
   */
  readonly dir?: string | undefined;
}

/** A process's log, as in the key `log` of its process.json. */
export interface LogSettings {
  /** Absolute path. */
  readonly dir: string;
  readonly maxBytes: number;
  readonly segmentBytes: number;
}

/** Whether the key `log` of a process.json is as it should be. */
export function isLogSettings(value: unknown): value is LogSettings {
  if (typeof value !== 'object' || value === null) return false;
  const { dir, maxBytes, segmentBytes } = value as Record<string, unknown>;
  return typeof dir === 'string' && isAbsolute(dir) && [maxBytes, segmentBytes].every(Number.isSafeInteger);
}

/** A checked {@link StdioOptions}: absolute paths and kinds; and the log's settings if a stream goes to a log. */
export interface StdioRequest {
  readonly streams: Stdio;
  /** Without `dir`: in the process's directory. */
  readonly log?: Omit<LogSettings, 'dir'> & { readonly dir?: string };
}

/** What a process's stdio is in its directory. */
export interface StdioPlan {
  readonly stdio: Stdio;
  /** The FIFOs that are to be made. */
  readonly fifos: readonly string[];
  /** Set if a stream goes to a log, which is to be made. */
  readonly log?: LogSettings;
}

const STREAMS = ['stdin', 'stdout', 'stderr'] as const;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Checks the options `stdio` and `log` of a start. A word without a slash that is no kind is refused: it may be a
 * misspelt one, and would become a file in the working directory.
 * @param name the name of `stdio` in messages.
 * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (also if there is a `log`, and no
 *   stream goes to it), `ERR_OUT_OF_RANGE`; {OutliveError} `ERR_WORKING_DIRECTORY`.
 */
export function checkStdio(stdio: StdioOptions = {}, log?: LogOptions, name = 'options.stdio'): StdioRequest {
  checkKeys(name, stdio, STREAMS);
  const paths = STREAMS.map((stream) => checkStream(stream, stdio[stream], name));
  const [stdin, stdout, stderr] = paths as [string, string, string];
  const streams = { stdin, stdout, stderr };
  const settings = checkLog(log);
  if (stdout === 'log' || stderr === 'log') return { streams, log: settings };
  if (log === undefined) return { streams };
  throw invalidArgValue('options.log', log, "needs a stream of the kind 'log' in " + name);
}

function checkStream(name: keyof Stdio, value: unknown, holder: string): string {
  if (value === undefined || value === '') return 'ignore';
  checkText(`${holder}.${name}`, value);
  if (value.includes('/')) return absolutePath(value);
  const kinds = name === 'stdin' ? ['pipe', 'ignore'] : ['log', 'pipe', 'ignore'];
  if (kinds.includes(value)) return value;
  const words = kinds.map((kind) => `'${kind}'`).join(', ');
  throw invalidArgValue(`${holder}.${name}`, value, `must be ${words}, or a path with a slash, as ./file`);
}

function checkLog(log: LogOptions = {}): NonNullable<StdioRequest['log']> {
  checkKeys('options.log', log, ['maxBytes', 'segmentBytes', 'dir']);
  const { maxBytes = DEFAULT_MAX_BYTES, dir } = log;
  checkInteger('options.log.maxBytes', maxBytes, 65_536, 2 ** 50);
  const { segmentBytes = Math.floor(maxBytes / 8) } = log;
  checkInteger('options.log.segmentBytes', segmentBytes, 4096, Math.floor(maxBytes / 2));
  if (dir === undefined) return { maxBytes, segmentBytes };
  checkString('options.log.dir', dir);
  return { maxBytes, segmentBytes, dir: absolutePath(dir) };
}

/**
 * Which path each stream gets, and what is to be made for that.
 * @param dir the process's directory.
 */
export function planStdio({ streams, log }: StdioRequest, dir: string, terminal: boolean): StdioPlan {
  const logDir = log?.dir ?? join(dir, 'log');
  const fifos: string[] = [];
  const pathOf = (name: keyof Stdio): string => {
    const kind = terminal && name === 'stderr' && !isAbsolute(streams.stderr) ? 'ignore' : streams[name];
    if (kind === 'ignore') return NULL_DEVICE;
    if (kind === 'log') return logDir;
    if (kind !== 'pipe') return kind;
    fifos.push(join(dir, name));
    return join(dir, name);
  };
  const stdio = { stdin: pathOf('stdin'), stdout: pathOf('stdout'), stderr: pathOf('stderr') };
  const isUsed = log !== undefined && [stdio.stdout, stdio.stderr].includes(logDir);
  return { stdio, fifos, ...(isUsed ? { log: { ...log, dir: logDir } } : {}) };
}
