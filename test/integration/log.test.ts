/** Output that is kept, on each runtime: many readers, while the process runs and after it, across supervisors. */
import { once } from 'node:events';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { describe, expect } from 'vitest';
import { Container, type OutputItem, type Process, posix, readLog } from '../../src/index.js';
import { Follower } from '../support/follower.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const LOGGED = { stdin: 'pipe', stdout: 'log', stderr: 'log' } as const;

/** Prints on both streams, echoes a line, ends with 3. */
const JOB = { args: ['sh', '-c', 'echo out; echo err >&2; read x; echo "got $x"; exit 3'] };

async function all(items: AsyncIterable<OutputItem>): Promise<OutputItem[]> {
  const got: OutputItem[] = [];
  for await (const item of items) got.push(item);
  return got;
}

function bytesOf(items: OutputItem[], stream?: 'stdout' | 'stderr'): string {
  const parts = items.flatMap((item) =>
    item.type === 'data' && (stream === undefined || item.stream === stream) ? [item.data] : [],
  );
  return Buffer.concat(parts).toString();
}

/** Waits until `wanted` has come. */
async function untilShown(output: Readable, wanted: string): Promise<string> {
  let got = '';
  const onData = (chunk: Buffer): void => void (got += chunk.toString('latin1'));
  output.on('data', onData);
  await until(
    () => `${JSON.stringify(wanted)} is shown; so far ${JSON.stringify(got)}`,
    () => got.includes(wanted),
  );
  output.off('data', onData);
  return got;
}

async function checkLog(started: Process, scratch: Scratch): Promise<void> {
  const live = all(started.output({ follow: true }));
  const stdout = text(started.openStdout());
  const stderr = text(started.openStderr());
  started.openStdin().end('word\n');
  const end = await started.wait();
  expect(end).toMatchObject({ status: 3 });
  // After wait() nothing is missing, the end included.
  const after = await all(started.output());
  expect(after.at(-1)).toMatchObject({ type: 'end', status: 3 });
  expect(bytesOf(after, 'stdout')).toBe('out\ngot word\n');
  expect(bytesOf(after, 'stderr')).toBe('err\n');
  expect((await live).map((item) => ({ ...item, data: undefined })).at(-1)).toEqual({
    ...after.at(-1),
    data: undefined,
  });
  expect(bytesOf(await live, 'stdout')).toBe('out\ngot word\n');
  expect([await stdout, await stderr]).toEqual(['out\ngot word\n', 'err\n']);
  // After close(), and by another object.
  started.close();
  expect(await all(started.output())).toEqual(after);
  const again = scratch.keep(await Container.load(scratch.root, started.container.id));
  const loaded = again.processes().find(({ id }) => id === started.id);
  if (loaded === undefined) throw new Error('the process is not there');
  expect(loaded.stdio).toEqual(started.stdio);
  expect(await all(loaded.output({ follow: true }))).toEqual(after);
  expect(await text(loaded.openStdout())).toBe('out\ngot word\n');
  // From a cursor.
  expect(await all(loaded.output({ from: after[0]?.cursor }))).toEqual(after.slice(1));
}

