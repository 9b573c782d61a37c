/** Looks at the limits of this program that decide how many processes it can start. Behaviour: getrlimit(2), proc(5), cgroups(7). */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Mount, ownCgroup2, parseMounts } from '../kernel/cgroup.js';
import type { Found } from './finding.js';

/** What Node.js and the library need beside what each process takes. */
const FEW_FILES = 256;
/** A process has a shim, and may start others. Each thread counts. */
const FEW_TASKS = 64;

export function filesFinding(): Found {
  return judgeFiles(limitOf(readFileSync('/proc/self/limits', 'utf8'), 'Max open files'));
}

/** @param limit the soft limit of descriptors. */
export function judgeFiles(limit: number): Found {
  const found = `${limit === Infinity ? 'no limit' : `at most ${limit}`} for this program; it takes two for each process that it follows`;
  if (limit >= FEW_FILES) return { level: 'ok', found };
  return { level: 'warning', found, advice: 'raise it: ulimit -n, or LimitNOFILE= in the unit' };
}

/** How many tasks there are, and may be. */
export interface TaskLimit {
  readonly what: string;
  readonly current: number;
  readonly limit: number;
}

export function tasksFinding(): Found {
  return judgeTasks([...userLimit(), ...cgroupLimits()]);
}

export function judgeTasks(limits: readonly TaskLimit[]): Found {
  const [least] = [...limits].sort((a, b) => a.limit - a.current - (b.limit - b.current));
  if (least === undefined || least.limit === Infinity) return { level: 'ok', found: 'no limit' };
  const { what, current, limit } = least;
  const found = `${current} of ${limit} by ${what}; each process takes two and its own threads`;
  if (limit - current >= FEW_TASKS) return { level: 'ok', found };
  return {
    level: 'warning',
    found,
    advice: 'raise it: ulimit -u, TasksMax= in the unit, --pids-limit of the container',
  };
}

/** RLIMIT_NPROC, which does not hold for root. */
function userLimit(): TaskLimit[] {
  const limit = limitOf(readFileSync('/proc/self/limits', 'utf8'), 'Max processes');
  if (process.geteuid?.() === 0 || limit === Infinity) return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const current = pids.reduce((sum, pid) => sum + tasksOf(pid), 0);
  return [{ what: 'RLIMIT_NPROC of this user', current, limit }];
}

/** The threads of a process of this user; 0 for one of another user, and for one that has ended. */
function tasksOf(pid: string): number {
  const status = textOf(`/proc/${pid}/status`) ?? '';
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  return uid === String(process.getuid?.()) ? Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 1) : 0;
}

/** `pids.max` of the own cgroup of v2, or of v1's controller, and of those above that are seen here. */
function cgroupLimits(): TaskLimit[] {
  const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  return [ownCgroup2(), ownPidsCgroup1(mounts)].flatMap((own) => (own === undefined ? [] : limitsUpFrom(own)));
}

function limitsUpFrom(own: string): TaskLimit[] {
  const limits: TaskLimit[] = [];
  for (let dir = own; textOf(join(dir, 'cgroup.procs')) !== undefined; dir = join(dir, '..')) {
    const limit = textOf(join(dir, 'pids.max'))?.trim() ?? 'max';
    if (limit === 'max') continue;
    limits.push({
      what: join(dir, 'pids.max'),
      current: Number(textOf(join(dir, 'pids.current'))),
      limit: Number(limit),
    });
  }
  return limits;
}

function ownPidsCgroup1(mounts: readonly Mount[]): string | undefined {
  const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes('pids'));
  const path = /^\d+:(?:.*,)?pids(?:,[^:]*)?:(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (mount === undefined || path === undefined) return undefined;
  return join(mount.mountPoint, mount.root === '/' ? path : path.slice(mount.root.length));
}

/** A soft limit in the text of `/proc/<pid>/limits`; Infinity if there is none. */
export function limitOf(text: string, name: string): number {
  const value = text
    .split('\n')
    .find((line) => line.startsWith(name))
    ?.slice(name.length)
    .trim()
    .split(/\s+/, 1)[0];
  return value === undefined || value === 'unlimited' ? Infinity : Number(value);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Ignore: it has ended, or there is no such file in this cgroup.
    return undefined;
  }
}
