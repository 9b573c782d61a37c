/** A process in the foreground: its output on ours, our input to it, until it ends or the user leaves. */
import { statSync } from 'node:fs';
import { Writable, finished } from 'node:stream';
import type { OutputItem, Process } from '../index.js';
import { codeOf, tell, tellFailure } from './failure.js';
import { endWithReader, print } from './output.js';
import type { PassedOn } from './signals.js';
import { RawTerminal, isTerminalLost, readKeys, terminalSize } from './terminal.js';

/** Why the foreground is over. */
export type Outcome = 'ended' | 'left';

/**
 * Prints output until its end, or until `signal` aborts. Streams go to our streams of the same name.
 * @returns whether the log says that the process has ended, and so that nothing before is missing.
 */
export async function printOutput(items: AsyncIterable<OutputItem>, signal?: AbortSignal): Promise<boolean> {
  let hasEnd = false;
  try {
    for await (const item of items) {
      hasEnd ||= item.type === 'end';
      if (item.type === 'gap') tellGap(item.bytes);
      if (item.type === 'data') await print(item.data, item.stream === 'stderr' ? process.stderr : process.stdout);
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
  return hasEnd;
}

/** As printOutput(), from a place before its end to that. Says if bytes may be missing there. */
export async function printToEnd(job: Process, items: AsyncIterable<OutputItem>, signal?: AbortSignal): Promise<void> {
  const undo = await endWithReader();
  // What comes after its output, as its removal, is done without a reader, too.
  const hasEnd = await printOutput(items, signal).finally(undo);
  if (hasEnd || signal?.aborted === true) return;
  // Of a lost end, that is told.
  if ((await job.wait()).status !== undefined) tellNoEnd(job.container.id);
}

/** Says that the log of a process that has ended does not tell its end. */
export function tellNoEnd(id: string): void {
  tell(`the last output of ${id} may be missing: its disk was full, its shim was killed, or it was removed`);
}

export function tellGap(bytes: number): void {
  tell(`${bytes} bytes of output are missing here`);
}

/**
 * Sends a signal to it. It is no error that it has just ended. Another one is told: a process of another user, say, goes on.
 * @param isShown whether its terminal is shown on ours. If ours was hung up, the user has left, as by Ctrl-\.
 */
export function passOn(job: Process, signal: PassedOn, isShown: boolean): void {
  if (isShown && signal === 'SIGHUP' && isTerminalLost()) return;
  try {
    job.signal(signal);
  } catch (error) {
    if (codeOf(error) !== 'ERR_PROCESS_EXITED') tellFailure(error, job.container.id);
  }
}

/**
 * Copies our stdin to its stdin, and its end.
 * @param closes whether the end of ours closes its stdin. If not, it is open only while something is written: else we would
 *   keep it from seeing the end that another program gives it.
 */
export function copyInput(job: Process, closes: boolean): void {
  const stdin = closes ? inputOf(job) : visitorOf(job);
  if (stdin === undefined) return;
  // It has ended, or closed its stdin: what we still have is nobody's.
  stdin.on('error', () => process.stdin.destroy());
  const end = (): void => {
    if (closes) stdin.end();
  };
  // What can't be read has ended, too: the job may wait for it.
  process.stdin.on('error', end);
  process.stdin.on('end', end);
  process.stdin.pipe(stdin, { end: false });
}

/** Writes to its stdin, which it opens for each piece and closes after it. Undefined if that takes no input: ours is left alone. */
function visitorOf(job: Process): Writable | undefined {
  const { stdin } = job.stdio;
  if (statSync(stdin, { throwIfNoEntry: false })?.isFIFO() !== true) return undefined;
  return new Writable({
    write(chunk: Buffer, _, callback) {
      try {
        const stdin = job.openStdin();
        finished(stdin, callback);
        stdin.end(chunk);
      } catch (error) {
        callback(error as Error);
      }
    },
  });
}

/** Undefined if it takes no input, or none any more. */
function inputOf(job: Process): Writable | undefined {
  try {
    return job.stdin ?? undefined;
  } catch (error) {
    if (['ERR_PROCESS_EXITED', 'ENXIO', 'ENOENT'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Shows a process's terminal on ours, and types on it what is typed on ours, until the process ends or the user leaves by Ctrl-\.
 * @param late whether it has run for a while: then its screen as it is now comes first.
 * @param canType false: only the key that leaves is read.
 * @param signal leaves, too.
 */
export async function showTerminal(
  job: Process,
  { late, canType, signal }: { late: boolean; canType: boolean; signal?: AbortSignal },
): Promise<Outcome> {
  const abort = new AbortController();
  const raw = new RawTerminal();
  const fit = (): void => resize(job);
  try {
    const viewer = job.attach({ signal: abort.signal, ...(late ? { replay: 'screen' as const } : {}) });
    viewer.on('error', () => undefined);
    // What is missing can't be shown: the program is asked to draw anew.
    viewer.on('gap', fit);
    const left = new Promise<Outcome>((resolve) => {
      signal?.addEventListener('abort', () => resolve('left'));
      process.stdin.on('data', (chunk: Buffer) => {
        const { keys, leaves } = readKeys(chunk);
        if (canType && keys.length > 0 && viewer.writable) viewer.write(keys);
        if (leaves) resolve('left');
      });
      // Our terminal is gone.
      process.stdin.on('end', () => resolve('left'));
      process.stdin.on('error', () => resolve('left'));
    });
    process.on('SIGWINCH', fit);
    fit();
    const shown = show(late ? viewer : dataOf(job.output({ follow: true, signal: abort.signal }), fit), raw);
    // It is aborted after the user has left.
    shown.catch(() => undefined);
    return await Promise.race([shown, left]);
  } finally {
    process.off('SIGWINCH', fit);
    process.stdin.removeAllListeners('data').pause();
    abort.abort();
    raw.restore();
  }
}

async function* dataOf(items: AsyncIterable<OutputItem>, onGap: () => void): AsyncGenerator<Buffer> {
  for await (const item of items) {
    if (item.type === 'gap') onGap();
    if (item.type === 'data') yield item.data;
  }
}

async function show(output: AsyncIterable<Buffer>, raw: RawTerminal): Promise<Outcome> {
  for await (const data of output) {
    raw.note(data);
    await print(data);
  }
  return 'ended';
}

/** Gives its terminal the size of ours. */
function resize(job: Process): void {
  const size = terminalSize();
  if (size === undefined) return;
  try {
    job.resize(size.columns, size.rows);
  } catch (error) {
    // It ends, or its shim is busy for now: the size is no reason to fail.
    if (!['ERR_PROCESS_EXITED', 'EAGAIN'].includes(codeOf(error) ?? '')) throw error;
  }
}