describe.each(runtimes)('%s', (runtime) => {
  test('a log: read while it runs, after its end, after close() and by another object', async ({ scratch }) => {
    const container = await scratch.container(runtime, JOB);
    const started = await container.start({ stdio: LOGGED });
    const { stdout } = started.stdio;
    expect(started.stdio).toMatchObject({ stdout: join(scratch.root, container.id, 'init', 'log'), stderr: stdout });
    for (const name of readdirSync(stdout)) expect(statSync(join(stdout, name)).mode & 0o777).toBe(0o600);
    expect(statSync(stdout).mode & 0o777).toBe(0o700);
    await checkLog(started, scratch);
    await container.delete();
    expect(existsSync(stdout)).toBe(false);
    expect(() => started.output()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
  });

  test('exec: a log of its own', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    await container.start();
    const started = await container.exec('one', JOB, { stdio: LOGGED });
    await checkLog(started, scratch);
    await container.removeProcess('one');
    expect(() => started.output()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
    expect(() => started.openStdout()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
    expect(() => started.attach()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
    const other = await container.exec('one', JOB, { stdio: LOGGED });
    expect(() => started.output()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
    other.signal('SIGKILL');
    await other.wait();
  });

  test('a created one, restored by another object, keeps its log', async ({ scratch }) => {
    const container = await scratch.container(runtime, JOB);
    await container.createInit({ stdio: LOGGED });
    const again = scratch.keep(await Container.load(scratch.root, container.id));
    const started = await again.start();
    await checkLog(started, scratch);
  });

  test('a terminal: all its output is in the log, with the sizes', async ({ scratch }) => {
    const script = 'stty -echo; echo ready; read x; stty size; echo err >&2';
    const container = await scratch.container(runtime, { args: ['sh', '-c', script], terminal: true });
    const started = await container.start({ stdio: LOGGED });
    const viewer = started.attach({ replay: 1000 });
    await untilShown(viewer, 'ready\r\n');
    const resized = once(viewer, 'resize');
    viewer.resize(101, 31);
    expect(await resized).toEqual([101, 31]);
    viewer.write('\n');
    expect(await text(viewer)).toBe('31 101\r\nerr\r\n');
    await started.wait();
    const items = await all(started.output());
    expect(bytesOf(items)).toBe('ready\r\n31 101\r\nerr\r\n');
    expect(bytesOf(items, 'stderr')).toBe('');
    const sizes = items.flatMap((item) => (item.type === 'resize' ? [[item.columns, item.rows]] : []));
    expect(sizes).toContainEqual([80, 24]);
    expect(sizes.at(-1)).toEqual([101, 31]);
  });

  test('two viewers at once both type, and both see all', async ({ scratch }) => {
    const script = 'while read x; do echo "<$x>"; [ "$x" = last ] && exit 6; done';
    const container = await scratch.container(runtime, { args: ['sh', '-c', script] });
    const started = await container.start({ stdio: LOGGED });
    const viewers = [started.attach(), started.attach()] as const;
    const shown = viewers.map((viewer) => text(viewer));
    for (let i = 0; i < 50; i++) for (const [who, viewer] of viewers.entries()) viewer.write(`${who}:${i}\n`);
    const late = started.attach({ replay: 1e6 });
    const lateShown = text(late);
    await until('all is echoed', async () => bytesOf(await all(started.output())).split('\n').length === 101);
    viewers[0].write('last\n');
    expect(await started.wait()).toMatchObject({ status: 6 });
    const whole = bytesOf(await all(started.output()));
    expect(await lateShown).toBe(whole);
    for (const [who, seen] of (await Promise.all(shown)).entries()) {
      // It may have begun after the other one's first line, but not after its own.
      expect(whole.slice(-seen.length)).toBe(seen);
      const own = seen.split('\n').filter((line) => line.startsWith(`<${who}:`));
      expect(own).toEqual(Array.from({ length: 50 }, (_, i) => `<${who}:${i}>`));
    }
  });
});

test('a supervisor that is killed ten times, and three other programs: each sees every line once, in order', async ({
  scratch,
}) => {
  const script = `i=0; while ! [ -e ${join(scratch.dir, 'stop')} ]; do echo "line $i"; i=$((i+1)); sleep 0.01; done; exit 9`;
  const bundleOf = await scratch.container('host', { args: ['sh', '-c', script] });
  // The supervisor is one of the programs: the first one starts the job.
  const supervisor = new Follower(scratch, bundleOf, { start: { stdio: { stdout: 'log', stderr: 'log' } } });
  const others = [1, 2].map(() => new Follower(scratch, bundleOf));
  const late = new Follower(scratch, bundleOf);
  supervisor.start();
  await until('the job prints', () => supervisor.lines().length > 5);
  for (const other of others) other.start();
  for (let round = 0; round < 10; round++) {
    const before = supervisor.lines().length;
    await until(
      () => `the supervisor reads on in round ${round}`,
      () => supervisor.lines().length > before + 5,
    );
    await supervisor.kill();
    expect(await supervisor.ended()).toBe('SIGKILL');
    supervisor.start();
    if (round === 6) late.start();
  }
  const before = supervisor.lines().length;
  await until('the supervisor reads on', () => supervisor.lines().length > before + 5);
  writeFileSync(join(scratch.dir, 'stop'), '');
  for (const follower of [supervisor, ...others, late]) expect(await follower.ended()).toBe(9);
  const reference = supervisor.lines();
  expect(reference.map(({ line }) => line)).toEqual(reference.map((_, i) => `line ${i}`));
  expect(reference.length).toBeGreaterThan(60);
  for (const [i, { timeMs }] of reference.entries()) {
    expect(timeMs).toBeGreaterThanOrEqual(reference[i - 1]?.timeMs ?? 0);
    expect(Math.abs(timeMs - Date.now())).toBeLessThan(600_000);
  }
  for (const follower of [...others, late]) expect(follower.lines()).toEqual(reference);
});

test('a program that follows before there is a shim gets everything', async ({ scratch }) => {
  const gate = join(scratch.dir, 'gate');
  const shim = join(scratch.dir, 'shim');
  const wait = `while [ ! -e "${gate}" ]; do sleep 0.01; done`;
  writeFileSync(shim, `#!/bin/sh\n${wait}\nexec "${posix.nativeExecutable('outlive-shim')}" "$@"\n`, { mode: 0o700 });
  const container = await scratch.container('host', { args: ['sh', '-c', 'echo out; exit 3'] }, { shim });
  const started = container.start({ stdio: LOGGED });
  const again = await until('the process is there', async () => {
    const loaded = scratch.keep(await Container.load(scratch.root, container.id));
    return loaded.processes()[0];
  });
  const followed = all(again.output({ follow: true }));
  const shown = text(again.openStdout());
  // It looks for the writer, and then waits.
  expect(await all(again.output())).toEqual([]);
  writeFileSync(gate, '');
  await started;
  expect(bytesOf(await followed)).toBe('out\n');
  expect((await followed).at(-1)).toMatchObject({ type: 'end', status: 3 });
  expect(await shown).toBe('out\n');
});

test('a directory of the caller: it stays, and readLog() reads it when the process is gone', async ({ scratch }) => {
  const container = await scratch.container('host', JOB);
  const dir = scratch.mkdir('log');
  const started = await container.start({ stdio: LOGGED, log: { dir, maxBytes: 65_536 } });
  expect(started.stdio).toMatchObject({ stdout: dir, stderr: dir });
  started.openStdin().end('x\n');
  await started.wait();
  const items = await all(started.output());
  await container.delete();
  expect(() => started.output()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
  expect(await all(readLog(dir))).toEqual(items);
  const other = await scratch.container('host', JOB);
  await expect(other.start({ stdio: LOGGED, log: { dir } })).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  expect(await all(readLog(dir))).toEqual(items);
});

test('a log within bounds: a stream tells how many bytes are missing', async ({ scratch }) => {
  const container = await scratch.container('host', {
    args: ['sh', '-c', 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done'],
  });
  const started = await container.start({ stdio: LOGGED, log: { maxBytes: 65_536 } });
  await started.wait();
  const output = started.openStdout();
  let missing = 0;
  output.on('gap', (bytes: number) => (missing += bytes));
  const kept = await text(output);
  const whole = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join('');
  expect(missing).toBeGreaterThan(0);
  expect(missing + kept.length).toBe(whole.length);
  expect(whole.endsWith(kept)).toBe(true);
  const buffer = Buffer.alloc(1000);
  const parts: string[] = [];
  const callback = (size: number): boolean => parts.push(buffer.toString('latin1', 0, size)) % 3 !== 0;
  const into = started.openStdout({ onread: { buffer, callback } });
  into.on('pause', () => setImmediate(() => into.resume()));
  await once(into, 'end');
  expect(parts.join('')).toBe(kept);
});

test('in a worker thread, which is terminated while it follows', async ({ scratch }) => {
  const container = await scratch.container('host', JOB);
  const started = await container.start({ stdio: LOGGED });
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    void import(workerData.library).then(async ({ Container }) => {
      const container = await Container.load(workerData.root, workerData.id);
      const [process] = container.processes();
      process.attach({ replay: 100 }).resume();
      for await (const item of process.output({ follow: true })) {
        parentPort.postMessage(item.type === 'data' ? Buffer.from(item.data).toString() : item.type);
      }
    });`;
  const library = new URL('../../dist/index.js', import.meta.url).href;
  const follow = (): Worker =>
    new Worker(program, { eval: true, workerData: { library, root: scratch.root, id: container.id } });
  const cut = follow();
  await once(cut, 'message');
  await cut.terminate();
  const worker = follow();
  const got: string[] = [];
  worker.on('message', (message: string) => got.push(message));
  await until('the worker follows', () => got.join('').includes('err'));
  started.openStdin().end('x\n');
  await until('the worker sees the end', () => got.at(-1) === 'end');
  expect(got.slice(0, -1).join('').split('\n').sort()).toEqual(['', 'err', 'got x', 'out']);
  await worker.terminate();
});
