import type { Command } from 'commander';
export function addAttach(program: Command): void {
  program.command('attach');
}
