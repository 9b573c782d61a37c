/** `outlive attach`: shows a job that runs, and types on it. */
import { constants } from 'node:os';
import type { Command } from 'commander';
import type { Process } from '../index.js';
import { exitCodeOfEnd, tell } from './failure.js';
import { copyInput, type Outcome, printOutput, printToEnd, showTerminal } from './foreground.js';
import { Signals, type PassedOn } from './signals.js';
import { addProcessOption, openContainer, processOf, rootOf } from './target.js';
import { hasTerminal } from './terminal.js';

interface AttachFlags {
  stdin: boolean;
  process?: string;
}

export function addAttach(program: Command): void {
  const command = program
    .command('attach')
    .summary('show a job that runs, and type on it')
    .description(
      "Shows the output of a job from now on, of one with a terminal its screen as it is, and passes our stdin on to it. Any number may be attached at once. Exits with the job's exit code when it ends.",
    )
    .argument('<id>', 'a job')
    .option('--no-stdin', 'only show it');
  addProcessOption(command)
    .addHelpText(
      'after',
      `
Ctrl-\\ leaves, and so do signals; the job goes on. The end of our stdin does not close its stdin.

Examples:
  outlive attach shell
  outlive attach --no-stdin shell
  echo reload | outlive attach console`,
    )
    .action(async (id: string, flags: AttachFlags, self: Command) => {
      using container = await openContainer(id, await rootOf(self));
      process.exitCode = await attach(processOf(container, flags.process), id, flags.stdin);
    });
}

async function attach(job: Process, id: string, canType: boolean): Promise<number> {
  const signals = new Signals();
  const abort = new AbortController();
  const caught: PassedOn[] = [];
  signals.passTo((signal) => {
    caught.push(signal);
    abort.abort();
  });
  const outcome = await show(job, canType, abort.signal);
  // Nobody takes more of it: it shall not keep this program.
  process.stdin.destroy();
  if (outcome === 'ended') return exitCodeOfEnd(await job.wait(), id);
  const [signal = 'SIGQUIT'] = caught;
  tell(`${id} goes on`);
  // Without a raw terminal, Ctrl-\ is SIGQUIT.
  return signal === 'SIGQUIT' ? 0 : 128 + constants.signals[signal];
}

async function show(job: Process, canType: boolean, signal: AbortSignal): Promise<Outcome> {
  if (job.spec.terminal === true && hasTerminal()) return showTerminal(job, { late: true, canType, signal });
  const { from, hasEnded } = await lastPlace(job);
  const output = job.output({ from, follow: true, signal });
  const shown = hasEnded ? printOutput(output, signal) : printToEnd(job, output, signal);
  if (canType) copyInput(job, false);
  await shown;
  return signal.aborted ? 'left' : 'ended';
}

/** Where its output ends now, and whether its end is before that. Found before anything is typed: what that causes is shown. */
async function lastPlace(job: Process): Promise<{ from: string; hasEnded: boolean }> {
  let [from, hasEnded] = ['start', false];
  for await (const { cursor, type } of job.output({ from: { tail: 1 } })) {
    from = cursor;
    hasEnded ||= type === 'end';
  }
  return { from, hasEnded };
}
