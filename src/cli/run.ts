/** `outlive run`: starts a job, and shows it until it ends. */
import { type Command, Option } from 'commander';
import type { Process, RunOptions } from '../index.js';
import { exitCodeOfEnd, tell, UsageError } from './failure.js';
import { copyInput, type Outcome, passOn, printToEnd, showTerminal } from './foreground.js';
import { addLimitOptions, type LimitOptions, readBytes, resourcesOf } from './limits.js';
import { printLines, withProgress } from './output.js';
import { Signals } from './signals.js';
import { rootOf, withRootAdvice } from './target.js';
import { hasTerminal, terminalSize } from './terminal.js';
import { addLabel, addProgramOptions, readUser } from './words.js';

interface RunFlags extends LimitOptions {
  detach?: true;
  tty?: true;
  interactive?: true;
  rm?: true;
  name?: string;
  env: NonNullable<RunOptions['env']>;
  workdir?: string;
  user?: string;
  label: Record<string, string>;
  logSize?: number;
  scope: NonNullable<RunOptions['scope']>;
  runtime?: string;
  bundle?: string;
}

const EXAMPLES = `
Ctrl-\\ leaves a terminal, and the job goes on: outlive attach brings it back. Without -t, signals are passed on to the job.
If this command is killed, or its terminal is closed after Ctrl-\\, the job goes on.

Examples:
  outlive run -d --name web -- python3 -m http.server
  outlive run --rm make -j4
  outlive run -t --name shell bash
  generate | outlive run -i --name import -- psql shop
  outlive run -d --memory 512m --cpus 1.5 --label team=web ./worker
  outlive run --rm --runtime runc --bundle ./alpine -t sh`;

export function addRun(program: Command): void {
  const command = program
    .command('run')
    .summary('start a job')
    .description(
      "Starts a job, prints its output until it ends, and exits with the job's own exit code. It runs in this directory with this environment. Its output and exit status are kept.",
    )
    .usage('[options] [--] <command> [args…]')
    .argument('[command...]', 'the program and its arguments; with --bundle, none for those of the bundle')
    .option('-d, --detach', 'print its id, and leave it in the background')
    .option('-t, --tty', 'give it a terminal, shown on ours')
    .option('-i, --interactive', 'pass our stdin on to it (without: it has none; on a terminal, -t does that, too)')
    .option('--rm', 'remove it, with its output, when it has ended')
    .option('--name <id>', 'its id (default: one that sorts by time)');
  addProgramOptions(command)
    .option('--label <name[=value]>', 'a label, for ps --filter; may be repeated', addLabel, {})
    .option('--log-size <bytes>', 'keep at most so much output: 64k to … (default: 16m)', readLogSize)
    .addOption(
      new Option('--scope <kind>', 'whether it gets a systemd scope of its own')
        .choices(['auto', 'systemd', 'none'])
        .default('auto'),
    );
  addLimitOptions(command)
    .option('--runtime <program>', 'run it in a container of --bundle by runc, crun or the like')
    .option('--bundle <dir>', 'an OCI bundle; its config.json is only read')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES)
    .action(async (args: string[], flags: RunFlags, self: Command) => {
      const root = await rootOf(self);
      process.exitCode = await runJob(args, flags, root).catch((error: unknown) => {
        throw withRootAdvice(error, root);
      });
    });
}

async function runJob(args: string[], flags: RunFlags, root: string): Promise<number> {
  if (args.length === 0 && flags.bundle === undefined) throw new UsageError('run: give a command, or a --bundle');
  if (flags.detach === true && flags.rm === true) {
    throw new UsageError('run: with -d there is nobody to do --rm: use outlive wait and outlive rm');
  }
  const options = await readOptions(flags, root);
  const { run } = await import('../index.js');
  if (flags.detach === true) {
    const job = await withProgress('starting', run(args, options));
    printLines([job.container.id]);
    job.container.close();
    return 0;
  }
  const signals = new Signals();
  const job = await withProgress('starting', run(args, options));
  signals.passTo((signal) => passOn(job, signal, flags.tty === true));
  const outcome = await inForeground(job, flags);
  const { id } = job.container;
  if (outcome === 'left') {
    const stays = flags.rm === true ? '; it stays when it has ended: outlive rm removes it' : '';
    tell(`${id} goes on: outlive attach ${id} shows it again${stays}`);
    return 0;
  }
  const exit = await job.wait();
  if (flags.rm === true) await withProgress(`removing ${id}`, job.container.delete());
  job.container.close();
  signals.close();
  return exitCodeOfEnd(exit, id);
}

/** Shows a process that was just started, all of its output. */
export async function inForeground(
  job: Process,
  { tty, interactive }: { tty?: true; interactive?: true },
): Promise<Outcome> {
  if (tty === true && hasTerminal()) return showTerminal(job, { late: false, canType: true });
  if (interactive === true) copyInput(job, true);
  await printToEnd(job, job.output({ follow: true }));
  // Nobody takes more of it: it shall not keep this program.
  if (interactive === true) process.stdin.destroy();
  return 'ended';
}

async function readOptions(flags: RunFlags, root: string): Promise<RunOptions> {
  const { name, workdir, user, logSize, runtime, bundle, env, label, scope } = flags;
  return {
    ...{ root, env, labels: label, scope, id: name, cwd: workdir, runtime, bundle, resources: resourcesOf(flags) },
    stdin: takesInput(flags) ? 'pipe' : 'ignore',
    terminal: flags.tty === true ? (terminalSize() ?? true) : false,
    user: user === undefined ? undefined : await readUser(user, bundle === undefined),
    log: { maxBytes: logSize },
  };
}

/** A terminal can be typed on, by a later attach too. */
export function takesInput({ tty, interactive }: { tty?: true; interactive?: true }): boolean {
  return tty === true || interactive === true;
}

function readLogSize(text: string): number {
  const bytes = readBytes('--log-size', text);
  if (bytes > 0) return bytes;
  throw new UsageError('--log-size none: the output is kept within bounds');
}
