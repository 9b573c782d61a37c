/** How long a start blocks the event loop of a program with a 2 GB heap; measured in another process that has such a heap. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { atMost, atMostTimes } from './starts.js';
import { World, median, row, untilInterrupted } from './world.js';

const HEAP_BYTES = 2 * 1024 ** 3;
/** An array of doubles has 80 kB: small enough for ordinary heap pages, which are not backed by huge pages. */
const ARRAY_LENGTH = 10_000;

export async function eventLoop(/** @type {World} */ world) {
  const args = ['--max-old-space-size=6144', import.meta.filename, world.quick ? '15' : '60'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  world.child(child);
  const stdout = await text(child.stdout);
  const { ours, peer, idle, heapBytes } = JSON.parse(stdout);
  const figure = `event loop held by a start, ${(heapBytes / 1e9).toFixed(1)} GB heap, p50 of the longest turn`;
  return [
    row(figure, { ours, unit: 'ms', ...atMost(ours, 0.3, 'ms') }),
    row(figure, { ours, unit: 'ms', peer, peerName: 'child_process', ...atMostTimes(ours, 0.05, peer) }),
    row('the same with nothing to do', { ours: idle, unit: 'ms' }),
  ];
}

/**
 * The longest time between two turns of the loop while `task` is under way.
 * @template T
 * @param {() => Promise<T>} task
 */
async function longestTurnMs(task) {
  let longest = 0;
  let last = performance.now();
  let over = false;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  const result = await task();
  over = true;
  turn();
  return { longest, result };
}

async function measure(/** @type {World} */ world, /** @type {number} */ count, /** @type {number[][]} */ heap) {
  world.compile();
  const bundle = await world.bundle([world.bin('idle')]);
  const root = world.dir();
  /** @type {number[]} */
  const ours = [];
  /** @type {number[]} */
  const peer = [];
  /** @type {number[]} */
  const idle = [];
  for (let i = 0; i < count; i++) {
    const container = await world.create({ root, bundle });
    ours.push((await longestTurnMs(() => world.start(container))).longest);
    await world.end(container);
    const held = await longestTurnMs(async () => {
      const child = spawn(world.bin('idle'), { stdio: 'ignore' });
      await once(child, 'spawn');
      return child;
    });
    peer.push(held.longest);
    const exited = once(held.result, 'exit');
    held.result.kill('SIGKILL');
    await exited;
    idle.push((await longestTurnMs(() => new Promise((resolve) => setTimeout(resolve, 4)))).longest);
  }
  const heapBytes = process.memoryUsage().heapUsed * Math.sign(heap.length);
  return { ours: median(ours), peer: median(peer), idle: median(idle), heapBytes };
}

async function main(/** @type {number} */ count) {
  /** @type {number[][]} */
  const heap = [];
  while (heap.length * ARRAY_LENGTH * 8 < HEAP_BYTES) heap.push(new Array(ARRAY_LENGTH).fill(heap.length + 0.5));
  const world = new World({ quick: true, containers: 0 });
  try {
    console.log(JSON.stringify(await untilInterrupted(measure(world, count, heap))));
  } finally {
    await world.cleanUp();
  }
}

if (process.argv[1] === import.meta.filename) {
  await main(Number(process.argv[2]));
  process.exit();
}
