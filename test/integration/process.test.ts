/** The members of `Process` as child_process has them, stop() and remove(), on each runtime. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, type Process } from '../../src/index.js';
import { noProcessLeft } from '../support/fake-runtime.js';
import { isGone } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { killShim } from '../support/shims.js';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';

const LOGGED = { stdio: { stdout: 'log', stderr: 'log' } } as const;

/** Starts a shell script that prints `ready` when it has set its traps. */
async function ready(scratch: Scratch, runtime: string, script: string): Promise<Process> {
  const container = await scratch.container(runtime, { args: ['sh', '-c', script] });
  return saysReady(await container.start(LOGGED));
}

async function saysReady(process: Process): Promise<Process> {
  for await (const item of process.output({ follow: true })) if ('data' in item) break;
  return process;
}

const outputOf = (process: Process): Promise<string> => text(process.openStdout());

describe.each(runtimes)('%s', (runtime) => {
  test('stop(): the process obeys SIGTERM, and its own status is the result', async ({ scratch }) => {
    const process = await ready(
      scratch,
      runtime,
      'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.05; done',
    );
    expect(await process.stop()).toMatchObject({ status: 5, record: { code: 5, signal: null } });
    expect([process.exitCode, process.signalCode]).toEqual([5, null]);
    expect(await outputOf(process)).toBe('ready\nbye\n');
    await noProcessLeft(process.container);
  });

  test('stop({ signal }): another signal asks it to end', async ({ scratch }) => {
    const process = await ready(scratch, runtime, 'trap "exit 6" INT; echo ready; while :; do sleep 0.05; done');
    expect(await process.stop({ signal: 'SIGINT' })).toMatchObject({ status: 6 });
  });

  test('stop(): after graceMs SIGKILL ends all of the container of the first process', async ({ scratch }) => {
    const script = 'trap "" TERM; (sleep 1000; :) & echo ready; while :; do sleep 0.05; done';
    const process = await ready(scratch, runtime, script);
    // A rootless runc has no cgroup from which it could tell them.
    const isTold = isRoot || runtime === 'host';
    const pids = isTold ? await process.container.pids() : [process.systemPid];
    if (isTold) expect(pids.length).toBeGreaterThan(1);
    expect(await process.stop({ graceMs: 50 })).toMatchObject({ status: 137 });
    expect([process.exitCode, process.signalCode]).toEqual([null, 'SIGKILL']);
    expect(pids.every(isGone)).toBe(true);
    await noProcessLeft(process.container);
  });

  test('stop() of an exec’ed process ends that one alone', async ({ scratch }) => {
    const init = await ready(scratch, runtime, 'echo ready; sleep 1000');
    const loop = 'trap "" TERM; echo ready; while :; do sleep 0.05; done';
    const exec = await saysReady(await init.container.exec(['sh', '-c', loop]));
    expect(await exec.stop({ graceMs: 50 })).toMatchObject({ status: 137 });
    expect(init.state()).toBe('running');
    await exec.remove();
    expect(init.container.processes()).toEqual([init]);
    await init.stop({ graceMs: 50 });
  });

  test('stop() of one that has ended resolves at once; so do several calls together, and one after close()', async ({
    scratch,
  }) => {
    const process = await ready(scratch, runtime, 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done');
    process.close();
    const ends = await Promise.all([process.stop(), process.stop({ graceMs: 10_000 }), process.stop()]);
    expect(ends.map(({ status }) => status)).toEqual([5, 5, 5]);
    expect(await process.stop()).toEqual(ends[0]);
  });

  test('remove(): refused while it runs; leaves nothing of the container', async ({ scratch }) => {
    const process = await ready(scratch, runtime, 'echo ready; sleep 1000');
    await expect(process.remove()).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    expect(process.state()).toBe('running');
    await process.remove({ force: true });
    expect(existsSync(join(scratch.root, process.container.id))).toBe(false);
    await noProcessLeft(process.container);
    await expect(process.remove()).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' });
  });

  test('remove({ force: true }) of an exec’ed process ends it and removes it alone', async ({ scratch }) => {
    const init = await ready(scratch, runtime, 'echo ready; sleep 1000');
    const exec = await init.container.exec('second', { args: ['sleep', '1000'] });
    await exec.remove({ force: true });
    expect(existsSync(join(scratch.root, init.container.id, 'second'))).toBe(false);
    await expect(exec.remove()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect(init.state()).toBe('running');
    await init.remove({ force: true });
  });

  test('exited, exitCode and signalCode before and after the end', async ({ scratch }) => {
    const process = await ready(scratch, runtime, 'echo ready; exit 3');
    await process.wait();
    expect(await process.exited).toMatchObject({ status: 3 });
    expect(process.exitCode).toBe(3);

    const other = await ready(scratch, runtime, 'echo ready; sleep 1000');
    expect([other.exitCode, other.signalCode]).toEqual([null, null]);
    const { exited } = other;
    expect(other.exited).toBe(exited);
    other.signal('SIGKILL');
    expect(await exited).toMatchObject({ status: 137 });
  });

  test('stdin: what is written arrives, and end() is end-of-file', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['cat'] });
    const process = await container.start({ stdio: { stdin: 'pipe', stdout: 'log' } });
    const { stdin } = process;
    expect(process.stdin).toBe(stdin);
    stdin?.write('one\n');
    stdin?.end('two\n');
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(await outputOf(process)).toBe('one\ntwo\n');
  });

  test('container.init, process(), exec(args), createInit() and runtimeStatus()', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    expect(container.init).toBeUndefined();
    const init = await container.createInit();
    expect(await container.runtimeStatus()).toBe('created');
    await init.start();
    expect(container.init).toBe(init);
    const first = await container.exec(['sh', '-c', 'echo out; echo err >&2']);
    const second = await container.exec(['true'], { stdio: {}, labels: ['a=b'] });
    expect([first.id, second.id].toSorted()).toEqual([first.id, second.id]);
    expect(container.process(second.id)).toBe(second);
    expect(container.process('another')).toBeUndefined();
    expect([second.stdio.stdout, second.labels]).toEqual(['/dev/null', ['a=b']]);
    await Promise.all([first.wait(), second.wait()]);
    expect([await outputOf(first), await text(first.openStderr())]).toEqual(['out\n', 'err\n']);
    await init.remove({ force: true });
  });

  test('inspect(): what, who, when, limits, log and end as JSON; no value of a variable', async ({ scratch }) => {
    const env = ['PATH=/bin:/usr/bin', 'TOKEN=s3cret=x'];
    // Times of files are a tick of the clock behind.
    const before = new Date(Date.now() - 10).toISOString();
    const container = await scratch.container(
      runtime,
      { args: ['sh', '-c', 'exit 4'], env },
      { labels: ['team=a'], runtimeEnv: { KEY: 's3cret' } },
    );
    const init = await container.start({ ...LOGGED, labels: ['job=7'] });
    const running = container.inspect();
    expect(running.processes[0]).toMatchObject({ id: 'init', pid: init.systemPid, args: ['sh', '-c', 'exit 4'] });
    await init.wait();
    await init.stop();
    const described = container.inspect();
    expect(JSON.parse(JSON.stringify(described))).toMatchObject({
      ...{
        id: container.id,
        root: scratch.root,
        bundle: container.bundle,
        runtime,
        labels: ['team=a'],
        state: 'stopped',
      },
      processes: [
        {
          ...{ id: 'init', env: ['PATH', 'TOKEN'], terminal: false, labels: ['job=7'], state: 'stopped' },
          log: { dir: init.stdio.stdout, maxBytes: 16 * 1024 * 1024 },
          shimVersion: init.shimVersion,
          exit: { status: 4, record: { code: 4 } },
        },
      ],
    });
    const [process] = described.processes;
    const times = [before, described.createdAt, process?.startedAt, process?.endedAt, new Date().toISOString()];
    expect(times.toSorted()).toEqual(times);
    expect(JSON.stringify(described)).not.toContain('s3cret');
    // The template of a rootless runc has no limits.
    if (runtime === 'runc' && isRoot) expect(described.limits).toMatchObject({ devices: [{ allow: false }] });
    else expect(described.limits).toBeUndefined();
  });

  test('stats(): the time of the reading', async ({ scratch }) => {
    const process = await ready(scratch, runtime, 'echo ready; sleep 1000');
    const before = Date.now();
    const { timestamp } = await process.container.stats();
    expect(timestamp).toBeInstanceOf(Date);
    expect(timestamp.getTime()).toBeGreaterThanOrEqual(before);
    expect(timestamp.getTime()).toBeLessThanOrEqual(Date.now());
    await process.stop({ graceMs: 0 });
  });
});

