/** `outlive pause`, `resume` and `update`: changing jobs that run. */
import type { Command } from 'commander';
import type { Container } from '../index.js';
import { UsageError } from './failure.js';
import { addLimitOptions, type LimitOptions, resourcesOf } from './limits.js';
import { printLines } from './output.js';
import { forEachId } from './several.js';
import { openContainer, rootOf } from './target.js';

export function addPause(program: Command): void {
  program
    .command('pause')
    .summary('stop all processes of jobs for a while')
    .description(
      'Freezes all processes of jobs, and prints each id when none of them runs any more. resume lets them go on.',
    )
    .argument('<id...>', 'jobs')
    .addHelpText('after', '\nExample:\n  outlive pause web && cp -r /srv/web /backup; outlive resume web')
    .action((ids: string[], _: object, command: Command) => change(ids, command, (container) => container.pause()));
}

export function addResume(program: Command): void {
  program
    .command('resume')
    .summary('let paused jobs go on')
    .description('Lets all processes of paused jobs go on, and prints their ids.')
    .argument('<id...>', 'jobs')
    .addHelpText('after', '\nExample:\n  outlive ps -q --filter state=paused | xargs -r outlive resume')
    .action((ids: string[], _: object, command: Command) => change(ids, command, (container) => container.resume()));
}

export function addUpdate(program: Command): void {
  const command = program
    .command('update')
    .summary('change the limits of jobs that run')
    .description(
      'Changes limits of jobs while they run, and prints their ids. A limit that is not given stays as it is.',
    )
    .argument('<id...>', 'jobs');
  addLimitOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  outlive update --memory 512m web\n  outlive update --cpus 1.5 --pids 200 web db',
    )
    .action(async (ids: string[], options: LimitOptions, self: Command) => {
      const resources = resourcesOf(options);
      if (resources === undefined) throw new UsageError('update: give --memory, --cpus or --pids');
      await change(ids, self, (container) => container.updateResources(resources));
    });
}

async function change(ids: string[], command: Command, act: (container: Container) => Promise<void>): Promise<void> {
  const root = await rootOf(command);
  process.exitCode = await forEachId(
    ids,
    async (id) => {
      using container = await openContainer(id, root);
      await act(container);
    },
    (_, id) => printLines([id]),
  );
}
