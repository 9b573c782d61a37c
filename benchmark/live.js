/**
 * Thousands of live processes in one supervisor: what a start, a look, a signal and an end cost with few and with many. In rounds:
 * each starts 100 more beside those that are there, looks at all, signals and ends these 100.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Supervisor } from '../dist/index.js';
import { atMost } from './starts.js';
import { longestTurn } from './turn.js';
import { atATime, median, onlyProcess, row } from './world.js';

const FEW = 100;
const ROUNDS = 5;
/** So many to each process, one after the other. */
const SIGNALS = 10;
/** What an operation on one of many may cost, compared with one of few. */
const GOAL = 1.5;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/** @typedef {import('../dist/index.js').Container} Container */

export async function live(/** @type {import('./world.js').World} */ world) {
  const many = world.processes;
  const root = world.dir();
  const bundle = await world.bundle([world.bin('idle')]);
  let supervisor = await Supervisor.open(root);
  const startAll = (/** @type {string[]} */ ids) =>
    atATime(16, ids, async (id) => {
      await world.start(await supervisor.create({ id, bundle, runtime: world.bin('runtime') }));
    });
  const names = (/** @type {number} */ count) => Array.from({ length: count }, () => world.name());
  const endAll = (/** @type {string[]} */ ids) =>
    atATime(16, ids, async (id) => {
      await supervisor.delete(id);
      world.forget(id);
    });

  /** Medians in microseconds of each operation on one process, while so many others are there. */
  async function costs() {
    /** @type {Record<string, number[]>} */
    const took = { start: [], list: [], signal: [], wait: [] };
    const measure = async (
      /** @type {string} */ what,
      /** @type {number} */ count,
      /** @type {() => unknown} */ task,
    ) => {
      const begin = performance.now();
      await task();
      took[what]?.push(((performance.now() - begin) * 1000) / count);
    };
    /** What does not wait, by this program's processor time: other programs do not affect it. */
    const measureNow = (/** @type {string} */ what, /** @type {number} */ count, /** @type {() => void} */ task) => {
      const begin = process.cpuUsage();
      task();
      const { user, system } = process.cpuUsage(begin);
      took[what]?.push((user + system) / count);
    };
    for (let round = 0; round < ROUNDS; round++) {
      const ids = names(FEW);
      await measure('start', ids.length, () => startAll(ids));
      const processes = ids.map((id) => onlyProcess(supervisor.get(id)));
      measureNow('list', supervisor.containers().length, () => {
        for (const container of supervisor.containers()) {
          if (onlyProcess(container).state() !== 'running') throw new Error(`${container.id} does not run`);
        }
      });
      measureNow('signal', SIGNALS * processes.length, () => {
        for (let i = 0; i < SIGNALS; i++) for (const process of processes) process.signal('SIGCONT');
      });
      await measure('wait', processes.length, async () => {
        const exits = processes.map((process) => process.wait());
        for (const process of processes) process.signal('SIGKILL');
        for (const { status } of await Promise.all(exits)) if (status !== 137) throw new Error(`ended with ${status}`);
      });
      await endAll(ids);
    }
    return Object.entries(took).map(([what, times]) => /** @type {const} */ ([what, median(times)]));
  }

  /** Microseconds to bring back each of them, and the longest turn of the loop meanwhile. */
  async function reopen() {
    const live = supervisor.containers().map(({ id }) => id);
    await supervisor[Symbol.asyncDispose]();
    const begin = performance.now();
    const { result, longest } = await longestTurn(() => Supervisor.open(root));
    const us = ((performance.now() - begin) * 1000) / live.length;
    supervisor = result;
    if (supervisor.containers().length !== live.length) throw new Error('some were not brought back');
    for (const id of live) world.adopt(supervisor.get(id));
    return { us, longest };
  }

  // The code that is measured is compiled by then.
  const warm = names(2 * FEW);
  await startAll(warm);
  await endAll(warm);
  await startAll(names(FEW));
  const few = new Map(await costs());
  const fewReopened = await reopen();

  const before = await resources();
  const more = names(many - FEW);
  await startAll(more);
  const after = await resources();
  const each = (/** @type {keyof typeof after} */ what) => (after[what] - before[what]) / more.length;
  const rows = [
    row(`heap of a supervisor for each of ${many}`, { ours: each('heap') / 1024, unit: 'kB' }),
    row('  its resident memory for each', { ours: each('rss') / 1024, unit: 'kB' }),
    row('  its descriptors for each', { ours: each('fds'), unit: '' }),
  ];
  const fewName = `with ${FEW}`;
  for (const [what, ours] of await costs()) {
    const peer = few.get(what) ?? NaN;
    const goal = { goal: `≤ ${GOAL} ×`, met: ours <= GOAL * peer };
    rows.push(row(`${what} of one of ${many} live ones`, { ours, unit: 'µs', peer, peerName: fewName, ...goal }));
  }
  const { us, longest } = await reopen();
  rows.push(
    row(`open, for each of ${many}`, { ours: us, unit: 'µs', peer: fewReopened.us, peerName: fewName }),
    row('  its longest turn', { ours: longest.ms, unit: 'ms', ...atMost(longest.ms, 20, 'ms') }),
    row('  of it garbage collection', { ours: longest.gcMs, unit: 'ms' }),
    row('  of it without a processor', { ours: longest.waitMs, unit: 'ms' }),
  );
  const ids = supervisor.containers().map(({ id }) => id);
  const processes = ids.map((id) => onlyProcess(supervisor.get(id)));
  const exits = processes.map((process) => process.wait());
  for (const process of processes) process.signal('SIGKILL');
  const lastKill = performance.now();
  const wrong = (await Promise.all(exits)).filter(({ status }) => status !== 137).length;
  if (wrong > 0) throw new Error(`${wrong} of ${many} ends were not told as 137`);
  rows.push(row(`exits of all ${many} told after the last kill`, { ours: performance.now() - lastKill, unit: 'ms' }));
  await endAll(ids);
  supervisor.close();
  return rows;
}

async function resources() {
  for (let i = 0; i < 2; i++) {
    collectGarbage();
    await delay(50);
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss, fds: readdirSync('/proc/self/fd').length };
}
