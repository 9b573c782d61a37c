/**
 * Reading logs that shims have written: as fast as fs.createReadStream() reads a file of the same bytes; a hundred programs that
 * follow one log, and what they cost its shim; a thousand logs that one program follows; and a log with nothing to do.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { readLog } from '../dist/index.js';
import { LogWriter } from '../test/support/log-writer.js';
import { atLeastTimes, atMost } from './starts.js';
import { cpuMs, median, row, shimOf } from './world.js';

/** @typedef {import('./world.js').World} World */

const MB = 1e6;
const LINES = 2_000_000;
const FOLLOWERS = 100;
const LINES_A_SECOND = 1000;
const FOLLOWED_MS = 10_000;
const IDLE_MS = 10_000;

export async function logReaders(/** @type {World} */ world) {
  return [...(await finished(world)), ...(await followers(world)), await manyLogs(world), await idle(world)];
}

/** A process whose stdout goes to a log; it begins at the first byte of stdin. */
async function startLogged(
  /** @type {World} */ world,
  /** @type {string[]} */ args,
  /** @type {import('../dist/index.js').LogOptions} */ log = {},
) {
  const bundle = await world.bundle(['/bin/sh', '-c', 'read x; exec "$@"', 'sh', ...args]);
  const container = await world.create({ root: world.dir(), bundle, runtime: 'host' });
  const process = await world.start(container, { stdio: { stdin: 'pipe', stdout: 'log' }, log });
  return { container, process, shim: await shimOf(process.systemPid) };
}

async function finished(/** @type {World} */ world) {
  const rows = [];
  for (const [name, args] of /** @type {const} */ ([
    ['bulk', [world.bin('writer'), String(256 * MB)]],
    ['lines of 100 bytes', [world.bin('lines'), String(LINES)]],
  ])) {
    const dir = world.dir();
    const { container, process } = await startLogged(world, [...args], { dir, maxBytes: 1024 * MB });
    process.openStdin().end('\n');
    await process.wait();
    await world.end(container);
    const file = join(world.dir(), 'file');
    await pipeline(Readable.from(rawChunks(dir)), createWriteStream(file));
    const [ours, peer] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
    for (let round = world.quick ? 7 : 15; round > 0; round--) {
      ours.push(await rateOf(readLog(dir, { follow: true })));
      peer.push(await streamRate(file));
    }
    for (const path of [dir, file]) rmSync(path, { recursive: true });
    const rate = median(ours);
    const stream = median(peer);
    rows.push(
      row(`a follower of a finished log, ${name}`, {
        ours: rate,
        unit: 'MB/s',
        peer: stream,
        peerName: 'createReadStream',
        ...atLeastTimes(rate, 0.8, stream),
      }),
    );
  }
  return rows;
}

async function* rawChunks(/** @type {string} */ dir) {
  const names = readdirSync(dir).filter((name) => name.endsWith('.raw'));
  for (const name of names.sort()) yield* createReadStream(join(dir, name));
}

async function rateOf(/** @type {AsyncIterable<import('../dist/index.js').OutputItem>} */ items) {
  const beginMs = performance.now();
  let bytes = 0;
  for await (const item of items) if (item.type === 'data') bytes += item.data.length;
  return bytes / MB / ((performance.now() - beginMs) / 1000);
}

/** By events, which is the fastest way to read a stream. */
async function streamRate(/** @type {string} */ file) {
  const beginMs = performance.now();
  let bytes = 0;
  const stream = createReadStream(file).on('data', (chunk) => (bytes += chunk.length));
  await once(stream, 'end');
  return bytes / MB / ((performance.now() - beginMs) / 1000);
}

/** What the followers of one log cost its shim, in percent of a core. */
async function followers(/** @type {World} */ world) {
  const dir = world.dir();
  // It is ended before it has written them all.
  const args = [world.bin('lines'), String(1e9), String(LINES_A_SECOND)];
  const { container, process, shim } = await startLogged(world, args, { dir });
  process.openStdin().end('\n');
  const alone = await percentOf(shim);
  const programs = Array.from({ length: FOLLOWERS }, () => {
    const child = fork(join(import.meta.dirname, 'log-follower.js'), [dir], { stdio: ['ignore', 'ignore', 2, 'ipc'] });
    world.child(child);
    return child;
  });
  await Promise.all(programs.map((child) => once(child, 'message')));
  const followed = await percentOf(shim);
  const exits = programs.map((child) => once(child, 'exit'));
  for (const child of programs) child.kill('SIGKILL');
  await Promise.all(exits);
  await world.end(container);
  const what = `${FOLLOWERS} programs follow ${LINES_A_SECOND.toLocaleString('en')} lines a second: the shim's CPU`;
  return [
    row(what, { ours: followed, unit: '%', peer: alone, peerName: 'without followers', ...atMost(followed, 5, '%') }),
  ];
}

async function percentOf(/** @type {number} */ pid) {
  const before = cpuMs(pid);
  const beginMs = performance.now();
  await delay(FOLLOWED_MS);
  return ((cpuMs(pid) - before) / (performance.now() - beginMs)) * 100;
}

/** A thousand logs, each followed; a line to each of them ten times. */
async function manyLogs(/** @type {World} */ world) {
  const count = world.quick ? 200 : 1000;
  const writers = Array.from({ length: count }, () => {
    const path = join(world.dir(), 'log');
    return { path, writer: new LogWriter(path) };
  });
  let lines = 0;
  const ends = writers.map(async ({ path }) => {
    for await (const item of readLog(path, { follow: true })) if (item.type === 'data') lines++;
  });
  await delay(500);
  const turns = monitorEventLoopDelay({ resolution: 1 });
  turns.enable();
  for (let round = 1; round <= 10; round++) {
    // The writers would be other processes, and a turn of the followers' loop has little of theirs: so a few in each.
    for (const [i, { writer }] of writers.entries()) {
      writer.write('stdout', `line ${round}\n`);
      if (i % 10 === 9) await delay(0);
    }
    while (lines < count * round) await delay(1);
  }
  turns.disable();
  for (const { writer } of writers) {
    writer.end(0);
    writer.close();
  }
  await Promise.all(ends);
  const ours = turns.percentile(99.9) / MB;
  return row(`${count} logs followed by one program: 99.9 % of its turns`, {
    ours,
    unit: 'ms',
    ...atMost(ours, 20, 'ms'),
  });
}

/** How often a shim with a log wakes up when nothing happens. */
async function idle(/** @type {World} */ world) {
  const { container, process, shim } = await startLogged(world, [world.bin('idle')]);
  process.openStdin().write('\n');
  await delay(1000);
  const switches = () => {
    const status = readFileSync(`/proc/${shim}/status`, 'utf8');
    return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
  };
  const before = switches();
  await delay(IDLE_MS);
  const ours = switches() - before;
  await world.end(container);
  return row('wake-ups of a shim with a log in 10 idle seconds', { ours, unit: '', ...atMost(ours, 0, '') });
}
