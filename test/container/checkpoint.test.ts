/**
 * Checkpoints on a runtime that records its calls: the exact command lines to make and restore one, and the files. If
 * criu works, a real process continues from where it was.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CheckpointOptions, Spec } from '../../src/index.js';
import { AnsweringRuntime } from '../support/answers.js';
import { runtimes } from '../support/runtimes.js';
import { test } from '../support/scratch.js';
import { succeeds } from '../support/strict.js';
import { until } from '../support/until.js';

const ALL = { exit: true, tcp: true, unixSockets: true, shell: true, emptyNs: ['network', 'uts'] };
const ALL_FLAGS = ['--shell-job', '--tcp-established', '--ext-unix-sk', '--empty-ns', 'network', '--empty-ns', 'uts'];

test.for<[Partial<CheckpointOptions>, string[]]>([
  [{}, ['--leave-running']],
  [{ exit: true }, []],
  [{ tcp: true }, ['--leave-running', '--tcp-established']],
  [{ unixSockets: true, shell: true }, ['--leave-running', '--shell-job', '--ext-unix-sk']],
  [{ emptyNs: ['network'] }, ['--leave-running', '--empty-ns', 'network']],
  [ALL, ALL_FLAGS],
])('checkpoint with %j calls the runtime with %j', async ([options, flags], { scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { container } = runtime;
    const checkpoint = await container.checkpoint({ name: 'one', ...options });
    const path = join(container.bundle, 'checkpoints', 'one');
    const paths = ['--image-path', path, '--work-path', `${path}/criu.work`];
    expect(runtime.argv('checkpoint')).toEqual(['checkpoint', ...paths, ...flags, container.id]);
    const none = { exit: false, tcp: false, unixSockets: false, shell: false, emptyNs: [] };
    expect(checkpoint).toEqual({ ...none, ...options, name: 'one', created: checkpoint.created });
    expect(await container.checkpoints()).toEqual([checkpoint]);
  });
});

test('its config.json, byte for byte as the original wrote it, with mode 0600', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async ({ container }) => {
    const before = Date.now();
    const { created } = await container.checkpoint({ name: 'a' });
    await container.checkpoint({ name: 'b', ...ALL });
    expect(created?.getTime()).toBeGreaterThanOrEqual(before);
    const path = (name: string): string => join(container.bundle, 'checkpoints', name);
    expect(readFileSync(join(path('a'), 'config.json'), 'utf8')).toBe(
      `{"created":"${created?.toISOString() ?? ''}","name":"a","tcp":false,"unixSockets":false,"shell":false,"exit":false}\n`,
    );
    const b: unknown = JSON.parse(readFileSync(join(path('b'), 'config.json'), 'utf8'));
    expect(b).toMatchObject({ tcp: true, unixSockets: true, shell: true, exit: true, emptyNS: ['network', 'uts'] });
    expect(readdirSync(path('a'))).toEqual(['config.json']);
    expect(statSync(path('a')).mode & 0o777).toBe(0o700);
    expect(statSync(join(path('a'), 'config.json')).mode & 0o777).toBe(0o600);
  });
});

test('a checkpoint is restored with the flags that it was made with, by name or by path', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime, process) => {
    const { container } = runtime;
    const elsewhere = scratch.mkdir('elsewhere');
    await container.checkpoint({ name: 'one', ...ALL }, elsewhere);
    await container.checkpoint({ name: 'two' });
    process.signal('SIGKILL');
    await process.wait();
    for (const [checkpoint, image, flags] of [
      [join(elsewhere, 'one'), join(elsewhere, 'one'), ['--shell-job', ...ALL_FLAGS.slice(1)]],
      ['two', join(container.bundle, 'checkpoints', 'two'), []],
    ] as const) {
      await container.removeProcess('init');
      const restored = await container.start({ checkpoint });
      await restored.wait();
      const dir = join(scratch.root, container.id, 'init');
      const paths = ['--image-path', image, '--work-path', `${dir}/restore-work`];
      const rest = ['--bundle', container.bundle, '--pid-file', `${dir}/pid`, container.id];
      expect(runtime.argv('restore')).toEqual(['restore', '-d', ...paths, ...flags, ...rest]);
    }
  });
});

test('a checkpoint that fails leaves no directory, and has the runtime’s error', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { container } = runtime;
    const dir = join(container.bundle, 'checkpoints');
    const failed = { code: 'ERR_OCI_RUNTIME', message: 'oci runtime error: checkpoint: criu says no' };
    runtime.fails('checkpoint', 'criu says no');
    await expect(container.checkpoint({ name: 'one' })).rejects.toMatchObject(failed);
    expect(existsSync(dir)).toBe(false);
    mkdirSync(join(dir, 'kept'), { recursive: true });
    await expect(container.checkpoint({ name: 'one' })).rejects.toMatchObject(failed);
    expect(readdirSync(dir)).toEqual(['kept']);
    rmSync(join(runtime.dir, 'checkpoint.error'));
    await container.checkpoint({ name: 'one' });
    expect(readdirSync(dir).sort()).toEqual(['kept', 'one']);
  });
});

test('a checkpoint that criu cannot make has criu’s first error, the runtime’s as its cause, and keeps the log', async ({
  scratch,
}) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { container } = runtime;
    const log = ['(0.1) Dumping', '(0.2) Error (criu/a.c:1): the reason', '(0.3) Error (criu/b.c:2): what follows', ''];
    writeFileSync(join(runtime.dir, 'checkpoint.criu'), log.join('\n'));
    runtime.fails('checkpoint', 'container still running');
    const dir = join(container.bundle, 'checkpoints');
    const kept = join(dir, 'one', 'criu.work', 'dump.log');
    const failed = {
      code: 'ERR_OCI_RUNTIME',
      message: `oci runtime error: checkpoint: Error (criu/a.c:1): the reason (log file: ${kept})`,
      cause: { message: 'oci runtime error: checkpoint: container still running' },
    };
    await expect(container.checkpoint({ name: 'one' })).rejects.toMatchObject(failed);
    expect(readFileSync(kept, 'utf8')).toBe(log.join('\n'));
    expect(readdirSync(dir, { recursive: true }).sort()).toEqual(['one', 'one/criu.work', 'one/criu.work/dump.log']);
    expect(await container.checkpoints()).toEqual([]);
    // The name is free: the next attempt replaces the log.
    await expect(container.checkpoint({ name: 'one' })).rejects.toMatchObject(failed);
    rmSync(join(runtime.dir, 'checkpoint.criu'));
    rmSync(join(runtime.dir, 'checkpoint.error'));
    await container.checkpoint({ name: 'one' });
    expect(readdirSync(join(dir, 'one'))).toEqual(['config.json']);
  });
});

test('a name in use is ERR_CHECKPOINT_EXISTS, and its checkpoint stays', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { container } = runtime;
    const first = await container.checkpoint({ name: 'one' });
    rmSync(join(runtime.dir, 'checkpoint.argv'));
    const exists = { code: 'ERR_CHECKPOINT_EXISTS', cause: { code: 'EEXIST' } };
    await expect(container.checkpoint({ name: 'one', tcp: true })).rejects.toMatchObject(exists);
    expect(runtime.wasAsked('checkpoint')).toBe(false);
    expect(await container.checkpoints()).toEqual([first]);
    const dir = scratch.mkdir('dir');
    writeFileSync(join(dir, 'one'), 'a file');
    await expect(container.checkpoint({ name: 'one' }, dir)).rejects.toMatchObject(exists);
    expect(readFileSync(join(dir, 'one'), 'utf8')).toBe('a file');
  });
});

test('of two that make one name at once, one succeeds', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async ({ container }) => {
    const both = await Promise.allSettled([container.checkpoint({ name: 'x' }), container.checkpoint({ name: 'x' })]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await container.checkpoints()).toHaveLength(1);
  });
});

test('checkpoints() lists finished checkpoints by name, those of the original too', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['true'] });
  expect(await container.checkpoints()).toEqual([]);
  const dir = scratch.mkdir('dir');
  const write = (name: string, text: string): void => {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'config.json'), text);
  };
  write('b', '{"created":"2016-06-01T10:00:00.123456789+02:00","name":"b","tcp":true,"emptyNS":null}');
  write('a', '{"created":5}');
  write('.hidden', '{}');
  mkdirSync(join(dir, 'unfinished'));
  writeFileSync(join(dir, 'file'), '');
  const none = { exit: false, tcp: false, unixSockets: false, shell: false, emptyNs: [] };
  expect(await container.checkpoints(dir)).toEqual([
    { ...none, name: 'a', created: undefined },
    { ...none, name: 'b', created: new Date('2016-06-01T08:00:00.123Z'), tcp: true },
  ]);
  write('c', '{');
  await expect(container.checkpoints(dir)).rejects.toMatchObject({
    code: 'ERR_INVALID_STATE',
    message: expect.stringContaining(`${dir}/c/config.json:1:`) as string,
  });
});

test('deleteCheckpoint() removes one checkpoint with all its files, finished or not', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['true'] });
  const dir = scratch.mkdir('dir');
  mkdirSync(join(dir, 'one', 'criu.work'), { recursive: true });
  writeFileSync(join(dir, 'one', 'config.json'), '{}');
  mkdirSync(join(dir, 'two'));
  await container.deleteCheckpoint('one', dir);
  expect(readdirSync(dir)).toEqual(['two']);
  await container.deleteCheckpoint('two', dir);
  writeFileSync(join(dir, 'file'), '');
  symlinkSync(scratch.dir, join(dir, 'link'));
  for (const name of ['one', 'file', 'link']) {
    await expect(container.deleteCheckpoint(name, dir)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_NOT_EXISTS' });
  }
  await expect(container.deleteCheckpoint('one')).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_NOT_EXISTS' });
  await expect(container.deleteCheckpoint('../dir', dir)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  expect(readdirSync(dir).sort()).toEqual(['file', 'link']);
});

test.for([
  ['none', 'ERR_CHECKPOINT_NOT_EXISTS'],
  ['/no/such/checkpoint', 'ERR_CHECKPOINT_NOT_EXISTS'],
  ['/dev/null', 'ERR_CHECKPOINT_NOT_EXISTS'],
  ['../up', 'ERR_INVALID_ARG_VALUE'],
  ['/a\0b', 'ERR_INVALID_ARG_VALUE'],
  [5, 'ERR_INVALID_ARG_TYPE'],
] as const)('start({ checkpoint: %j }) is %s, and leaves nothing', async ([checkpoint, code], { scratch }) => {
  const { container } = await AnsweringRuntime.make(scratch);
  await expect(container.start({ checkpoint: checkpoint as string })).rejects.toMatchObject({ code });
  expect(container.processes()).toEqual([]);
  expect(readdirSync(join(scratch.root, container.id))).toEqual(['.lock', 'state.json']);
});

test.for([
  [{}, 'ERR_INVALID_ARG_TYPE'],
  [{ name: '../x' }, 'ERR_INVALID_ARG_VALUE'],
  [{ name: 'x', tcp: 1 }, 'ERR_INVALID_ARG_TYPE'],
  [{ name: 'x', exit: 'no' }, 'ERR_INVALID_ARG_TYPE'],
  [{ name: 'x', emptyNs: 'network' }, 'ERR_INVALID_ARG_TYPE'],
  [{ name: 'x', emptyNs: ['a\0'] }, 'ERR_INVALID_ARG_VALUE'],
  [undefined, 'ERR_INVALID_ARG_TYPE'],
] as const)('checkpoint(%j) is %s', async ([options, code], { scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    await expect(runtime.container.checkpoint(options as never)).rejects.toMatchObject({ code });
    expect(runtime.wasAsked('checkpoint')).toBe(false);
    expect(existsSync(join(runtime.container.bundle, 'checkpoints'))).toBe(false);
  });
});

// Without criu this is not a failure, also in strict mode: the library only makes the command lines tested above.
if (runtimes.includes('runc') && succeeds('criu', ['check'])) {
  test('with criu, a restored process continues from where it was', async ({ scratch }) => {
    const script = 'i=0; while :; do i=$((i+1)); echo $i >/tmp/i; sleep 0.1; done';
    const container = await scratch.container('runc', { args: ['sh', '-c', script] });
    const config = join(container.bundle, 'config.json');
    const spec = JSON.parse(readFileSync(config, 'utf8')) as Spec;
    writeFileSync(config, JSON.stringify({ ...spec, root: { path: 'rootfs', readonly: false } }));
    const counter = join(container.bundle, 'rootfs/tmp/i');
    const count = (): number => (existsSync(counter) ? Number(readFileSync(counter, 'utf8')) : 0);
    const process = await container.start();
    await until('it counts', () => count() > 3);
    await container.checkpoint({ name: 'one', exit: true });
    expect(await process.wait()).toMatchObject({ status: 137 });
    const reached = count();
    await container.removeProcess('init');
    await container.start({ checkpoint: 'one' });
    expect(container.state()).toBe('running');
    await until('it counts on', () => count() > reached);
  });
}
