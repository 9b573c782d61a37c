/** A log that cannot be written: the process runs on, its end is known, what is lost is counted, and the log goes on. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { posix } from '../../src/index.js';
import { shimPid } from '../support/fake-runtime.js';
import { readLogFiles, readSegments } from '../support/log-files.js';
import { type Logged, type LogSetup, startLogged } from '../support/log-shim.js';
import { descriptorsOf, isGone, statOf } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, succeeds, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

/** The script `cat`, with stdin as a stream: what is typed is its output. */
async function startCat(
  scratch: Scratch,
  setup: LogSetup,
): Promise<Logged & { type: (text: string) => Promise<void>; close: () => void }> {
  const started = await startLogged(scratch, 'exec cat', setup, { stdin: scratch.fifos().stdin });
  const { process, dir } = started;
  const stdin = process.openStdin();
  const shim = shimPid(dir);
  const type = async (text: string): Promise<void> => {
    await new Promise((done) => stdin.write(text, done));
    await until('the shim has read the output', () => isIdle(process.systemPid, shim, process.stdio.stdin));
  };
  return { ...started, type, close: () => void stdin.end(() => process.closeStdin()) };
}

/** Whether nothing is in the FIFO and the pipes between the test, `cat` and the shim, and both sleep. */
function isIdle(cat: number, shim: number, fifo: string): boolean {
  const empty = (path: string): boolean => {
    const fd = posix.open(path, 0o4000);
    try {
      return posix.bytesReadable(fd) === 0;
    } finally {
      posix.close(fd);
    }
  };
  const pipes = Object.entries(descriptorsOf(cat)).filter(([, to]) => to.startsWith('pipe:'));
  const isEmpty = (): boolean => [fifo, ...pipes.map(([fd]) => `/proc/${cat}/fd/${fd}`)].every(empty);
  return isEmpty() && statOf(cat)?.state === 'S' && isEmpty() && statOf(shim)?.state === 'S';
}

const run = (...args: string[]): void => void execFileSync(args[0] ?? '', args.slice(1), { stdio: 'ignore' });
const mayMount = isRoot && succeeds('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']);

describe.runIf(wantRight('root, to mount a tmpfs', mayMount))('a small disk', () => {
  /** An empty directory for a log on a tmpfs of this size. */
  function smallDisk(scratch: Scratch, size: string): string {
    const dir = scratch.mkdir('disk');
    run('mount', '-t', 'tmpfs', '-o', `size=${size},mode=700`, 'outlive-test', dir);
    scratch.atEnd(async () => {
      await Promise.resolve();
      run('umount', '-l', dir);
    });
    const log = join(dir, 'log');
    mkdirSync(log, { mode: 0o700 });
    return log;
  }

  test('smaller than maxBytes: the oldest segments go, and nothing else is lost', async ({ scratch }) => {
    const dir = smallDisk(scratch, '256k');
    const script = 'i=0; while [ $i -lt 1000 ]; do printf "%01000d" $i; i=$((i+1)); done; exit 3';
    const { process, ended } = await startLogged(scratch, script, { dir, maxBytes: 1 << 20, segmentBytes: 32 << 10 });
    expect(await process.wait()).toMatchObject({ status: 3 });
    const { stdout, gaps, position, end } = await ended();
    expect([position, end, gaps]).toEqual([1_000_000, 3, [1_000_000 - stdout.length]]);
    expect(stdout.length).toBeGreaterThan(128 << 10);
    expect(stdout.slice(-1000)).toBe('999'.padStart(1000, '0'));
  });

  test('no space at all: bytes are dropped and counted; when there is space, the log goes on', async ({ scratch }) => {
    const dir = smallDisk(scratch, '128k');
    const setup = { dir, maxBytes: 1 << 20, segmentBytes: 8 << 10 };
    const { process, read, ended, type, close } = await startCat(scratch, setup);
    await type('first\n');
    expect(read().stdout).toBe('first\n');
    const filler = join(dir, '../filler');
    expect(succeeds('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096'])).toBe(false);
    // The rest of the page that the first bytes are in has room.
    const lost = 'l'.repeat(20_000);
    await type(lost);
    const held = read();
    expect(held.stdout.startsWith('first\nlll')).toBe(true);
    expect(held.position).toBeLessThan(6 + 20_000);
    rmSync(filler);
    // Not with the next bytes, but soon: they are tried again after 100 ms.
    let later = 0;
    await until('the log goes on', async () => {
      await type('later\n');
      later++;
      return read().stdout.endsWith('later\n');
    });
    const total = 6 + 20_000 + 6 * later;
    close();
    expect(await process.wait()).toMatchObject({ status: 0 });
    const { stdout, gaps, end, position } = await ended();
    expect([end, position, gaps.length]).toEqual([0, total, 1]);
    expect(stdout.length + (gaps[0] ?? 0)).toBe(total);
    expect(stdout).toMatch(/^first\nl+later\n$/);
  });

  test('a disk that is read-only, and becomes writable', async ({ scratch }) => {
    const dir = smallDisk(scratch, '128k');
    const { process, log, read, ended, type, close } = await startCat(scratch, { dir });
    // Before the first byte: a file that is open for writing keeps the disk writable.
    run('mount', '-o', 'remount,ro', join(dir, '..'));
    await type('lost');
    expect(readdirSync(log)).toEqual(['writer']);
    run('mount', '-o', 'remount,rw', join(dir, '..'));
    let later = 0;
    await until('the log goes on', async () => {
      await type('later');
      later++;
      return read().stdout === 'later';
    });
    close();
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(await ended()).toMatchObject({ stdout: 'later', gaps: [4 + 5 * (later - 1)], end: 0 });
  });
});

