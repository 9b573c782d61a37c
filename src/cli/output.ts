/** Writes to stdout: tables for people, JSON for programs; colour only on a terminal. Ends the command if nobody reads it. */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

const COLOURS = { red: 31, green: 32, yellow: 33 } as const;
const PROGRESS_MS = 1000;

/** What a shell reports of a program that SIGPIPE ended: 128+13. */
const BROKEN_PIPE = 141;
/** As of any failure. */
const CANNOT_WRITE = 125;

/** Whether a stream that was written to before goes to a regular file. */
const isFile = new Map<NodeJS.WriteStream, boolean>();

/**
 * Writes bytes or text as they are.
 * @param stream process.stdout or process.stderr. If its reader is gone (EPIPE; EIO for a terminal), this program ends, silently;
 *   if it can't be written to (a full disk), it says so and ends.
 * @returns resolves when more may be written: a reader that is slow makes the caller wait.
 */
export async function print(data: string | Uint8Array, stream: NodeJS.WriteStream = process.stdout): Promise<void> {
  if (!isFile.has(stream)) {
    isFile.set(stream, fstatSync(fdOf(stream)).isFile());
    stream.on('error', (error: NodeJS.ErrnoException) => cannotWrite(error, stream));
  }
  if (isFile.get(stream) === true) writeWhole(data, stream);
  else if (!besideProgress(() => stream.write(data))) await new Promise((resolve) => stream.once('drain', resolve));
}

/** Node's own stream for a file takes a write as done of which the disk had room for a part only. */
function writeWhole(data: string | Uint8Array, stream: NodeJS.WriteStream): void {
  const bytes = Buffer.from(data);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fdOf(stream), bytes, at);
  } catch (error) {
    cannotWrite(error as NodeJS.ErrnoException, stream);
  }
}

function fdOf(stream: NodeJS.WriteStream): number {
  return stream === process.stderr ? 2 : 1;
}

function cannotWrite({ code, message }: NodeJS.ErrnoException, stream: NodeJS.WriteStream): never {
  if (code === 'EPIPE' || (code === 'EIO' && stream.isTTY)) process.exit(BROKEN_PIPE);
  if (stream === process.stdout) process.stderr.write(`outlive: stdout: ${message}\n`);
  process.exit(CANNOT_WRITE);
}

/**
 * Ends this program when the reader of its stdout, a pipe, goes away, also if there is nothing to print by then: as `grep -m1` that
 * reads `logs -f`. Other kinds of stdout tell that at the next write.
 * @returns undoes it.
 */
export async function endWithReader(): Promise<() => void> {
  if (!fstatSync(1).isFIFO()) return () => undefined;
  const { posix } = await import('../index.js');
  let fd: number;
  try {
    // One of our own: Node.js itself watches 1.
    fd = openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') process.exit(BROKEN_PIPE);
    // A pipe of another user.
    return () => undefined;
  }
  const watch = posix.watchReadable(fd, () => process.exit(BROKEN_PIPE)).unref();
  return () => {
    watch.stop();
    closeSync(fd);
  };
}

export function printJson(value: unknown): void {
  void print(`${JSON.stringify(value, null, 2)}\n`);
}

export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) void print(lines.map((line) => `${line}\n`).join(''));
}

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = rows.map((row) => row.map(visible));
  const widths = head.map((_, i) => Math.max(...[head, ...cells].map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  printLines([head, ...cells].map(line));
}

/** Control characters, which could move the cursor or break the row, as `\\x1b`. */
function visible(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The text in this colour, on a terminal and without NO_COLOR. */
export function paint(text: string, colour: keyof typeof COLOURS): string {
  const { NO_COLOR = '' } = process.env;
  return process.stdout.isTTY && NO_COLOR === '' ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

/** What withProgress() shows now on the terminal's last line; '' for nothing. */
let progress = '';

/** Calls `write`, which writes whole lines, with the line of withProgress() taken away. */
export function besideProgress<T>(write: () => T): T {
  if (progress === '') return write();
  process.stderr.write('\r\x1b[K');
  try {
    return write();
  } finally {
    process.stderr.write(progress);
  }
}

/** Says on a terminal what is done, if it takes longer than a second. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work;
  const timer = setTimeout(() => {
    progress = `${what} …`;
    process.stderr.write(progress);
  }, PROGRESS_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    if (progress !== '') process.stderr.write('\r\x1b[K');
    progress = '';
  }
}
