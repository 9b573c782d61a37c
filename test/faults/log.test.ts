/**
 * A log of a process's output under faults, as its readers see it: reader or shim killed, disk or quota full, the directory
 * removed. Each byte that the process wrote is right or counted in a gap, the process runs on, and nobody waits for ever.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type OutputItem, type StartOptions, posix, readLog } from '../../src/index.js';
import { Follower } from '../support/follower.js';
import { isGone } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { killShim, shimPid } from '../support/shims.js';
import { installed, isRoot, succeeds, want, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

/** A line of the job: its number in 8 digits, and a newline. */
const LINE = 9;

/** Prints so many lines. */
const lines = (count: number): string => `i=0; while [ $i -lt ${count} ]; do printf '%08d\\n' $i; i=$((i+1)); done`;

/** What `lines` prints from this byte on. */
function expected(from: number, size: number): string {
  const first = Math.floor(from / LINE);
  const count = Math.ceil((from + size) / LINE) - first;
  const all = Array.from({ length: count }, (_, i) => `${String(first + i).padStart(8, '0')}\n`).join('');
  return all.slice(from - first * LINE, from - first * LINE + size);
}

/** What a reader got, checked: each byte is what the job wrote at this place. */
interface Got {
  bytes: number;
  missing: number;
  /** Bytes and gaps together. */
  position: number;
  end: number | undefined;
  cursor: string | undefined;
}

/** Reads to the end; `got` says at any time how far it is. */
async function check(items: AsyncIterable<OutputItem>, from?: Got): Promise<Got> {
  const got = from ?? nothing();
  for await (const item of items) {
    got.cursor = item.cursor;
    if (item.type === 'gap') {
      got.missing += item.bytes;
      got.position += item.bytes;
    } else if (item.type === 'data') {
      const text = item.data.toString('latin1');
      if (text !== expected(got.position, text.length))
        throw new Error(`wrong at ${got.position}: ${text.slice(0, 50)}`);
      got.bytes += text.length;
      got.position += text.length;
    } else if (item.type === 'end') {
      if (got.end !== undefined) throw new Error('a second end');
      got.end = item.status;
    }
  }
  return got;
}

