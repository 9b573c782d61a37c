/**
 * Checks the limits of a process on the host runtime: which fields of `linux.resources` it has, and their ranges. The host
 * runtime checks the same in a config.json that was written by hand (native/host/bundle/limits.cc).
 */
import { checkInteger, checkObject, checkString } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import type { LinuxCPU, LinuxMemory, LinuxPids } from './resources.js';

/**
 * The limits of a process on the host runtime, which are those of its cgroup v2. docs/host-runtime.md, "Limits", has the file
 * that each is written to.
 */
export interface HostResources {
  /** In bytes; -1 means no limit. `swap` is memory and swap together, and needs `limit` beside it unless it is -1. Default none. */
  memory?: Pick<LinuxMemory, 'limit' | 'swap' | 'reservation'>;
  /**
   * `shares` is a weight, 2 to 262144; `quota` and `period` are in microseconds; `cpus` and `mems` are lists as `0-2,7`. Default
   * none.
   */
  cpu?: Pick<LinuxCPU, 'shares' | 'quota' | 'period' | 'cpus' | 'mems'>;
  /** `limit`: the most processes and threads at once; -1 means no limit. Default none. */
  pids?: LinuxPids;
  /** Any other file of a controller, by its name, as `memory.high`. Written last. Of `cgroup.*` only `cgroup.max.*`. Default none. */
  unified?: Record<string, string>;
}

const UNSUPPORTED = 'is not supported by the host runtime';
const MAX = Number.MAX_SAFE_INTEGER;

/**
 * @param name the argument's name in messages, as `options.resources`.
 * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (also for a field that it does not have),
 *   `ERR_OUT_OF_RANGE`; each with the field's full name.
 */
export function checkHostResources(name: string, resources: unknown): asserts resources is HostResources {
  const sections = checkSection(name, resources, ['memory', 'cpu', 'pids', 'unified']);
  if (sections.memory !== undefined) checkMemory(`${name}.memory`, sections.memory);
  if (sections.cpu !== undefined) checkCpu(`${name}.cpu`, sections.cpu);
  if (sections.pids !== undefined) {
    const { limit } = checkSection(`${name}.pids`, sections.pids, ['limit']);
    checkLimit(`${name}.pids.limit`, limit, 0);
  }
  if (sections.unified !== undefined) checkUnified(`${name}.unified`, sections.unified);
}

/** Whether there is any limit among these of a config.json, whose types were not checked. */
export function hasLimits(resources: unknown): boolean {
  if (Array.isArray(resources)) return resources.length > 0;
  if (typeof resources !== 'object' || resources === null)
    return ![undefined, null, '', false].includes(resources as '');
  return Object.values(resources).some(hasLimits);
}

function checkSection(name: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  checkObject(name, value);
  const unknown = Object.keys(value).find((key) => value[key] !== undefined && !known.includes(key));
  if (unknown !== undefined) throw invalidArgValue(`${name}.${unknown}`, value[unknown], UNSUPPORTED);
  return value;
}

/** -1 for no limit, or an integer from `min` on; or undefined. */
function checkLimit(name: string, value: unknown, min: number): asserts value is number | undefined {
  if (value !== undefined && value !== -1) checkInteger(name, value, min, MAX);
}

function checkMemory(name: string, memory: unknown): void {
  const { limit, swap, reservation } = checkSection(name, memory, ['limit', 'swap', 'reservation']);
  checkLimit(`${name}.limit`, limit, 1);
  checkLimit(`${name}.swap`, swap, 1);
  checkLimit(`${name}.reservation`, reservation, 0);
  if (swap === undefined || swap === -1) return;
  if (limit === undefined || limit === -1) {
    throw invalidArgValue(`${name}.swap`, swap, `includes ${name}.limit, which must be given too`);
  }
  checkInteger(`${name}.swap`, swap, limit, MAX);
}

function checkCpu(name: string, cpu: unknown): void {
  const { shares, quota, period, cpus, mems } = checkSection(name, cpu, ['shares', 'quota', 'period', 'cpus', 'mems']);
  if (shares !== undefined) checkInteger(`${name}.shares`, shares, 2, 262_144);
  checkLimit(`${name}.quota`, quota, 1000);
  if (period !== undefined) checkInteger(`${name}.period`, period, 1000, 1_000_000);
  if (cpus !== undefined) checkList(`${name}.cpus`, cpus);
  if (mems !== undefined) checkList(`${name}.mems`, mems);
}

/** As cpuset(7) has it, `0-3,7`; or empty: no limit is asked for. */
function checkList(name: string, value: unknown): void {
  if (value === '') return;
  checkString(name, value);
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(value)) throw invalidArgValue(name, value, 'must be a list as 0-3,7');
}

function checkUnified(name: string, unified: unknown): void {
  checkObject(name, unified);
  for (const [file, value] of Object.entries(unified)) {
    if (!/^[\w-]+\.[\w.-]*$/.test(file)) {
      throw invalidArgValue(`${name}.${file}`, value, "must be the name of a controller's file, as memory.high");
    }
    if (file.startsWith('cgroup.') && !file.startsWith('cgroup.max.')) {
      throw invalidArgValue(`${name}.${file}`, value, UNSUPPORTED);
    }
    if (value !== undefined) checkString(`${name}.${file}`, value);
  }
}
