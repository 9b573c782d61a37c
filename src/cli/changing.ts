/** `outlive pause`, `resume` and `update`: changing jobs that run. */
import type { Command } from 'commander';
import { UsageError } from './failure.js';
import { addLimitOptions, type LimitOptions, resourcesOf } from './limits.js';
import { changeEach } from './several.js';

export function addPause(program: Command): void {
  program
    .command('pause')
    .summary('stop all processes of jobs for a while')
    .description(
      'Freezes all processes of jobs, and prints each id when none of them runs any more. resume lets them go on.',
    )
    .argument('<id...>', 'jobs')
    .addHelpText('after', '\nExample:\n  outlive pause web && cp -r /srv/web /backup; outlive resume web')
    .action((ids: string[], _: object, command: Command) => changeEach(ids, command, (container) => container.pause()));
}

export function addResume(program: Command): void {
  program
    .command('resume')
    .summary('let paused jobs go on')
    .description('Lets all processes of paused jobs go on, and prints their ids.')
    .argument('<id...>', 'jobs')
    .addHelpText('after', '\nExample:\n  outlive ps -q --filter state=paused | xargs -r outlive resume')
    .action((ids: string[], _: object, command: Command) =>
      changeEach(ids, command, (container) => container.resume()),
    );
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
      await changeEach(ids, self, (container) => container.updateResources(resources));
    });
}
