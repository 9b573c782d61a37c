/**
 * Reading a log beside reading its raw file: MB/s of readLog() and of fs.createReadStream() on a finished file of 256 MB, and
 * the longest turn of the event loop while 1,000 logs are followed. Usage: node benchmark/log-reader.js [rounds]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { readLog } from '../dist/index.js';
import { LogWriter, fileName } from '../test/support/log-writer.js';

const MB = 1e6;
const BYTES = 256 * MB;
const rounds = Number(process.argv[2] ?? 15);
const dir = mkdtempSync(join(tmpdir(), 'outlive-log-'));

/** @param {number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** A finished log in one segment, with a record for each `chunk` bytes. */
function makeLog(/** @type {string} */ name, /** @type {number} */ chunk, bytes = BYTES) {
  const path = join(dir, name);
  const writer = new LogWriter(path);
  const data = Buffer.alloc(chunk, 'x'.repeat(99) + '\n');
  for (let at = 0; at < bytes; at += chunk) writer.write('stdout', data);
  writer.end(0);
  writer.close();
  return path;
}

/** MB/s of an iteration over things with bytes. */
async function rate(/** @type {() => AsyncIterable<any>} */ open) {
  const begin = performance.now();
  let bytes = 0;
  for await (const item of open()) bytes += (item.data ?? item).length ?? 0;
  return bytes / MB / ((performance.now() - begin) / 1000);
}

/** The same by events, which is the fastest way to read a stream. */
async function eventRate(/** @type {string} */ file) {
  const begin = performance.now();
  let bytes = 0;
  await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
    createReadStream(file)
      .on('data', (chunk) => (bytes += chunk.length))
      .on('end', () => resolve());
  });
  return bytes / MB / ((performance.now() - begin) / 1000);
}

async function compare(/** @type {string} */ what, /** @type {string} */ log) {
  const file = join(log, fileName(0, 'raw'));
  /** @type {Record<'readLog' | 'forAwait' | 'events', number[]>} */
  const rates = { readLog: [], forAwait: [], events: [] };
  for (let i = 0; i < rounds; i++) {
    rates.readLog.push(await rate(() => readLog(log, { follow: true })));
    rates.forAwait.push(await rate(() => createReadStream(file)));
    rates.events.push(await eventRate(file));
  }
  const [mine, stream, events] = [rates.readLog, rates.forAwait, rates.events].map(median);
  const ratio = ((mine ?? 0) / (events ?? 1)).toFixed(2);
  console.log(
    `${what}: readLog ${mine?.toFixed(0)} MB/s, createReadStream ${events?.toFixed(0)} (events), ` +
      `${stream?.toFixed(0)} (for await): ${ratio} x, wanted >= 0.8 x`,
  );
}

/** 1,000 logs, each followed; a line to each of them ten times. */
async function many(count = 1000) {
  const writers = Array.from({ length: count }, (_, i) => ({
    path: join(dir, `many-${i}`),
    writer: new LogWriter(join(dir, `many-${i}`)),
  }));
  let lines = 0;
  const followers = writers.map(async ({ path }) => {
    for await (const item of readLog(path, { follow: true })) if (item.type === 'data') lines++;
  });
  await delay(500);
  const turns = monitorEventLoopDelay({ resolution: 1 });
  turns.enable();
  for (let round = 0; round < 10; round++) {
    // The writers would be other processes: a few each turn.
    for (let i = 0; i < count; i++) {
      writers[i]?.writer.write('stdout', `line ${round}\n`);
      if (i % 50 === 49) await delay(0);
    }
    while (lines < count * (round + 1)) await delay(1);
  }
  turns.disable();
  for (const { writer } of writers) writer.close();
  await Promise.all(followers);
  console.log(
    `${count} logs followed, ${lines} lines: turns p99 ${(turns.percentile(99) / MB).toFixed(1)} ms, ` +
      `longest ${(turns.max / MB).toFixed(1)} ms, wanted < 20 ms`,
  );
}

try {
  await compare('bulk, a record each 64 KiB', makeLog('bulk', 64 * 1024));
  await compare('bulk, a record each 1 MiB', makeLog('large', 1024 * 1024));
  await compare('lines of 100 bytes, a record each 30 lines', makeLog('lines', 3000));
  await many();
} finally {
  rmSync(dir, { recursive: true });
}
