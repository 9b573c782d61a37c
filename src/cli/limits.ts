/** `--memory`, `--cpus` and `--pids`, as limits of the library. */
import type { Command } from 'commander';
import type { HostResources } from '../index.js';
import { UsageError } from './failure.js';

/** How long a period of the scheduler is, in microseconds: the kernel's default. */
const PERIOD_US = 100_000;
const FACTORS: Record<string, number> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

export interface LimitOptions {
  memory?: number;
  cpus?: number;
  pids?: number;
}

/** Adds the options to a command. */
export function addLimitOptions(command: Command): Command {
  return command
    .option('--memory <bytes>', 'at most so much memory: 512m, 2g; none for no limit', (text) =>
      readBytes('--memory', text),
    )
    .option('--cpus <number>', 'at most so many processors: 0.5, 2; none for no limit', readCpus)
    .option('--pids <number>', 'at most so many tasks (threads, too); none for no limit', readPids);
}

/** Undefined if there is none. */
export function resourcesOf({ memory, cpus, pids }: LimitOptions): HostResources | undefined {
  const resources = {
    ...(memory === undefined ? {} : { memory: { limit: memory } }),
    ...(cpus === undefined ? {} : { cpu: { quota: cpus < 0 ? -1 : Math.round(cpus * PERIOD_US), period: PERIOD_US } }),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
  return Object.keys(resources).length === 0 ? undefined : resources;
}

/** A number of bytes, with one of the suffixes b, k, m, g, t (1k is 1024), also as KiB or KB; -1 for none. */
export function readBytes(option: string, text: string): number {
  if (text === 'none') return -1;
  const [, number = '', suffix = ''] = /^(\d+(?:\.\d+)?)([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * (FACTORS[suffix.toLowerCase()] ?? NaN));
  if (number !== '' && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(`${option} ${text}: must be a number of bytes above 0, as 1048576, 512m or 2g`);
}

function readCpus(text: string): number {
  if (text === 'none') return -1;
  const cpus = Number(text);
  // The kernel's shortest share of a period is 1 ms.
  if (/^[\d.]+$/.test(text) && cpus >= 0.01 && cpus <= 100_000) return cpus;
  throw new UsageError(`--cpus ${text}: must be a number of processors from 0.01 on, or none`);
}

function readPids(text: string): number {
  if (text === 'none') return -1;
  const pids = Number(text);
  if (/^\d+$/.test(text) && pids > 0 && Number.isSafeInteger(pids)) return pids;
  throw new UsageError(`--pids ${text}: must be a number of tasks from 1 on, or none`);
}
