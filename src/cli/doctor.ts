/** `outlive doctor`: what works on this machine, and what does not. */
import type { Command } from 'commander';
import type { Finding } from '../index.js';
import { paint, printJson, printLines } from './output.js';
import { rootOf } from './target.js';

const COLOURS = { ok: 'green', warning: 'yellow', error: 'red' } as const;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('say what works on this machine, and what does not')
    .description(
      'Says what works on this machine, what does not, why, and what to do: kernel, cgroups, systemd, pid 1, runtimes, limits, state root. Changes nothing. The exit code is 0 if nothing is an error, else 1; warnings are no errors.',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', `\nExamples:\n  outlive doctor\n  outlive doctor --json | jq '.[] | select(.level != "ok")'`)
    .action(async (options: { json?: true }, command: Command) => {
      const { diagnose } = await import('../index.js');
      const findings = await diagnose({ root: await rootOf(command) });
      if (options.json === true) printJson(findings);
      else printLines(findings.flatMap(linesOf));
      process.exitCode = findings.some(({ level }) => level === 'error') ? 1 : 0;
    });
}

function linesOf({ name, level, found, advice }: Finding): string[] {
  const line = `${paint(level.padEnd(7), COLOURS[level])}  ${name.padEnd(12)}  ${found}`;
  return advice === undefined ? [line] : [line, `${' '.repeat(23)}→ ${advice}`];
}
