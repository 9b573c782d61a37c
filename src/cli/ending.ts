/** `outlive kill`, `stop` and `rm`: ending jobs, and removing them. */
import type { Command } from 'commander';
import { UsageError, codeOf } from './failure.js';
import { printLines, withProgress } from './output.js';
import { changeEach, forEachId } from './several.js';
import { addProcessOption, openContainer, processOf, rootOf } from './target.js';

export function addKill(program: Command): void {
  const verb = program
    .command('kill')
    .summary('send a signal to jobs')
    .description('Sends a signal to the first process of each job, and prints its id.')
    .argument('<id...>', 'jobs')
    .option('-s, --signal <signal>', 'a name (TERM, SIGTERM) or a number, 0 to 64; 0 only checks that it runs', 'KILL');
  addProcessOption(verb)
    .addHelpText(
      'after',
      `
Examples:
  outlive kill web
  outlive kill -s HUP web
  outlive kill -s 0 web && echo it runs`,
    )
    .action(async (ids: string[], options: { signal: string; process?: string }, command: Command) => {
      const signal = readSignal(options.signal);
      await changeEach(ids, command, (container) => processOf(container, options.process).signal(signal));
    });
}

export function addStop(program: Command): void {
  const verb = program
    .command('stop')
    .summary('end jobs')
    .description(
      'Ends jobs: sends SIGTERM, waits, then SIGKILL to all that is left of it. Prints each id when nothing of it runs. Output and exit status stay; rm removes them.',
    )
    .argument('<id...>', 'jobs')
    .option('-t, --time <seconds>', 'how long to wait before SIGKILL', readSeconds, 10)
    .option('-s, --signal <signal>', 'what to send first', 'TERM');
  addProcessOption(verb)
    .addHelpText(
      'after',
      `
Examples:
  outlive stop web
  outlive stop -t 0.5 web db
  outlive stop -s INT web`,
    )
    .action(async (ids: string[], options: { time: number; signal: string; process?: string }, command: Command) => {
      const signal = readSignal(options.signal);
      const graceMs = Math.round(options.time * 1000);
      const all = changeEach(ids, command, (container) =>
        processOf(container, options.process).stop({ signal, graceMs }),
      );
      await withProgress(`stopping ${ids.join(', ')}`, all);
    });
}

export function addRm(program: Command): void {
  const verb = program
    .command('rm')
    .summary('remove jobs with all that is kept of them')
    .description('Removes jobs that ended, with output and exit status, and prints their ids.')
    .argument('<id...>', 'jobs')
    .option('-f, --force', 'end those that run, by SIGKILL; an id that does not exist is no failure');
  addProcessOption(verb)
    .addHelpText(
      'after',
      `
Examples:
  outlive rm web
  outlive rm -f web
  outlive ps -q --filter state=stopped | xargs -r outlive rm`,
    )
    .action(async (ids: string[], options: { force?: true; process?: string }, command: Command) => {
      const root = await rootOf(command);
      const force = options.force === true;
      const all = forEachId(
        ids,
        (id) => remove(id, root, { ...options, force }),
        (wasThere, id) => printLines(wasThere ? [id] : []),
      );
      process.exitCode = await withProgress(`removing ${ids.join(', ')}`, all);
    });
}

/** Returns false if there is none, and `force` allows that. */
async function remove(id: string, root: string, options: { force: boolean; process?: string }): Promise<boolean> {
  const { force, process } = options;
  try {
    using container = await openContainer(id, root);
    if (process === undefined) await container.delete({ force });
    else await processOf(container, process).remove({ force });
    return true;
  } catch (error) {
    if (force && codeOf(error) === 'ERR_CONTAINER_NOT_FOUND') return false;
    if (!force && codeOf(error) === 'ERR_PROCESS_NOT_EXITED') {
      const what = process === undefined ? id : `process ${process} of ${id}`;
      throw new Error(`${what} still runs: stop it first, or use --force`, { cause: error });
    }
    throw error;
  }
}

/** `TERM`, `SIGTERM`, `sigterm` and `15` are one signal. The library checks that it is one. */
function readSignal(text: string): NodeJS.Signals | number {
  if (/^\d+$/.test(text)) return Number(text);
  const name = text.toUpperCase();
  return (name.startsWith('SIG') ? name : `SIG${name}`) as NodeJS.Signals;
}

/** Seconds, with a fraction or without. */
function readSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds <= 2_147_483) return seconds;
  throw new UsageError(`--time ${text}: must be a number of seconds, 0 to 2147483`);
}
