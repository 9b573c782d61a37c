/** `outlive clean`: what programs that died left unfinished in a state root. */
import type { Command } from 'commander';
import type { Leftover } from '../index.js';
import { codeOf, tellFailure } from './failure.js';
import { printJson, printLines, withProgress } from './output.js';
import { noRoot, rootOf } from './target.js';

export function addClean(program: Command): void {
  program
    .command('clean')
    .summary('remove what programs that died left unfinished')
    .description(
      'Removes what programs that died left unfinished in the state root: directories that were being made or removed, jobs whose files are broken, starts that never began. It ends no process, and keeps jobs that ended: rm removes those.',
    )
    .option('--dry-run', 'only list it')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  outlive clean --dry-run\n  outlive ps -q --filter state=stopped | xargs -r outlive rm',
    )
    .action(async (options: { dryRun?: true; json?: true }, command: Command) => {
      const dryRun = options.dryRun === true;
      const leftovers = await withProgress('cleaning', cleanUp(await rootOf(command), dryRun));
      if (options.json === true) printJson(leftovers);
      else printLines(leftovers.map((leftover) => lineOf(leftover, dryRun)));
    });
}

async function cleanUp(root: string, dryRun: boolean): Promise<Leftover[]> {
  const { Container } = await import('../index.js');
  try {
    return await Container.cleanUp(root, { dryRun });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    tellFailure(noRoot(root));
    return [];
  }
}

function lineOf({ path, reason, removed }: Leftover, dryRun: boolean): string {
  const what = removed ? 'removed' : dryRun ? 'would remove' : 'kept, in use';
  return `${what} ${path}: ${reason}`;
}