test('await using and using leave the process alone', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['sleep', '1000'] });
  const process = await container.start();
  await process[Symbol.asyncDispose]();
  expect(process.state()).toBe('running');
  expect(process.exitFd).toBe(-1);
  const again = scratch.keep(await Container.load(scratch.root, container.id));
  expect(again.init?.state()).toBe('running');
  await again.init?.remove({ force: true });
});

test('exited rejects after close(), and that is no unhandled rejection; a later use waits anew', async ({
  scratch,
}) => {
  const process = await ready(scratch, 'host', 'echo ready; sleep 1000');
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  globalThis.process.on('unhandledRejection', note);
  try {
    const ignored = process.exited;
    process.close();
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(unhandled).toEqual([]);
    await expect(ignored).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    await process.stop({ graceMs: 0 });
    expect(await process.exited).toMatchObject({ record: { signal: 'SIGTERM' } });
  } finally {
    globalThis.process.off('unhandledRejection', note);
  }
});

test('a lost end: exitCode and signalCode are null, exited tells the reason, stop() resolves', async ({ scratch }) => {
  const process = await ready(scratch, 'host', 'echo ready; sleep 1000');
  await killShim(scratch, process.container.id);
  expect(await process.exited).toMatchObject({ status: undefined, lost: expect.stringContaining('shim') as string });
  expect([process.exitCode, process.signalCode, process.hasEnded]).toEqual([null, null, true]);
  expect(await process.stop()).toHaveProperty('lost');
  await process.remove();
});

