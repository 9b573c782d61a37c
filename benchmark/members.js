/**
 * Operations of the host runtime on a container with 1,500 members, on a machine with 3,000 mounts: they must not read the
 * mounts, or look at all of /proc, once for each member. With a cgroup v2 for the container, and without any.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { atMost } from './starts.js';
import { median, row } from './world.js';

const MOUNTS = 3000;

/** In milliseconds. The others have no goal. */
const GOALS = new Map([
  ['pids()', 300],
  ['stats()', 300],
  ['pause()', 1000],
]);

export async function members(/** @type {import('./world.js').World} */ world) {
  if (process.getuid?.() !== 0) {
    console.error('benchmark: members is left out: mounts are made as root only');
    return [];
  }
  const count = world.quick ? 200 : 1500;
  const rows = [];
  for (const [cgroup2, place] of /** @type {const} */ ([
    ['keep', 'in a cgroup v2'],
    ['hide', 'without a cgroup'],
  ])) {
    const took = await measured(world, count, cgroup2);
    for (const [operation, ms] of Object.entries(took)) {
      const ours = median(ms);
      const figure = `${operation}, ${count} members ${place}, ${MOUNTS} mounts`;
      rows.push(row(figure, { ours, unit: 'ms', ...atMost(ours, GOALS.get(operation), 'ms') }));
    }
  }
  return rows;
}

/**
 * @param {import('./world.js').World} world
 * @param {number} count
 * @param {'keep' | 'hide'} cgroup2
 * @returns {Promise<Record<string, number[]>>} milliseconds of each operation
 */
async function measured(world, count, cgroup2) {
  const program = [process.execPath, join(import.meta.dirname, 'members-of-one.js')];
  const args = [world.bin('members'), String(count), String(world.quick ? 1 : 5)];
  const child = spawn(world.bin('mounts'), [String(MOUNTS), world.dir(), cgroup2, ...program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  world.child(child);
  const [printed, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (status !== 0) throw new Error(`the program with ${count} members ended with ${status}`);
  return JSON.parse(printed);
}
