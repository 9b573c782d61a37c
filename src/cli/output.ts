/** Writes to stdout: tables for people, JSON for programs; colour only on a terminal. Ends the command if nobody reads it. */

const COLOURS = { red: 31, green: 32, yellow: 33 } as const;
const PROGRESS_MS = 1000;

/** What a shell reports of a program that SIGPIPE ended: 128+13. */
const BROKEN_PIPE = 141;

const guarded = new Set<NodeJS.WriteStream>();

/**
 * Writes bytes or text as they are.
 * @param stream process.stdout or process.stderr. If its reader is gone (EPIPE; EIO for a terminal), this program ends, silently.
 * @returns resolves when more may be written: a reader that is slow makes the caller wait.
 */
export async function print(data: string | Uint8Array, stream: NodeJS.WriteStream = process.stdout): Promise<void> {
  if (!guarded.has(stream)) {
    guarded.add(stream);
    stream.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'ENOSPC' ? 125 : BROKEN_PIPE));
  }
  if (!besideProgress(() => stream.write(data))) await new Promise((resolve) => stream.once('drain', resolve));
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