async function all(items: AsyncIterable<OutputItem>): Promise<OutputItem[]> {
  const list: OutputItem[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const nothing = (): Got => ({ bytes: 0, missing: 0, position: 0, end: undefined, cursor: undefined });

/** A job of this script, whose stdout goes to the log. It begins with a line on its stdin. */
async function startJob(scratch: Scratch, script: string, { shim, ...more }: StartOptions & { shim?: string }) {
  const args = ['sh', '-c', `read x; ${script}`];
  const container = await scratch.container('host', { args }, shim === undefined ? {} : { shim });
  const job = await container.start({ stdio: { stdin: 'pipe', stdout: 'log' }, ...more });
  const begin = (): void => void job.openStdin().end('\n');
  return { container, job, begin };
}

/** Waits for the next `n` milliseconds of a clock that the job does not know: another instant each time. */
function busyFor(ms: number): void {
  for (const from = performance.now(); performance.now() < from + ms;);
}

test('a reader that is killed at any instant goes on from its cursor; the job does not notice', async ({ scratch }) => {
  const count = 15_000;
  const { container, job, begin } = await startJob(scratch, lines(count), {});
  const others = check(job.output({ follow: true }));
  const follower = new Follower(scratch, container);
  follower.start();
  begin();
  for (let round = 0; round < 5; round++) {
    const before = follower.lines().length;
    await until('it reads on', () => follower.lines().length > before || follower.lines().length === count);
    busyFor(round * 1.3);
    await follower.kill();
    follower.start();
  }
  expect(await job.wait()).toMatchObject({ status: 0 });
  expect(await others).toMatchObject({ bytes: count * LINE, missing: 0, end: 0 });
  expect(await follower.ended()).toBe(0);
  expect(
    follower
      .lines()
      .map(({ line }) => `${line}\n`)
      .join(''),
  ).toBe(expected(0, count * LINE));
});

test('a shim that is killed at any instant: each reader gets all that was written, and no end', async ({ scratch }) => {
  for (let round = 0; round < 8; round++) {
    const log = { maxBytes: 65_536, segmentBytes: 4096 };
    const { container, job, begin } = await startJob(scratch, lines(10_000_000), { log });
    const [one, two] = [nothing(), nothing()];
    const following = [check(job.output({ follow: true }), one), check(job.output({ follow: true }), two)];
    begin();
    await until('it is well under way', () => one.position > 30_000 * (round % 4) && two.position > 0);
    busyFor(round * 0.37);
    await killShim(scratch, container.id);
    await Promise.all(following);
    const exit = await job.wait();
    expect(exit).toMatchObject({ status: undefined, lost: expect.stringMatching(/shim/) as string });
    const after = await check(job.output({ follow: true }));
    expect([one.end, two.end, after.end]).toEqual([undefined, undefined, undefined]);
    expect([one.position, two.position]).toEqual([after.position, after.position]);
    expect(after.bytes).toBeGreaterThan(0);
    // A reader from a cursor finds nothing new, and ends.
    expect(await check(job.output({ from: one.cursor, follow: true }))).toMatchObject({ position: 0, end: undefined });
    await until('the job has ended', () => isGone(job.systemPid));
    await container.delete();
  }
});

const run = (file: string, ...args: string[]): void => void execFileSync(file, args, { stdio: 'ignore' });

/** An empty directory for a log, on this mount. */
function mounted(scratch: Scratch, ...args: string[]): { disk: string; dir: string } {
  const disk = scratch.mkdir('disk');
  run('mount', ...args, disk);
  scratch.atEnd(async () => {
    await Promise.resolve();
    run('umount', '-l', disk);
  });
  const dir = join(disk, 'log');
  mkdirSync(dir, { mode: 0o700 });
  return { disk, dir };
}

/** The job of the tests of full disks: lines before, while and after there is no room, each part when the test says so. */
const PARTS = [2000, 10_000, 12_000] as const;
const parts = PARTS.map((to, i) => `while [ $i -lt ${to} ]; do printf '%08d\\n' $i; i=$((i+1)); done; echo ${i} >&2`);

/** Starts that job, whose stderr goes to a FIFO: `printed(n)` resolves when it has printed part n. */
async function startInParts(scratch: Scratch, options: StartOptions & { shim?: string }) {
  const stdio = { stdin: 'pipe', stdout: 'log', stderr: 'pipe' } as const;
  const script = `i=0; ${parts.join('; read x; ')}; read x; exit 3`;
  const { job, ...rest } = await startJob(scratch, script, { ...options, stdio });
  let told = '';
  job.openStderr().on('data', (bytes: Buffer) => (told += bytes.toString()));
  const stdin = job.openStdin();
  const go = (): void => void stdin.write('\n');
  const printed = (part: number): Promise<unknown> => until(`part ${part}`, () => told.includes(`${part}\n`));
  return { ...rest, job, go, printed, end: () => void stdin.end('\n') };
}

/**
 * The job prints its parts, without room for the second one. Two followers and a later reader see: what was written is right, what
 * was not is counted, the end comes.
 */
async function checkWithoutRoom(
  { job, go, printed, end }: Awaited<ReturnType<typeof startInParts>>,
  disk: { fill: () => void | Promise<void>; free: () => void | Promise<void> },
): Promise<void> {
  const [first, second] = [nothing(), nothing()];
  const following = [check(job.output({ follow: true }), first), check(job.output({ follow: true }), second)];
  go();
  await printed(0);
  await until('the first part is read', () => first.position === PARTS[0] * LINE);
  await disk.fill();
  go();
  await printed(1);
  await disk.free();
  // The shim tries again 100 ms after a failure at the earliest: what comes before is dropped, and counted.
  await new Promise((resolve) => setTimeout(resolve, 150));
  go();
  await printed(2);
  end();
  expect(await job.wait()).toMatchObject({ status: 3 });
  await Promise.all(following);
  const later = await check(job.output());
  for (const got of [first, second, later]) {
    expect(got).toMatchObject({ position: PARTS[2] * LINE, end: 3 });
    expect(got.missing).toBeGreaterThan(0);
  }
  expect(first.bytes).toBeGreaterThan(PARTS[0] * LINE);
}

function fill(path: string): void {
  expect(succeeds('dd', ['if=/dev/zero', `of=${path}`, 'bs=4096'])).toBe(false);
}

const mayMount = isRoot && succeeds('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']);
describe.runIf(wantRight('root, to mount a tmpfs', mayMount))('a disk', () => {
  test('that is full, and has room again: the job runs on, readers get the rest after a gap', async ({ scratch }) => {
    const { disk, dir } = mounted(scratch, '-t', 'tmpfs', '-o', 'size=96k,mode=700', 'outlive-test');
    const job = await startInParts(scratch, { log: { dir, maxBytes: 1 << 20, segmentBytes: 32 << 10 } });
    const filler = join(disk, 'filler');
    await checkWithoutRoom(job, { fill: () => fill(filler), free: () => rmSync(filler) });
  });

  test('that is full at the end: no end, or with the next output of a child', async ({ scratch }) => {
    const { disk, dir } = mounted(scratch, '-t', 'tmpfs', '-o', 'size=96k,mode=700', 'outlive-test');
    const gate = join(scratch.dir, 'gate');
    // The first segment is full to its last byte, so that the end record needs another one, which finds no room.
    const segmentBytes = 4096;
    const late = `while ! [ -e '${gate}' ]; do sleep 0.02; done; printf late`;
    const script = `(${late}) & printf '%0${segmentBytes - 32}d' 0; read x; exit 5`;
    // What a first process leaves is ended with its container.
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    await container.start();
    const log = { dir, maxBytes: 65_536, segmentBytes };
    const stdio = { stdin: 'pipe', stdout: 'log' } as const;
    const job = await container.exec('job', { args: ['sh', '-c', script] }, { stdio, log });
    const follower = all(job.output({ follow: true }));
    const data = async (): Promise<string> => {
      let all = '';
      for await (const item of readLog(dir)) all += item.type === 'data' ? item.data.toString() : `<${item.type}>`;
      return all;
    };
    await until('the output', async () => (await data()).length === segmentBytes - 32);
    const filler = join(disk, 'filler');
    fill(filler);
    job.openStdin().end('\n');
    expect(await job.wait()).toMatchObject({ status: 5 });
    // After the end record the shim closes `exit`.
    await until('the shim has tried', () => !hasWriter(join(scratch.root, container.id, 'job', 'exit')));
    expect(await data()).not.toContain('<end>');
    rmSync(filler);
    writeFileSync(gate, '');
    expect((await follower).at(-1)).toMatchObject({ type: 'end', status: 5 });
    await until('the late output', async () => (await data()).endsWith('<end>late'));
  });
});

/** Whether a program has the FIFO open for writing. */
function hasWriter(fifo: string): boolean {
  const fd = posix.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return posix.tryRead(fd, Buffer.alloc(1)) === undefined;
  } finally {
    posix.close(fd);
  }
}

