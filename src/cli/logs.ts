import type { Command } from 'commander';
export function addLogs(program: Command): void {
  program.command('logs');
}