test('close() closes what stdin has opened, and leaves the process’s stdin open; a later use opens it again', async ({
  scratch,
}) => {
  const container = await scratch.container('host', { args: ['cat'] });
  const process = await container.start({ stdio: { stdin: 'pipe', stdout: 'log' } });
  const first = process.stdin;
  first?.write('one\n');
  process.close();
  expect(first?.destroyed).toBe(true);
  expect(process.stdin).not.toBe(first);
  process.stdin?.end('two\n');
  await until('it has ended', () => process.hasEnded);
  expect(await outputOf(process)).toBe('one\ntwo\n');
});

test('stdin is null if there is nothing to write to', async ({ scratch }) => {
  const process = await ready(scratch, 'host', 'echo ready; sleep 1000');
  expect(process.stdin).toBeNull();
  await process.stop({ graceMs: 0 });
});

test('remove() of an object whose id another process has by now leaves that alone', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['true'] });
  const old = await container.start();
  await old.wait();
  const other = scratch.keep(await Container.load(scratch.root, container.id));
  await other.removeProcess('init');
  const fresh = await other.start();
  await fresh.wait();
  await expect(old.remove()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  expect(existsSync(join(scratch.root, container.id, 'init'))).toBe(true);
  await fresh.remove();
});

test.for<[string, unknown, string]>([
  ['stop', { signal: 0 }, 'ERR_OUT_OF_RANGE'],
  ['stop', { signal: 'SIGNONE' }, 'ERR_INVALID_ARG_VALUE'],
  ['stop', { signal: true }, 'ERR_INVALID_ARG_TYPE'],
  ['stop', { graceMs: -1 }, 'ERR_OUT_OF_RANGE'],
  ['stop', { graceMs: '1' }, 'ERR_INVALID_ARG_TYPE'],
  ['stop', { grace: 1 }, 'ERR_INVALID_ARG_VALUE'],
  ['stop', 'SIGTERM', 'ERR_INVALID_ARG_TYPE'],
  ['remove', { force: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ['remove', { Force: true }, 'ERR_INVALID_ARG_VALUE'],
] as const)('%s(%j) is refused, and nothing happens', async ([method, options, code], { scratch }) => {
  const process = await ready(scratch, 'host', 'echo ready; sleep 1000');
  await expect(process[method as 'stop'](options as object)).rejects.toMatchObject({ code });
  expect(process.state()).toBe('running');
  await process.stop({ graceMs: 0 });
});

test('exec(args) refuses what is no program, by the name of the argument', async ({ scratch }) => {
  const process = await ready(scratch, 'host', 'echo ready; sleep 1000');
  const { container } = process;
  for (const [args, name] of [
    [[], 'args'],
    [[''], 'args[0]'],
    [['a', 1], 'args[1]'],
  ] as const) {
    await expect(container.exec(args as unknown as string[])).rejects.toThrow(name);
  }
  expect(container.processes()).toEqual([process]);
  await process.stop({ graceMs: 0 });
});
