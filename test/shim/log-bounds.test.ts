/** The log's limits, and a shim that is killed while it writes: never too large, every byte there or in a gap. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Exit, Process } from '../../src/index.js';
import { shimPid } from '../support/fake-runtime.js';
import { readLogFiles, readSegments } from '../support/log-files.js';
import { hasWriter, startLogged } from '../support/log-shim.js';
import { isGone } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';

/** A script that prints lines of 100 bytes, which begin with their number. */
const lines = (count: number): string =>
  `i=0; while [ $i -lt ${count} ]; do printf "%08d %090d\\n" $i 0; i=$((i+1)); done`;

/** What `lines` prints from this byte on. */
function expected(from: number, to: number): string {
  const all: string[] = [];
  for (let i = Math.floor(from / 100); i < Math.ceil(to / 100); i++)
    all.push(`${String(i).padStart(8, '0')} ${'0'.repeat(90)}\n`);
  return all.join('').slice(from % 100, (from % 100) + to - from);
}

/**
 * The size of all files, or less. Newest first: by then an older one can only have gone, and nothing is counted that came
 * after the first look.
 */
function sizeOf(log: string): number {
  const names = readdirSync(log).filter((name) => /^\d/.test(name));
  return names
    .sort()
    .reverse()
    .reduce((sum, name) => sum + (statSync(join(log, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** The largest size that the log has until the process ends. */
async function watchSize(process: Process, log: string): Promise<{ largest: number; exit: Exit }> {
  let largest = 0;
  const end = process.wait();
  while (!process.hasEnded) {
    largest = Math.max(largest, sizeOf(log));
    await new Promise(setImmediate);
  }
  // It may have ended before the first look.
  largest = Math.max(largest, sizeOf(log));
  return { largest, exit: await end };
}

test('a log never has more than maxBytes, and holds the newest bytes', async ({ scratch }) => {
  const [maxBytes, segmentBytes] = [40_000, 5000];
  const { process, log, ended } = await startLogged(scratch, lines(20_000), { maxBytes, segmentBytes });
  const { largest, exit } = await watchSize(process, log);
  expect(exit).toMatchObject({ status: 0 });
  const { stdout, gaps, position } = await ended();
  expect([largest <= maxBytes, sizeOf(log) <= maxBytes]).toEqual([true, true]);
  expect(largest).toBeGreaterThan(maxBytes - segmentBytes);
  const segments = readSegments(log);
  for (const { size } of segments) expect(size).toBeLessThanOrEqual(segmentBytes);
  expect(sizeOf(log)).toBeGreaterThan(maxBytes - segmentBytes - 64);
  expect([position, gaps]).toEqual([2_000_000, [segments[0]?.start]]);
  expect(stdout).toBe(expected(segments[0]?.start ?? 0, position));
});

test('many small writes to both streams in turn: the index counts, too', async ({ scratch }) => {
  const [maxBytes, segmentBytes] = [16_384, 4096];
  const script = 'i=0; while [ $i -lt 6000 ]; do echo; echo >&2; i=$((i+1)); done';
  const { process, log, ended } = await startLogged(scratch, script, { maxBytes, segmentBytes });
  const { largest } = await watchSize(process, log);
  const { stdout, stderr, gaps, position } = await ended();
  expect(largest).toBeLessThanOrEqual(maxBytes);
  expect(position).toBe(12_000);
  expect(stdout.length + stderr.length + gaps.reduce((sum, gap) => sum + gap, 0)).toBe(12_000);
  expect(`${stdout}${stderr}`).toMatch(/^\n+$/);
  for (const { size } of readSegments(log)) expect(size).toBeLessThanOrEqual(segmentBytes);
});

test('a write larger than a segment is divided', async ({ scratch }) => {
  const script = `${lines(5000)} | dd bs=1M iflag=fullblock 2>/dev/null`;
  const { process, log, ended } = await startLogged(scratch, script, { maxBytes: 1 << 20, segmentBytes: 4096 });
  expect(await process.wait()).toMatchObject({ status: 0 });
  const { stdout, gaps } = await ended();
  expect([stdout, gaps]).toEqual([expected(0, 500_000), []]);
  const segments = readSegments(log);
  expect(segments.length).toBe(Math.ceil(500_000 / (4096 - 32)));
  for (const { size } of segments.slice(0, -1)) expect(size).toBe(4096);
});

test('a record is at most one a millisecond for each stream', async ({ scratch }) => {
  const begin = performance.now();
  const { process, log, ended } = await startLogged(scratch, lines(3000));
  await process.wait();
  const { stdout } = await ended();
  expect(stdout).toBe(expected(0, 300_000));
  const records = readSegments(log).flatMap((segment) => segment.records.slice(1));
  expect(records.length).toBeLessThan(performance.now() - begin + 2);
  const times = records.map(({ timeUs }) => timeUs);
  times
    .slice(1)
    .forEach((time, i) => expect(time - (times[i] ?? 0)).toBeGreaterThanOrEqual(records[i + 1]?.kind === 4 ? 0 : 1000));
});

test('a shim that is killed at any instant leaves whole records, and every byte has one', async ({ scratch }) => {
  const setup = { maxBytes: 40_000, segmentBytes: 5000 };
  for (let round = 0; round < 12; round++) {
    const { dir, log, read } = await startLogged(scratch, lines(1_000_000), setup);
    const shim = shimPid(dir);
    await until('it is well under way', () => readLogFiles(log).position > 50_000 * (round % 3));
    // The instant: busy for another part of a millisecond each time.
    for (const from = performance.now(); performance.now() < from + round * 0.37;);
    globalThis.process.kill(shim, 'SIGKILL');
    await until('its death', () => isGone(shim));
    const { stdout, end, position } = read();
    expect([end, hasWriter(log)]).toEqual([undefined, false]);
    // No gap after the oldest byte. Before it may be a segment that was about to go: its raw file is empty.
    expect(stdout).toBe(expected(position - stdout.length, position));
    expect(stdout.length).toBeGreaterThan(0);
    expect(sizeOf(log)).toBeLessThanOrEqual(setup.maxBytes);
  }
});
