/** `outlive exec`: another process in a job's container. */
import type { Command } from 'commander';
import type { ExecSpec, Process } from '../index.js';
import { exitCodeOfEnd, tell, UsageError } from './failure.js';
import { passOn } from './foreground.js';
import { printLines, withProgress } from './output.js';
import { inForeground, takesInput } from './run.js';
import { Signals } from './signals.js';
import { openContainer, rootOf } from './target.js';
import { terminalSize } from './terminal.js';
import { addProgramOptions, readUser } from './words.js';

interface ExecFlags {
  detach?: true;
  tty?: true;
  interactive?: true;
  env: Record<string, string | undefined>;
  workdir?: string;
  user?: string;
}

export function addExec(program: Command): void {
  const command = program
    .command('exec')
    .summary('run another process in a job')
    .description(
      "Runs another process in a job, with the job's environment, directory, user and limits, and exits with its exit code. It ends with the job at the latest. Nothing is kept of it, except with -d.",
    )
    .usage('[options] <id> [--] <command> [args…]')
    .argument('<id>', 'a job that runs')
    .argument('<command...>', 'the program and its arguments')
    .option('-d, --detach', 'print the id of the process, and leave it in the background')
    .option('-t, --tty', 'give it a terminal, shown on ours')
    .option('-i, --interactive', 'pass our stdin on to it');
  addProgramOptions(command)
    .passThroughOptions()
    .addHelpText(
      'after',
      `
Ctrl-\\ leaves a terminal, and the process goes on.

Examples:
  outlive exec web ps -ef
  outlive exec -t shell bash
  outlive exec -i db sh -c 'cat > dump' < dump
  outlive exec -d web ./reload && outlive inspect web`,
    )
    .action(async (id: string, args: string[], flags: ExecFlags, self: Command) => {
      // After the id, the parser leaves `--` in place.
      const words = args[0] === '--' ? args.slice(1) : args;
      if (words.length === 0) throw new UsageError('exec: give a command');
      process.exitCode = await runIn(id, words, flags, await rootOf(self));
    });
}

async function runIn(id: string, args: string[], flags: ExecFlags, root: string): Promise<number> {
  const signals = flags.detach === true ? undefined : new Signals();
  using container = await openContainer(id, root);
  const spec = await readSpec(args, flags, container.runtime === 'host');
  const stdio = { stdin: takesInput(flags) ? 'pipe' : 'ignore', stdout: 'log', stderr: 'log' };
  const job: Process = await withProgress('starting', container.exec(spec, { stdio }));
  if (signals === undefined) {
    printLines([job.id]);
    return 0;
  }
  signals.passTo((signal) => passOn(job, signal, flags.tty === true));
  if ((await inForeground(job, flags)) === 'left') {
    tell(`process ${job.id} of ${id} goes on: outlive attach --process ${job.id} ${id} shows it again`);
    return 0;
  }
  const exit = await job.wait();
  // Ignore a failure: the job has been removed, and with it the process.
  await job.remove().catch(() => undefined);
  signals.close();
  return exitCodeOfEnd(exit, `process ${job.id} of ${id}`);
}

async function readSpec(args: string[], flags: ExecFlags, isHost: boolean): Promise<ExecSpec> {
  const { env, tty, workdir, user } = flags;
  const size = terminalSize();
  return {
    args,
    env,
    ...(tty === true ? { terminal: true } : {}),
    ...(tty === true && size !== undefined ? { consoleSize: { width: size.columns, height: size.rows } } : {}),
    ...(workdir === undefined ? {} : { cwd: workdir }),
    ...(user === undefined ? {} : { user: await readUser(user, isHost) }),
  };
}