/** strace(1) on the shim of a container's first process: its writes at a place fail with EDQUOT until this is called. */
async function useUpQuota(scratch: Scratch, id: string): Promise<() => Promise<void>> {
  const inject = ['-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=EDQUOT'];
  const args = ['-o', '/dev/null', ...inject, '-p', String(shimPid(scratch, id))];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(tracer, 'close');
  // "strace: Process <pid> attached"
  await Promise.race([once(tracer.stderr, 'data'), closed]);
  tracer.stderr.resume();
  expect(tracer.exitCode).toBe(null);
  return async () => {
    tracer.kill('SIGINT');
    await closed;
  };
}

// A quota of the kernel's own needs CONFIG_QFMT_V2, which few kernels of virtual machines have.
describe.runIf(wantRight('root, to trace a shim', isRoot) && want('strace', installed('strace')))('a quota', () => {
  test('that is used up (EDQUOT), and raised: as a full disk', async ({ scratch }) => {
    const job = await startInParts(scratch, {});
    let free = (): Promise<void> => Promise.resolve();
    await checkWithoutRoom(job, {
      fill: async () => {
        free = await useUpQuota(scratch, job.container.id);
      },
      free: () => free(),
    });
  });
});

describe('the directory of a log that is removed', () => {
  test.for(['removed', 'made anew', "another process's"])(
    '%s: followers end, the job runs on',
    async (how, { scratch }) => {
      const dir = scratch.mkdir('log');
      const script = `${lines(1000)}; read x; while [ $i -lt 50000 ]; do printf '%08d\\n' $i; i=$((i+1)); done; exit 4`;
      const { job, container } = await startJob(scratch, script, { log: { dir } });
      const stdin = job.openStdin();
      const got = nothing();
      const following = check(job.output({ follow: true }), got);
      stdin.write('\n');
      await until('the first lines are read', () => got.position === 1000 * LINE);
      const late = job.output();
      rmSync(dir, { recursive: true });
      if (how !== 'removed') mkdirSync(dir, { mode: 0o700 });
      if (how === "another process's") writeFileSync(join(dir, 'key'), 'another\n');
      stdin.end('\n');
      expect(await job.wait()).toMatchObject({ status: 4 });
      // The file that is being read is read to its end, which is where the shim is by then.
      const { bytes, missing } = await following;
      expect([bytes >= 1000 * LINE, bytes <= 50_000 * LINE, missing]).toEqual([true, true, 0]);
      if (how === 'made anew')
        await check(late).catch((error: unknown) => expect(error).toMatchObject({ code: 'ERR_PROCESS_EXITED' }));
      else await expect(late.next()).rejects.toMatchObject({ code: 'ERR_PROCESS_EXITED' });
      await container.delete();
    },
  );

  test.for([true, false])(
    'with its process, between output() and the first item: ERR_PROCESS_EXITED; follow: %s',
    async (follow, { scratch }) => {
      const { job, container, begin } = await startJob(scratch, 'echo out', {});
      begin();
      await job.wait();
      const items = job.output({ follow });
      const stream = job.openStdout();
      await container.delete();
      await expect(items.next()).rejects.toMatchObject({ name: 'OutliveError', code: 'ERR_PROCESS_EXITED' });
      expect(await items.next()).toEqual({ done: true, value: undefined });
      const failed = new Promise((resolve) => stream.once('error', resolve));
      stream.resume();
      expect(await failed).toMatchObject({ code: 'ERR_PROCESS_EXITED' });
      expect(() => job.output()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
    },
  );
});
