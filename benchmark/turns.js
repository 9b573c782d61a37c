/**
 * How long many operations that begin at once hold the event loop: the longest time between two of its turns. The same
 * operations one after the other would be no measure, since each is short.
 */
import { Container, Supervisor } from '../dist/index.js';
import { atMost } from './starts.js';
import { onlyProcess, row } from './world.js';

/** No turn may be longer. */
const GOAL_MS = 20;

/**
 * The longest time between two turns of the loop while `task` is under way.
 * @template T
 * @param {() => Promise<T>} task
 */
export async function longestTurn(task) {
  let longestMs = 0;
  let last = performance.now();
  let over = false;
  const turn = () => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  const result = await task();
  over = true;
  turn();
  return { longestMs, result };
}

export async function turns(/** @type {import('./world.js').World} */ world) {
  const count = world.quick ? 200 : 500;
  const root = world.dir();
  const bundle = await world.bundle([world.bin('idle')]);
  /** @type {import('./world.js').Row[]} */
  const rows = [];
  /**
   * @template T
   * @param {string} what
   * @param {() => Promise<T>} task
   */
  const measure = async (what, task) => {
    const begin = performance.now();
    const { longestMs, result } = await longestTurn(task);
    const totalMs = performance.now() - begin;
    rows.push(row(`longest turn, ${what}`, { ours: longestMs, unit: 'ms', ...atMost(longestMs, GOAL_MS, 'ms') }));
    rows.push(row('  all of it', { ours: totalMs, unit: 'ms' }));
    return result;
  };
  const create = () => Promise.all(Array.from({ length: count }, () => world.create({ root, bundle })));
  const made = await measure(`${count} creates`, create);
  await measure(`${count} starts`, () => Promise.all(made.map((container) => world.start(container))));
  for (const container of made) container.close();

  const one = () => Promise.all(made.map(({ id }) => Container.load(root, id)));
  for (const container of await measure(`${count} loads`, one)) container.close();
  const all = await measure(`loadAll of ${count}`, () => Container.loadAll(root));
  for (const container of all.containers) container.close();
  const supervisor = await measure(`a supervisor opens ${count}`, () => Supervisor.open(root));
  supervisor.close();

  const { containers } = await Container.loadAll(root);
  for (const container of containers) world.adopt(container);
  const half = containers.slice(0, count / 2);
  const others = containers.slice(count / 2);
  await measure(`${half.length} deletes of running containers`, () =>
    Promise.all(half.map((container) => world.end(container))),
  );
  const exits = others.map((container) => onlyProcess(container).wait());
  const pids = others.map((container) => onlyProcess(container).systemPid);
  await measure(`${others.length} exits`, () => {
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    return Promise.all(exits);
  });
  await measure(`${others.length} deletes of ended containers`, () =>
    Promise.all(others.map((container) => world.end(container))),
  );
  return rows;
}
