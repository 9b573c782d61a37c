/** Output: through a FIFO beside child_process's pipe and a raw 1 MiB pipe, and a terminal's beside a raw pty read. */
import { execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { makeStdioFifos } from '../dist/index.js';
import { loadNodePty } from './peers.js';
import { atLeastTimes, atMost, atMostTimes } from './starts.js';
import { cpuMs, median, shimOf, row } from './world.js';

const MB = 1e6;

/** @typedef {import('./world.js').World} World */
/** @typedef {{ rate: number, nodeMs: number }} Run */
/** @typedef {Run & { shimMs: number }} SupervisedRun */

function nodeCpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Reads `bytes` of a stream; `onProgress` is called a few times in the first half, while the writer surely runs.
 * @param {EventEmitter & { destroy: () => unknown }} stream
 * @param {number} bytes
 * @param {() => void} onProgress
 */
async function readAll(stream, bytes, onProgress = () => undefined) {
  let left = bytes;
  let nextReport = bytes;
  await new Promise((/** @type {(value?: undefined) => void} */ resolve, reject) => {
    stream.on('data', (/** @type {{ length: number }} */ chunk) => {
      left -= chunk.length;
      if (left < nextReport && left > bytes / 2) {
        nextReport -= bytes / 16;
        onProgress();
      }
      if (left <= 0) resolve();
    });
    stream.on('error', reject);
    stream.on('end', () => reject(new Error(`the output ended ${left} bytes early`)));
  });
  stream.destroy();
}

/**
 * The same with `onread`.
 * @param {import('../dist/index.js').Process} writer
 * @param {number} bytes
 * @param {() => void} onProgress
 */
async function takeAll(writer, bytes, onProgress) {
  const events = new EventEmitter();
  const callback = (/** @type {number} */ size) => events.emit('data', { length: size });
  const stream = writer.openStdout({ onread: { buffer: Buffer.alloc(256 * 1024), callback } });
  const counter = Object.assign(events, { destroy: () => stream.destroy() });
  for (const event of ['error', 'end']) stream.on(event, (value) => counter.emit(event, value));
  await readAll(counter, bytes, onProgress);
}

/** The shim's processor time once it has done its work after a start. Meanwhile the writer fills the pipe and waits. */
async function settledCpuMs(/** @type {number} */ shim) {
  for (let last = cpuMs(shim); ;) {
    await delay(20);
    const now = cpuMs(shim);
    if (now === last) return now;
    last = now;
  }
}

/**
 * @param {World} world
 * @param {string} bundle
 * @param {number} bytes
 * @param {{ terminal: boolean, runtime?: string, onread?: boolean }} options
 * @returns {Promise<SupervisedRun>} MB/s, and milliseconds of processor time in Node and in the shim (twice that of the
 * first half).
 */
async function supervised(world, bundle, bytes, { terminal, runtime, onread = false }) {
  const container = await world.create({ root: world.dir(), bundle, ...(runtime && { runtime }) });
  const writer = await world.start(container, { stdio: makeStdioFifos(world.dir(), { terminal }) });
  const shim = await shimOf(writer.systemPid);
  const shimBefore = await settledCpuMs(shim);
  let shimAfter = shimBefore;
  const sample = () => {
    shimAfter = cpuMs(shim);
  };
  const nodeBefore = nodeCpuMs();
  const begin = performance.now();
  if (onread) await takeAll(writer, bytes, sample);
  else await readAll(writer.openStdout(), bytes, sample);
  const tookMs = performance.now() - begin;
  const nodeMs = nodeCpuMs() - nodeBefore;
  await writer.wait();
  await world.end(container);
  return { rate: rateOf(bytes, tookMs), nodeMs, shimMs: 2 * (shimAfter - shimBefore) };
}

function rateOf(/** @type {number} */ bytes, /** @type {number} */ ms) {
  return bytes / MB / (ms / 1000);
}

async function childProcess(/** @type {World} */ world, /** @type {number} */ bytes) {
  const begin = performance.now();
  const nodeBefore = nodeCpuMs();
  const child = spawn(world.bin('writer'), [String(bytes)], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  await readAll(child.stdout, bytes);
  const tookMs = performance.now() - begin;
  await exited;
  return { rate: rateOf(bytes, tookMs), nodeMs: nodeCpuMs() - nodeBefore };
}

/**
 * node-pty, its output as Buffers: as text it would be decoded too. It ends with the process: the last of it may be lost.
 * @param {any} pty the module
 * @param {World} world
 * @param {number} bytes
 */
async function nodePty(pty, world, bytes) {
  const begin = performance.now();
  const nodeBefore = nodeCpuMs();
  const child = pty.spawn(world.bin('writer'), [String(bytes)], { cols: 80, rows: 24, encoding: null });
  let taken = 0;
  child.onData((/** @type {Buffer} */ chunk) => {
    taken += chunk.length;
  });
  await new Promise((resolve) => child.onExit(resolve));
  return { rate: rateOf(taken, performance.now() - begin), nodeMs: nodeCpuMs() - nodeBefore };
}

function floor(/** @type {World} */ world, /** @type {string} */ name, /** @type {number} */ bytes) {
  const out = execFileSync(world.bin(name), [world.bin('writer'), String(bytes)], { encoding: 'utf8' });
  return rateOf(bytes, Number(out.split(' ')[0]) / 1e6);
}

const rates = (/** @type {Run[]} */ runs) => median(runs.map((run) => run.rate));

export async function stdout(/** @type {World} */ world) {
  const bytes = (world.quick ? 256 : 1024) * MB;
  const bundle = await world.bundle([world.bin('writer'), String(bytes)]);
  /** @type {SupervisedRun[]} */
  const ours = [];
  /** @type {SupervisedRun[]} */
  const taken = [];
  /** @type {Run[]} */
  const peer = [];
  /** @type {number[]} */
  const raw = [];
  for (let round = world.quick ? 3 : 7; round > 0; round--) {
    raw.push(floor(world, 'pipe', bytes));
    taken.push(await supervised(world, bundle, bytes, { terminal: false, onread: true }));
    ours.push(await supervised(world, bundle, bytes, { terminal: false }));
    peer.push(await childProcess(world, bytes));
  }
  const figure = 'stdout without a terminal';
  const mine = { ours: rates(ours), unit: 'MB/s' };
  const shimMs = median([...ours, ...taken].map((run) => run.shimMs));
  const floorRow = (/** @type {string} */ name, /** @type {Run[]} */ runs, /** @type {number} */ times) => {
    const rate = rates(runs);
    const goal = atLeastTimes(rate, times, median(raw));
    return row(name, { ours: rate, unit: 'MB/s', peer: median(raw), peerName: 'raw 1 MiB pipe', ...goal });
  };
  return [
    floorRow(`${figure}, read with onread`, taken, 1.15),
    floorRow(`${figure}, as a stream of chunks`, ours, 0.9),
    row(`${figure}, as a stream of chunks`, { ...mine, peer: rates(peer), peerName: 'child_process' }),
    row(`  the shim's CPU meanwhile`, { ours: shimMs, unit: 'ms', ...atMost(shimMs, 0, 'ms') }),
  ];
}

export async function terminal(/** @type {World} */ world) {
  const bytes = (world.quick ? 16 : 64) * MB;
  const bundle = await world.bundle([world.bin('writer'), String(bytes)], { terminal: true });
  /** @type {SupervisedRun[]} */
  const ours = [];
  /** @type {number[]} */
  const raw = [];
  /** @type {Run[]} */
  const peer = [];
  const pty = loadNodePty();
  for (let round = world.quick ? 3 : 7; round > 0; round--) {
    raw.push(floor(world, 'pty', bytes));
    ours.push(await supervised(world, bundle, bytes, { terminal: true, runtime: 'host' }));
    if (pty !== undefined) peer.push(await nodePty(pty, world, bytes));
  }
  const mine = rates(ours);
  const perGb = (/** @type {number[]} */ ms) => (median(ms) / bytes) * 1e9;
  const nodeMs = perGb(ours.map((run) => run.nodeMs));
  const ptyMs = pty === undefined ? undefined : perGb(peer.map((run) => run.nodeMs));
  const half = ptyMs === undefined ? {} : { peer: ptyMs, peerName: 'node-pty', ...atMostTimes(nodeMs, 0.5, ptyMs) };
  return [
    row('terminal output', {
      ours: mine,
      unit: 'MB/s',
      peer: median(raw),
      peerName: 'raw pty read',
      ...atLeastTimes(mine, 0.85, median(raw)),
    }),
    ...(pty === undefined
      ? []
      : [
          row('terminal output', {
            ours: mine,
            unit: 'MB/s',
            peer: rates(peer),
            peerName: 'node-pty',
            ...atLeastTimes(mine, 1.2, rates(peer)),
          }),
        ]),
    row(`  Node's CPU for 1 GB of it`, { ours: nodeMs, unit: 'ms', ...half }),
    row(`  the shim's CPU for 1 GB of it`, { ours: perGb(ours.map((run) => run.shimMs)), unit: 'ms' }),
  ];
}
