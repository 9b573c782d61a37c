/** Looks at the kernel, at /proc, and at pid 1. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode, messageOf } from '../base/errors.js';
import { type Mount, parseMounts } from '../kernel/cgroup.js';
import { identify, readProcStat } from '../kernel/identity.js';
import { checkSystem } from '../kernel/requirements.js';
import type { Found } from './finding.js';

/** How long a zombie may wait for a pid 1 that reaps, and how often to look, in milliseconds. */
const REAP_MS = 1000;
const LOOK_MS = 50;

/** What newer kernels have beside what is required, and what is done without it. */
const EXTRAS = [
  { since: [5, 7], lack: 'a process is moved into its cgroup after its start (no CLONE_INTO_CGROUP, Linux 5.7)' },
  { since: [5, 14], lack: 'what is left of a container is ended process by process (no cgroup.kill, Linux 5.14)' },
] as const;

export function kernelFinding(): Found {
  try {
    checkSystem();
  } catch (error) {
    if (!hasCode(error, 'ERR_UNSUPPORTED_SYSTEM')) throw error;
    const advice =
      'see docs/reliability.md, "What it needs of the system"; in a container, look at its seccomp profile';
    return { level: 'error', found: messageOf(error), advice };
  }
  return { level: 'ok', found: [`Linux ${release()}, pidfds work`, ...lacksOf(release())].join('; ') };
}

/** What a kernel with this release (`'6.1.0-13-amd64'`) does not have. */
export function lacksOf(kernel: string): string[] {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  return EXTRAS.filter(({ since }) => major < since[0] || (major === since[0] && minor < since[1])).map(
    ({ lack }) => lack,
  );
}

export function procFinding(): Found {
  return judgeProc(parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')), process.geteuid?.() === 0);
}

/** @param mounts those of this process. */
export function judgeProc(mounts: readonly Mount[], isRoot: boolean): Found {
  const proc = mounts.findLast(({ mountPoint }) => mountPoint === '/proc');
  const hidden = proc?.options.find((option) => /^hidepid=(?!0$|off$)/.test(option));
  if (hidden === undefined) return { level: 'ok', found: 'shows all processes' };
  const found = `mounted with ${hidden}: it hides processes of other users`;
  if (isRoot) return { level: 'ok', found: `${found}, but not from root` };
  return {
    level: 'warning',
    found: `${found}; one that changes its user (a setuid program) is shown as stopped while it runs; its exit status is right`,
    advice: 'run such processes as root, or mount /proc with gid=<a group of this user>',
  };
}

export async function initFinding(): Promise<Found> {
  const name = nameOf(1);
  if (name === undefined) return { level: 'ok', found: 'not shown by /proc, so it is not known whether it reaps' };
  let zombies = zombiesOf(1);
  for (let waitedMs = 0; zombies.length > 0 && waitedMs < REAP_MS; waitedMs += LOOK_MS) {
    await delay(LOOK_MS);
    const now = new Set(zombiesOf(1));
    zombies = zombies.filter((zombie) => now.has(zombie));
  }
  return judgeInit({ name, program: programOf(1), isUs: process.pid === 1, unreaped: zombies.length });
}

/** @param unreaped how many zombies pid 1 has not reaped in the time that it had. */
export function judgeInit(init: { name: string; program: string; isUs: boolean; unreaped: number }): Found {
  const { name, program, isUs, unreaped } = init;
  const advice = 'give the container an init that reaps (docker run --init, tini, catatonit)';
  if (isUs)
    return { level: 'warning', found: 'this program: it reaps the shims that it follows, nothing else', advice };
  if (unreaped > 0) {
    return {
      level: 'warning',
      found: `${name} has ${unreaped} zombies that it does not reap; ended shims stay, too`,
      advice,
    };
  }
  // Node.js reaps only what it started.
  if (program.startsWith('node') || name === 'node') {
    return { level: 'warning', found: `${name} does not reap what others left: ended shims stay as zombies`, advice };
  }
  return { level: 'ok', found: `${name}; it has no zombies` };
}

/** Undefined if this user may not know. */
function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}

/** The start times and pids of the zombies whose parent is `parent`. */
function zombiesOf(parent: number): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const stat = readProcStat(Number(pid));
    return stat?.parentPid === parent && stat.state === 'Z' ? [`${pid} ${identify(Number(pid))?.startTimeTicks}`] : [];
  });
}

/** The file name of a process's program; '' if this user may not know. */
function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`).split('/').at(-1) ?? '';
  } catch {
    return '';
  }
}
