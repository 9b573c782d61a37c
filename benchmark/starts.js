/** start(): its time, its rate, from the pid file to the caller, from a kill to the known exit; and raw spawns. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { posix } from '../dist/index.js';
import { ConmonProcess, hasConmon } from './peers.js';
import { atATime, median, row } from './world.js';

/** @typedef {import('./world.js').World} World */

const ROUND = 10;
const EXECS_PER_START = 3; // shim, runtime, command
/** V8 compiles what runs often, in threads that take the starts' processors: until then a program starts half as many. */
const WARM_ROUNDS = 12;
const WIDE_ROUND = 96;

async function spawnedMs(/** @type {string} */ file) {
  const begin = performance.now();
  const child = spawn(file, { stdio: 'ignore' });
  await once(child, 'spawn');
  const took = performance.now() - begin;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  return took;
}

function floorMs(/** @type {World} */ world, /** @type {number} */ count) {
  const out = execFileSync(world.bin('spawn'), [String(count), world.bin('leave')], { encoding: 'utf8' });
  return out
    .trim()
    .split('\n')
    .map((ns) => Number(ns) / 1e6);
}

async function startOnce(/** @type {World} */ world, /** @type {Parameters<World['create']>[0]} */ options) {
  const container = await world.create(options);
  const begin = performance.now();
  const process = await world.start(container);
  const startMs = performance.now() - begin;
  const exit = process.wait();
  const killed = performance.now();
  process.signal('SIGKILL');
  await exit;
  const exitMs = performance.now() - killed;
  await world.end(container);
  return { startMs, exitMs };
}

async function conmonOnce(/** @type {World} */ world, /** @type {string} */ bundle) {
  const conmon = new ConmonProcess(world);
  const begin = performance.now();
  await conmon.start(world, bundle);
  const startMs = performance.now() - begin;
  const killed = performance.now();
  await conmon.kill(world);
  return { startMs, exitMs: performance.now() - killed };
}

/**
 * `goal`: of a start, in milliseconds; or `times`: as a multiple of the floor.
 * @typedef {{ name: string, root: string, goal?: number, times?: number, runtime?: string, startMs: number[], exitMs: number[] }} Case
 */

export async function start(/** @type {World} */ world) {
  const bundle = await world.bundle([world.bin('idle')]);
  /** @type {Case} */
  const first = { name: 'do-nothing runtime, tmpfs', root: world.dir(), goal: 3, startMs: [], exitMs: [] };
  /** @type {Case[]} */
  const cases = [
    first,
    { name: 'do-nothing runtime, disk', root: world.dir(world.disk), goal: 3, startMs: [], exitMs: [] },
    { name: 'host runtime, tmpfs', root: world.dir(), times: 1.4, runtime: 'host', startMs: [], exitMs: [] },
    { name: 'host runtime, disk', root: world.dir(world.disk), runtime: 'host', startMs: [], exitMs: [] },
  ];
  /** @type {number[]} */
  const peerMs = [];
  /** @type {number[]} */
  const floor = [];
  /** @type {{ startMs: number, exitMs: number }[]} */
  const conmon = [];
  for (let round = world.quick ? 4 : 12; round > 0; round--) {
    for (const { root, runtime, startMs, exitMs } of cases) {
      for (let i = 0; i < ROUND; i++) {
        const took = await startOnce(world, { root, bundle, ...(runtime && { runtime }) });
        startMs.push(took.startMs);
        exitMs.push(took.exitMs);
      }
    }
    for (let i = 0; i < ROUND; i++) peerMs.push(await spawnedMs(world.bin('idle')));
    for (let i = 0; hasConmon && i < ROUND; i++) conmon.push(await conmonOnce(world, bundle));
    floor.push(...floorMs(world, ROUND));
  }
  const peer = EXECS_PER_START * median(floor);
  const peerName = 'three vfork+exec+wait';
  const rows = cases.map(({ name, startMs, goal, times }) => {
    const ours = median(startMs);
    const limit = times === undefined ? atMost(ours, goal, 'ms') : atMostTimes(ours, times, peer);
    return row(`start(), p50: ${name}`, { ours, unit: 'ms', peer, peerName, ...limit });
  });
  const plain = { peer: median(peerMs), peerName: 'child_process, to its spawn event' };
  rows.push(row('start(), p50: do-nothing runtime, tmpfs', { ours: median(first.startMs), unit: 'ms', ...plain }));
  const conmonMs = (/** @type {'startMs' | 'exitMs'} */ key) =>
    hasConmon ? { peer: median(conmon.map((one) => one[key])), peerName: 'conmon' } : {};
  if (hasConmon) {
    const { name, startMs } = first;
    rows.push(row(`start(), p50: ${name}`, { ours: median(startMs), unit: 'ms', ...conmonMs('startMs') }));
  }
  for (const { name, exitMs, goal } of cases) {
    const ours = median(exitMs);
    const limit = goal === undefined ? {} : atMost(ours, 1, 'ms');
    rows.push(row(`kill → exit known, p50: ${name}`, { ours, unit: 'ms', ...conmonMs('exitMs'), ...limit }));
  }
  return rows;
}

