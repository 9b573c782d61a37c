/** The command line: the verbs, their help, and what a wrong call gets. Loads no verb's work: the verbs do, when they are called. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Help, Option } from 'commander';
import { addAttach } from './attach.js';
import { addPause, addResume, addUpdate } from './changing.js';
import { addClean } from './clean.js';
import { addDoctor } from './doctor.js';
import { addKill, addRm, addStop } from './ending.js';
import { addExec } from './exec.js';
import { exitCodeOf, FAILED, tellFailure, UsageError } from './failure.js';
import { addLogs } from './logs.js';
import { addInspect, addStats } from './looking.js';
import { print } from './output.js';
import { addPs } from './ps.js';
import { addRun } from './run.js';
import { addWait } from './wait.js';

/** In the order of the help. Each adds one verb. */
const VERBS = [
  ...[addRun, addPs, addLogs, addAttach, addExec, addWait, addStop, addKill, addRm],
  ...[addInspect, addStats, addPause, addResume, addUpdate, addClean, addDoctor],
];

const EXAMPLES = `
Examples:
  outlive run -d --name web -- python3 -m http.server
  outlive ps
  outlive logs -f web
  outlive stop web && outlive rm web

Exit codes: that of the process (128+n if signal n ended it); 125 if outlive failed or the end is lost; 126 if the program
can't be run, 127 if there is none.`;

function makeProgram(): Command {
  const program = new Command('outlive')
    .description('Runs processes that outlive the program that starts them: their output and exit status are kept.')
    .usage('[--root <dir>] <command> …')
    .option(
      '--root <dir>',
      'where the jobs are kept (default: $OUTLIVE_ROOT, else /var/lib/outlive, ~/.local/state/outlive)',
    )
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EXAMPLES)
    // What follows a verb's first argument belongs to the command that it runs.
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ optionDescription })
    .configureOutput({
      writeOut: (text) => void print(text),
      writeErr: (text) => process.stderr.write(text),
      outputError: (text, write) =>
        write(
          `outlive: ${text
            .replace(/^error: /, '')
            .trim()
            .replaceAll('\n', ' ')}\n`,
        ),
    });
  for (const add of VERBS) add(program);
  // Also after the verb, as most people type it; rootOf() reads both.
  for (const verb of program.commands) verb.addOption(new Option('--root <dir>').hideHelp());
  return program;
}

/**
 * Does what a command line says.
 * @param argv the words after the program's name.
 * @returns the exit code.
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    checkText(argv);
    await makeProgram().parseAsync(argv, { from: 'user' });
    return exitCodeOf(process.exitCode);
  } catch (error) {
    // It has told its error already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : FAILED;
    return tellFailure(error);
  }
}

/** Node.js gives bytes that are no UTF-8 as U+FFFD: the command would get another word, as the name of another file. */
function checkText(argv: readonly string[]): void {
  const word = argv.find((text) => text.includes('\ufffd'));
  if (word === undefined || isUtf8(readFileSync('/proc/self/cmdline'))) return;
  throw new UsageError(`${word}: not valid UTF-8, which is all that can be passed on`);
}

const plainHelp = new Help();

/** Without the empty list or record that an option which may be repeated begins with. */
function optionDescription(option: Option): string {
  return typeof option.defaultValue === 'object' ? option.description : plainHelp.optionDescription(option);
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
