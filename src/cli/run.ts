import type { Command } from 'commander';
export function addRun(program: Command): void {
  program.command('run');
}
