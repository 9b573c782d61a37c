import type { Command } from 'commander';
export function addExec(program: Command): void {
  program.command('exec');
}