/**
 * @param {number} ours
 * @param {number | undefined} goal undefined: no goal
 * @param {string} unit
 */
export function atMost(ours, goal, unit) {
  return goal === undefined ? {} : { goal: `≤ ${Number(goal.toFixed(2))} ${unit}`, met: ours <= goal };
}

/** As many times the peer's, at most. */
export function atMostTimes(/** @type {number} */ ours, /** @type {number} */ times, /** @type {number} */ peer) {
  return { goal: `≤ ${times} ×`, met: ours <= times * peer };
}

/** As many times the peer's, at least. */
export function atLeastTimes(/** @type {number} */ ours, /** @type {number} */ times, /** @type {number} */ peer) {
  return { goal: `≥ ${times} ×`, met: ours >= times * peer };
}

export function atLeast(/** @type {number} */ ours, /** @type {number} */ goal, /** @type {string} */ unit) {
  return { goal: `≥ ${Number(goal.toFixed(2))} ${unit}`, met: ours >= goal };
}

export async function pidFile(/** @type {World} */ world) {
  const bundle = await world.bundle([world.bin('idle')]);
  const root = world.dir();
  const stamp = join(root, '.stamp');
  /** @type {number[]} */
  const took = [];
  for (let i = world.quick ? 40 : 150; i > 0; i--) {
    const container = await world.create({ root, bundle, runtimeArgs: ['--stamp', stamp] });
    await world.start(container);
    const resolvedNs = process.hrtime.bigint();
    // start() may resolve before the runtime has written the time.
    let stampNs = '';
    while (stampNs === '') stampNs = readFileSync(stamp, 'utf8');
    took.push(Number(resolvedNs - BigInt(stampNs)) / 1e6);
    await world.end(container);
  }
  const ours = median(took);
  return [row('pid file visible → start() resolved, p50', { ours, unit: 'ms', ...atMost(ours, 0.4, 'ms') })];
}

/**
 * @param {World} world
 * @param {string} bundle
 * @param {number} width
 * @param {number} count
 */
async function rate(world, bundle, width, count) {
  const root = world.dir();
  /** @type {import('../dist/index.js').Container[]} */
  const containers = [];
  const begin = performance.now();
  await atATime(
    width,
    Array.from({ length: count }, (_, i) => i),
    async () => {
      const container = await world.create({ root, bundle });
      containers.push(container);
      await world.start(container);
    },
  );
  const perSecond = (count / (performance.now() - begin)) * 1000;
  await atATime(16, containers, (container) => world.end(container));
  return perSecond;
}

export async function rates(/** @type {World} */ world) {
  const bundle = await world.bundle([world.bin('idle')]);
  /** @type {number[]} */
  const single = [];
  /** @type {number[]} */
  const wide = [];
  /** @type {number[]} */
  const floor = [];
  const first = await rate(world, bundle, 16, WIDE_ROUND);
  for (let round = WARM_ROUNDS; round > 0; round--) await rate(world, bundle, 16, WIDE_ROUND);
  for (let round = world.quick ? 3 : 7; round > 0; round--) {
    floor.push(...floorMs(world, 32));
    single.push(await rate(world, bundle, 1, 48));
    wide.push(await rate(world, bundle, 16, WIDE_ROUND));
  }
  const bound = (1000 * availableParallelism()) / (EXECS_PER_START * median(floor));
  const one = median(single);
  const many = median(wide);
  const peerName = 'three vfork+exec+wait on every core';
  return [
    row('create() and start(), one after the other', { ours: one, unit: '/s', ...atLeast(one, 300, '/s') }),
    row('create() and start(), 16 at a time', {
      ours: many,
      unit: '/s',
      peer: bound,
      peerName,
      ...atLeastTimes(many, 0.7, bound),
    }),
    row('the same, the first 96 of a program', { ours: first, unit: '/s' }),
  ];
}

export async function rawSpawn(/** @type {World} */ world) {
  const file = world.bin('leave');
  /** @type {number[]} */
  const ours = [];
  /** @type {number[]} */
  const peer = [];
  /** @type {number[]} */
  const floor = [];
  for (let round = world.quick ? 8 : 30; round > 0; round--) {
    floor.push(...floorMs(world, ROUND));
    for (let i = 0; i < ROUND; i++) {
      const begin = performance.now();
      const child = await posix.spawn(file, [], { stdio: [null, null, null] });
      await child.exited;
      ours.push(performance.now() - begin);
    }
    for (let i = 0; i < ROUND; i++) {
      const begin = performance.now();
      await once(spawn(file, { stdio: 'ignore' }), 'exit');
      peer.push(performance.now() - begin);
    }
  }
  const mine = median(ours);
  const goal = atMostTimes(mine, 1.3, median(floor));
  const figure = 'posix.spawn() and exit, p50';
  return [
    row(figure, { ours: mine, unit: 'ms', peer: median(floor), peerName: 'vfork+exec+wait', ...goal }),
    row(figure, { ours: mine, unit: 'ms', peer: median(peer), peerName: 'child_process' }),
  ];
}
