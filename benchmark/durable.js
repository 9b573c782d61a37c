/** What `durable` costs: create, start and the end with it and without, in turns, on a disk and on tmpfs. */
import { median, row } from './world.js';

/** @typedef {import('./world.js').World} World */

const STEPS = /** @type {const} */ ({ create: 'create()', start: 'start()', exit: 'kill → exit known' });

/** @typedef {Record<keyof typeof STEPS, number>} Times in milliseconds */

async function once(/** @type {World} */ world, /** @type {Parameters<World['create']>[0]} */ options) {
  /** @type {Times} */
  const took = { create: 0, start: 0, exit: 0 };
  const timed = async (/** @type {keyof Times} */ step, /** @type {() => Promise<any>} */ run) => {
    const begin = performance.now();
    const result = await run();
    took[step] = performance.now() - begin;
    return result;
  };
  const container = await timed('create', () => world.create(options));
  const process = await timed('start', () => world.start(container));
  await timed('exit', () => {
    const end = process.wait();
    process.signal('SIGKILL');
    return end;
  });
  await world.end(container);
  return took;
}

export async function durable(/** @type {World} */ world) {
  const bundle = await world.bundle([world.bin('idle')]);
  const rows = [];
  for (const [place, parent] of /** @type {const} */ ([
    ['disk', world.disk],
    ['tmpfs', world.tmpfs],
  ])) {
    const root = world.dir(parent);
    /** @type {Times[]} */
    const ours = [];
    /** @type {Times[]} */
    const plain = [];
    for (let round = world.quick ? 40 : 150; round > 0; round--) {
      const options = { root, bundle, runtime: 'host' };
      ours.push(await once(world, { ...options, durable: true }));
      plain.push(await once(world, options));
    }
    for (const [step, figure] of /** @type {[keyof Times, string][]} */ (Object.entries(STEPS))) {
      const of = (/** @type {Times[]} */ all) => median(all.map((took) => took[step]));
      const peer = { peer: of(plain), peerName: 'without' };
      rows.push(row(`${figure}, p50: host runtime, ${place}, durable`, { ours: of(ours), unit: 'ms', ...peer }));
    }
  }
  return rows;
}
