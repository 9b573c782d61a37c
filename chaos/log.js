/**
 * A job that prints much more than its log keeps, with two followers: every byte that they get is right, and every byte that they
 * do not get is counted in a gap. One follower reads as fast as it can; the other one pauses, so that it falls behind.
 *
 *     node chaos/log.js [--bytes 10e9] [--max-bytes 16777216]
 *
 * Prints one line of JSON. Exits with 1 if anything was wrong. The bytes are blocks of 4096: the block's number, and a body that
 * is always the same, so that any byte is known from its position.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Container, readLog, writeHostBundle } from '../dist/index.js';

const SELF = fileURLToPath(import.meta.url);
const BLOCK = 4096;
const CHUNK = 16 * BLOCK;

/** A buffer of so many blocks, and the number of the first one. */
class Blocks {
  constructor(/** @type {number} */ count) {
    this.count = count;
    this.buffer = Buffer.alloc(count * BLOCK);
    for (let at = 0; at < this.buffer.length; at++) this.buffer[at] = (Math.imul(at % BLOCK, 2654435761) >>> 13) & 0xff;
  }

  from(/** @type {number} */ first) {
    for (let i = 0; i < this.count; i++) this.buffer.writeUIntBE(first + i, i * BLOCK, 6);
    return this.buffer;
  }
}

/** The job: prints so many bytes. */
function print(/** @type {number} */ bytes) {
  const blocks = new Blocks(CHUNK / BLOCK);
  for (let at = 0; at < bytes; at += CHUNK) {
    const chunk = blocks.from(at / BLOCK).subarray(0, bytes - at);
    for (let done = 0; done < chunk.length;) done += writeSync(1, chunk, done);
  }
}

/** A follower: reads to the end, and tells its starter what it got. With `pauseMs`, it pauses at every 16 MB. */
async function follow(/** @type {string} */ dir, /** @type {number} */ pauseMs) {
  // An item may begin within a block, and has 64 KiB at most.
  const blocks = new Blocks(65_536 / BLOCK + 1);
  const told = { position: 0, bytes: 0, gaps: 0, missing: 0, wrong: 0, status: -1 };
  let nextPause = 16e6;
  process.send?.('ready');
  for await (const item of readLog(dir, { follow: true })) {
    if (item.type === 'gap') {
      told.gaps++;
      told.missing += item.bytes;
      told.position += item.bytes;
    } else if (item.type === 'data') {
      const offset = told.position % BLOCK;
      const expected = blocks.from((told.position - offset) / BLOCK).subarray(offset, offset + item.data.length);
      if (item.stream !== 'stdout' || !item.data.equals(expected)) told.wrong++;
      told.bytes += item.data.length;
      told.position += item.data.length;
    } else if (item.type === 'end') {
      told.status = item.status;
    }
    if (pauseMs > 0 && told.position >= nextPause) {
      await delay(pauseMs);
      nextPause = told.position + 16e6;
    }
  }
  process.send?.(told);
  process.disconnect();
}

/** What all files of the log have together, or less if some go meanwhile. */
function sizeOf(/** @type {string} */ dir) {
  const names = readdirSync(dir).filter((name) => /^\d/.test(name));
  // Newest first: what is made meanwhile is not counted.
  const sizes = names
    .sort()
    .reverse()
    .map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function main() {
  const { values } = parseArgs({
    options: { bytes: { type: 'string', default: '10e9' }, 'max-bytes': { type: 'string', default: '16777216' } },
  });
  const [bytes, maxBytes] = [Number(values.bytes), Number(values['max-bytes'])];
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'outlive-log-')));
  try {
    const root = join(dir, 'state');
    mkdirSync(root, { mode: 0o700 });
    const bundleDir = join(dir, 'bundle');
    mkdirSync(bundleDir);
    // It begins when the followers are there.
    const begin = 'read x; exec "$@"';
    const args = ['/bin/sh', '-c', begin, 'sh', process.execPath, SELF, 'print', String(bytes)];
    const bundle = await writeHostBundle(bundleDir, { args });
    const container = await Container.create({ root, id: `outlive-log-${process.pid}`, bundle });
    try {
      const job = await container.start({ stdio: { stdin: 'pipe', stdout: 'log' }, log: { maxBytes } });
      const log = job.stdio.stdout;
      const followers = [0, 50].map((pauseMs) => fork(SELF, ['follow', log, String(pauseMs)]));
      const results = followers.map(() => /** @type {any} */ ({}));
      followers.forEach((follower, i) => follower.on('message', (told) => (results[i] = told)));
      const left = Promise.all(followers.map((follower) => once(follower, 'exit')));
      await Promise.all(followers.map((follower) => once(follower, 'message')));
      const began = performance.now();
      job.openStdin().end('\n');
      let largest = 0;
      const timer = setInterval(() => (largest = Math.max(largest, sizeOf(log))), 20);
      const exit = await job.wait();
      clearInterval(timer);
      const jobSeconds = (performance.now() - began) / 1000;
      await left;
      const isRight = (/** @type {any} */ one) =>
        one.position === bytes && one.bytes + one.missing === bytes && one.wrong === 0 && one.status === 0;
      const isWell = exit.status === 0 && largest <= maxBytes && results.every(isRight);
      const seconds = (performance.now() - began) / 1000;
      console.log(JSON.stringify({ isWell, bytes, maxBytes, largest, jobSeconds, seconds, followers: results }));
      process.exitCode = isWell ? 0 : 1;
    } finally {
      await container.delete();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const [mode, first = '', second = ''] = process.argv.slice(2);
if (mode === 'print') print(Number(first));
else if (mode === 'follow') await follow(first, Number(second));
else await main();