test('a limit of file sizes below segmentBytes only makes segments smaller', async ({ scratch }) => {
  // In blocks of 512 bytes. The kernel sends SIGXFSZ with each EFBIG.
  const setup = { before: 'ulimit -f 16', maxBytes: 1 << 20, segmentBytes: 1 << 16 };
  const script = 'i=0; while [ $i -lt 100 ]; do printf "%01000d" $i; i=$((i+1)); done; exit 3';
  const { process, log, ended } = await startLogged(scratch, script, setup);
  expect(await process.wait()).toMatchObject({ status: 3 });
  const { stdout, gaps } = await ended();
  expect([stdout.length, gaps]).toEqual([100_000, []]);
  const sizes = readSegments(log).map(({ raw }) => raw.length);
  expect(sizes).toEqual([...new Array<number>(12).fill(8192), 100_000 - 12 * 8192]);
});

test('a limit of file sizes that no segment fits in: the process runs on, its end is known', async ({ scratch }) => {
  const setup = { under: 'prlimit --fsize=16:', maxBytes: 1 << 20 };
  const { process, log } = await startLogged(scratch, 'printf %0100000d 0; exit 3', setup);
  expect(await process.wait()).toMatchObject({ status: 3 });
  // After the end is told, the shim tries the end record, which has no room either.
  await until('the log holds nothing', () => readdirSync(log).join() === 'writer');
});

test('a removed directory: the process runs on, its end is known', async ({ scratch }) => {
  const setup = { maxBytes: 16 << 10, segmentBytes: 4 << 10 };
  const { process, log, dir, type, close } = await startCat(scratch, setup);
  await type('a'.repeat(10_000));
  const shim = shimPid(dir);
  rmSync(log, { recursive: true });
  await type('b'.repeat(100_000));
  // Nothing of it is held open any more but the directory and `writer`.
  const held = Object.values(descriptorsOf(shim)).filter((to) => to.includes('/log/'));
  expect(held).toEqual([`${log}/writer (deleted)`]);
  close();
  expect(await process.wait()).toMatchObject({ status: 0 });
  await until('the shim has left', () => isGone(shim));
});

test('a directory that is moved is written to where it is', async ({ scratch }) => {
  const { process, log, dir, type, close } = await startCat(scratch, { maxBytes: 16 << 10, segmentBytes: 4 << 10 });
  await type('a'.repeat(5000));
  const moved = join(dir, 'moved');
  renameSync(log, moved);
  await type('b'.repeat(5000));
  expect(readLogFiles(moved).stdout).toBe('a'.repeat(5000) + 'b'.repeat(5000));
  close();
  await process.wait();
});

test('files that someone removes or puts there do not stop the log', async ({ scratch }) => {
  const { process, log, ended, type, close } = await startCat(scratch, { maxBytes: 16 << 10, segmentBytes: 4 << 10 });
  const name = (position: number, suffix: string): string => join(log, String(position).padStart(20, '0') + suffix);
  await type('a'.repeat(6000));
  // A name that the log will want, and an oldest segment that has gone: one whose raw file is a directory.
  writeFileSync(name(2 * (4096 - 32), '.raw'), 'in the way');
  rmSync(name(0, '.raw'));
  mkdirSync(name(0, '.raw'));
  await type('b'.repeat(6000));
  expect(statSync(name(2 * (4096 - 32), '.raw')).size).toBe(10);
  rmSync(name(2 * (4096 - 32), '.raw'));
  await until('the log goes on', async () => {
    await type('c'.repeat(3000));
    const last = readSegments(log).at(-1);
    return last?.raw.toString('latin1').endsWith('c');
  });
  rmSync(name(0, '.raw'), { recursive: true });
  close();
  expect(await process.wait()).toMatchObject({ status: 0 });
  await ended();
});
