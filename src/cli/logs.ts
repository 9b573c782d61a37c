/** `outlive logs`: the output that is kept of a job. */
import { isUtf8 } from 'node:buffer';
import { type Command, Option } from 'commander';
import type { OutputItem, OutputReadOptions, Process } from '../index.js';
import { UsageError } from './failure.js';
import { printOutput, tellGap, tellNoEnd } from './foreground.js';
import { endWithReader, print } from './output.js';
import { addProcessOption, openContainer, processOf, rootOf } from './target.js';
import { readTime } from './words.js';

interface LogsFlags {
  follow?: true;
  since?: number;
  tail?: number;
  cursor?: string;
  timestamps?: true;
  stream?: 'stdout' | 'stderr';
  json?: true;
  process?: string;
}

const NEWLINE = 10;

export function addLogs(program: Command): void {
  const command = program
    .command('logs')
    .summary('print the output that is kept of a job')
    .description(
      'Prints the output that is kept of a job, that runs or has ended: its stdout on stdout, its stderr on stderr.',
    )
    .argument('<id>', 'a job')
    .option('-f, --follow', 'wait for more, until the job ends')
    .addOption(
      new Option(
        '--since <time>',
        'from this time on: 2026-07-26T10:15:00Z, seconds since 1970, or how long ago: 10m, 1h30m',
      )
        .argParser((text) => readTime(text))
        .conflicts(['tail', 'cursor']),
    )
    .addOption(new Option('--tail <lines>', 'only the last lines').argParser(readLines).conflicts(['since', 'cursor']))
    .addOption(new Option('--cursor <cursor>', 'from where a line of --json ended').conflicts(['tail', 'since']))
    .option('-t, --timestamps', 'begin each line with its time')
    .addOption(new Option('--stream <name>', 'only this one').choices(['stdout', 'stderr']))
    .addOption(
      new Option(
        '--json',
        'a JSON object a line: type, stream, time, cursor, and data, or base64 if it is no UTF-8; all on stdout',
      ).conflicts('timestamps'),
    );
  addProcessOption(command)
    .addHelpText(
      'after',
      `
Examples:
  outlive logs --tail 20 -f web
  outlive logs --since 10m -t web
  outlive logs --stream stderr web
  outlive logs --json --cursor "$cursor" web | jq -r .data`,
    )
    .action(async (id: string, flags: LogsFlags, self: Command) => {
      using container = await openContainer(id, await rootOf(self));
      const job = processOf(container, flags.process);
      if (flags.follow === true) await endWithReader();
      const wasOver = job.hasEnded;
      const hasEnded = await printLog(job, flags);
      // After a cursor behind the end there is none.
      if (wasOver && !hasEnded && flags.cursor === undefined) tellNoEnd(id);
      // Without an end, the log was removed, or its shim was killed: fails if the job is gone.
      if (flags.follow === true && !hasEnded) (await openContainer(id, await rootOf(self))).close();
    });
}

/** Returns whether the log's end was reached. */
async function printLog(job: Process, flags: LogsFlags): Promise<boolean> {
  const { follow = false, stream, json, timestamps } = flags;
  let hasEnded = false;
  const items = seen(job.output({ follow, stream, from: placeOf(flags) }), ({ type }) => (hasEnded ||= type === 'end'));
  if (json === true) await printItems(items);
  else await printOutput(timestamps === true ? withTimes(items) : items);
  return hasEnded;
}

async function* seen(
  items: AsyncIterable<OutputItem>,
  see: (item: OutputItem) => unknown,
): AsyncGenerator<OutputItem, void, void> {
  for await (const item of items) {
    see(item);
    yield item;
  }
}

function placeOf({ cursor, tail, since }: LogsFlags): OutputReadOptions['from'] {
  if (cursor !== undefined) return cursor;
  if (tail !== undefined) return { lines: tail };
  return since === undefined ? 'start' : { since };
}

async function printItems(items: AsyncIterable<OutputItem>): Promise<void> {
  for await (const item of items) {
    if (item.type === 'gap') tellGap(item.bytes);
    await print(`${JSON.stringify(plain(item))}\n`);
  }
}

/** An item as JSON has it. */
function plain(item: OutputItem): object {
  const { type, cursor } = item;
  if (item.type === 'gap') return { type, bytes: item.bytes, cursor };
  const time = timeText(item.timeMs);
  if (item.type === 'resize') return { type, time, columns: item.columns, rows: item.rows, cursor };
  if (item.type === 'end') return { type, time, status: item.status, cursor };
  const data = isUtf8(item.data) ? { data: item.data.toString() } : { base64: item.data.toString('base64') };
  return { type, stream: item.stream, time, cursor, ...data };
}

/** The output with its time at the beginning of each line, of each stream. */
async function* withTimes(items: AsyncIterable<OutputItem>): AsyncGenerator<OutputItem> {
  const isInLine = { stdout: false, stderr: false };
  for await (const item of items) {
    if (item.type !== 'data') {
      yield item;
      continue;
    }
    const mark = Buffer.from(`${timeText(item.timeMs)} `);
    const parts: Buffer[] = [];
    for (const line of linesOf(item.data)) {
      if (!isInLine[item.stream]) parts.push(mark);
      parts.push(line);
      isInLine[item.stream] = line.at(-1) !== NEWLINE;
    }
    yield { ...item, data: Buffer.concat(parts) };
  }
}

/** The lines of some bytes, each with its newline; the last may have none. */
function* linesOf(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length;) {
    const end = data.indexOf(NEWLINE, at);
    const next = end < 0 ? data.length : end + 1;
    yield data.subarray(at, next);
    at = next;
  }
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function readLines(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new UsageError(`--tail ${text}: must be a number of lines`);
}
