import type { Command } from 'commander';
export function addWait(program: Command): void {
  program.command('wait');
}
