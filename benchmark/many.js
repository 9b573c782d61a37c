/** Many at once: what each costs the library, processor time while nothing happens, re-attach, and all exits told. */
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Container } from '../dist/index.js';
import { atMost } from './starts.js';
import { atATime, cpuMs, onlyProcess, row, shimOf } from './world.js';

const IDLE_MS = 2000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

async function resources() {
  // Twice, with a turn between them for what finalizers free.
  for (let i = 0; i < 2; i++) {
    collectGarbage();
    await delay(50);
  }
  return { heap: process.memoryUsage().heapUsed, fds: readdirSync('/proc/self/fd').length };
}

function cpuOfAll(/** @type {number[]} */ pids) {
  return pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
}

async function idleCpu(/** @type {number[]} */ shims) {
  const shimsBefore = cpuOfAll(shims);
  const nodeBefore = process.cpuUsage();
  await delay(IDLE_MS);
  const { user, system } = process.cpuUsage(nodeBefore);
  return { shimMs: cpuOfAll(shims) - shimsBefore, nodeMs: (user + system) / 1000 };
}

/** Re-attaches a quarter one by one, then all: the same time for each when it is linear. */
async function reattach(/** @type {string} */ root, /** @type {string[]} */ ids) {
  const quarter = ids.slice(0, ids.length / 4);
  const begin = performance.now();
  for (const id of quarter) (await Container.load(root, id)).close();
  const quarterMs = performance.now() - begin;
  const beginAll = performance.now();
  const { containers, failures } = await Container.loadAll(root);
  const allMs = performance.now() - beginAll;
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  return { containers, allMs, growth: allMs / (4 * quarterMs) };
}

export async function many(/** @type {import('./world.js').World} */ world) {
  const count = world.quick ? 500 : 2000;
  const root = world.dir();
  const bundle = await world.bundle([world.bin('idle')]);
  const warmUp = await world.create({ root, bundle });
  await world.start(warmUp);
  await world.end(warmUp);
  const before = await resources();
  /** @type {Container[]} */
  const started = [];
  await atATime(16, Array.from({ length: count }), async () => {
    const container = await world.create({ root, bundle });
    await world.start(container);
    started.push(container);
  });
  if (started.length !== count) throw new Error(`${started.length} of ${count} were started`);
  const after = await resources();
  const heapKb = (after.heap - before.heap) / count / 1024;
  const fds = (after.fds - before.fds) / count;
  /** @type {number[]} */
  const shims = [];
  for (const container of started) shims.push(await shimOf(onlyProcess(container).systemPid));
  const { shimMs, nodeMs } = await idleCpu(shims);

  const ids = started.map((container) => container.id);
  for (const container of started) container.close();
  const { containers, allMs, growth } = await reattach(root, ids);
  for (const container of containers) world.adopt(container);

  const processes = containers.map(onlyProcess);
  const exits = processes.map((process) => process.wait());
  for (const process of processes) process.signal('SIGKILL');
  const lastKill = performance.now();
  const ended = await Promise.all(exits);
  const toldMs = performance.now() - lastKill;
  const wrong = ended.filter((exit) => exit.status !== 137).length;
  if (wrong > 0) throw new Error(`${wrong} of ${count} exits were not told as 137`);
  await atATime(16, containers, (container) => world.end(container));

  const scaled = count / 2000;
  return [
    row(`library heap for each of ${count}`, { ours: heapKb, unit: 'kB', ...atMost(heapKb, 4, 'kB') }),
    row(`library descriptors for each of ${count}`, { ours: fds, unit: '', ...atMost(fds, 1.01, '') }),
    row(`idle CPU of ${count} shims in ${IDLE_MS / 1000} s`, { ours: shimMs, unit: 'ms', ...atMost(shimMs, 0, 'ms') }),
    row(`idle CPU of their supervisor in ${IDLE_MS / 1000} s`, { ours: nodeMs, unit: 'ms' }),
    row(`exits of all ${count} told after the last kill`, { ours: toldMs, unit: 'ms', ...atMost(toldMs, 1000, 'ms') }),
    row(`re-attach of ${count}`, { ours: allMs, unit: 'ms', ...atMost(allMs, 200 * scaled, 'ms') }),
    row('  its growth from a quarter to all (1 is linear)', { ours: growth, unit: '×' }),
  ];
}
