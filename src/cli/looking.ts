/** `outlive inspect` and `stats`: what a job is, and what it uses. */
import type { Command } from 'commander';
import type { BlockIoEntry, ContainerDescription, ContainerStats } from '../index.js';
import { codeOf } from './failure.js';
import { printJson, printTable } from './output.js';
import { forEachId } from './several.js';
import { openContainer, rootOf } from './target.js';
import { bytesText, cpuText } from './units.js';

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .summary('show all that is known of jobs, as JSON')
    .description(
      'Prints all that is known of jobs, as a JSON array: processes, users, times, shims, logs, ends, limits. Of environment variables it has the names, never the values.',
    )
    .argument('<id...>', 'jobs')
    .addHelpText(
      'after',
      `
Examples:
  outlive inspect web
  outlive inspect web | jq '.[0].processes[].pid'`,
    )
    .action(async (ids: string[], _: object, command: Command) => {
      const root = await rootOf(command);
      const found: ContainerDescription[] = [];
      process.exitCode = await forEachId(
        ids,
        async (id) => {
          using container = await openContainer(id, root);
          return container.inspect();
        },
        (description) => void found.push(description),
      );
      printJson(found);
    });
}

export function addStats(program: Command): void {
  program
    .command('stats')
    .summary('show what jobs use, and their limits')
    .description('Shows once what jobs use now, and their limits. Without an id: all that run.')
    .argument('[id...]', 'jobs')
    .option('--json', 'as JSON, with all that the runtime tells')
    .addHelpText(
      'after',
      `
Examples:
  outlive stats
  outlive stats --json web | jq '.[0].memory.usageBytes'
  watch -n 1 outlive stats`,
    )
    .action(async (ids: string[], options: { json?: true }, command: Command) => {
      const root = await rootOf(command);
      const found: { id: string; stats: ContainerStats }[] = [];
      const isNamed = ids.length > 0;
      process.exitCode = await forEachId(
        isNamed ? ids : await running(root),
        (id) => statsOf(id, root, isNamed),
        (stats, id) => {
          if (stats !== undefined) found.push({ id, stats });
        },
      );
      if (options.json === true) printJson(found.map(({ id, stats }) => ({ id, ...stats })));
      else printStats(found);
    });
}

/** Undefined if it has ended since it was listed. @param isNamed whether the caller named it: then that is a failure. */
async function statsOf(id: string, root: string, isNamed: boolean): Promise<ContainerStats | undefined> {
  try {
    using container = await openContainer(id, root);
    return await container.stats();
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (isNamed || !['ERR_CONTAINER_NOT_FOUND', 'ERR_CONTAINER_EXITED'].includes(code)) throw error;
    return undefined;
  }
}

/** The ids of the jobs that run or are paused. */
async function running(root: string): Promise<string[]> {
  const { list } = await import('../index.js');
  const jobs = await list({}, { root });
  const ids = jobs.filter((job) => ['running', 'paused'].includes(job.state())).map((job) => job.container.id);
  for (const job of jobs) job.container.close();
  return ids;
}

function printStats(found: readonly { id: string; stats: ContainerStats }[]): void {
  printTable(
    ['ID', 'CPU TIME', 'MEMORY', 'LIMIT', 'TASKS', 'LIMIT', 'READ', 'WRITTEN'],
    found.map(({ id, stats: { cpu, memory, pids, blockIo } }) => [
      id,
      cpuText(cpu.totalUsageNs),
      bytesText(memory.usageBytes),
      bytesText(memory.limitBytes),
      String(pids.current ?? '-'),
      String(pids.limit ?? '-'),
      bytesText(sum(blockIo.serviceBytes, 'Read')),
      bytesText(sum(blockIo.serviceBytes, 'Write')),
    ]),
  );
}

/** Of all devices; undefined if none tells it. */
function sum(entries: readonly BlockIoEntry[], operation: string): number | undefined {
  const values = entries.filter((entry) => entry.operation?.toLowerCase() === operation.toLowerCase());
  return values.length === 0 ? undefined : values.reduce((total, { value = 0 }) => total + value, 0);
}
