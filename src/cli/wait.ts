/** `outlive wait`: waits for the end of jobs. */
import type { Command } from 'commander';
import type { Exit } from '../index.js';
import { exitCodeOfEnd, FAILED, TIMED_OUT, tell, tellFailure, UsageError } from './failure.js';
import { print } from './output.js';
import { addProcessOption, openContainer, processOf, rootOf } from './target.js';
import { readSpan } from './words.js';

/** The longest time of a timer. */
const MAX_TIMEOUT_MS = 2_147_483_647;

interface WaitFlags {
  timeout?: number;
  json?: true;
  process?: string;
}

export function addWait(program: Command): void {
  const command = program
    .command('wait')
    .summary('wait for the end of jobs')
    .description(
      'Waits until jobs have ended, prints their exit codes, and exits with that of the last one; with 124 if --timeout is over before.',
    )
    .argument('<id...>', 'jobs')
    .option('--timeout <time>', 'how long to wait at most: seconds, or 500ms, 10m, 1h30m', readTimeout)
    .option('--json', 'a JSON object for each job: id, exitCode, signal, lost, and what the kernel recorded');
  addProcessOption(command)
    .addHelpText(
      'after',
      `
Examples:
  outlive wait web
  outlive wait --timeout 10m import || echo "failed: $?"
  outlive wait --json web | jq .maxRssBytes`,
    )
    .action(async (ids: string[], flags: WaitFlags, self: Command) => {
      process.exitCode = await waitFor(ids, flags, await rootOf(self));
    });
}

async function waitFor(ids: string[], { timeout, json, process: processId }: WaitFlags, root: string): Promise<number> {
  const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
  const ends = ids.map((id) => endOf(id, processId, root, signal));
  let code = 0;
  let worst = 0;
  for (const [i, end] of ends.entries()) {
    const id = ids[i] ?? '';
    const exit = await end;
    if (exit instanceof Error) {
      code = tellNoEnd(exit, id);
      worst = Math.max(worst, code);
      continue;
    }
    code = exitCodeOfEnd(exit, id);
    if (exit.status === undefined) worst = FAILED;
    if (json === true) await print(`${JSON.stringify(plain(id, exit))}\n`);
    else if (exit.status !== undefined) await print(`${code}\n`);
  }
  return worst === 0 ? code : worst;
}

/** How it ended, or why that is not known. Never rejects. */
async function endOf(
  id: string,
  processId: string | undefined,
  root: string,
  signal?: AbortSignal,
): Promise<Exit | Error> {
  try {
    using container = await openContainer(id, root);
    return await processOf(container, processId).wait({ signal });
  } catch (error) {
    return error as Error;
  }
}

function tellNoEnd(error: Error, id: string): number {
  if (error.name !== 'TimeoutError') return tellFailure(error, id);
  tell(`${id} has not ended within --timeout`);
  return TIMED_OUT;
}

function plain(id: string, { status, record, lost }: Exit): object {
  const { code = status, signal = null, ...rest } = record ?? {};
  return { id, exitCode: code ?? null, signal, status: status ?? null, lost: lost ?? null, ...rest };
}

function readTimeout(text: string): number {
  const ms = readSpan(text);
  if (ms !== undefined && ms <= MAX_TIMEOUT_MS) return Math.round(ms);
  throw new UsageError(`--timeout ${text}: must be seconds, or a span as 500ms, 10m or 1h30m, at most 24 days`);
}
