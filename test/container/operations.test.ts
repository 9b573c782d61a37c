/** Operations on a runtime that records its calls: the exact arguments, and how each answer is understood. */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Container, type LinuxResources } from '../../src/index.js';
import { AnsweringRuntime } from '../support/answers.js';
import { commandLineOf, processesWith } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';

/** Files of the library that are left in the container's directory. */
function leftIn(root: string, { id }: Container): string[] {
  return readdirSync(join(root, id)).filter((name) => name.startsWith('.') && name !== '.lock');
}

test('each operation is one command with the container’s id', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { container } = runtime;
    const { id } = container;
    runtime.prints('ps', '[1,22]');
    runtime.prints('events', '{"type":"stats","id":"x","data":{"pids":{"current":2}}}\n');
    runtime.status('paused');
    await container.pause();
    runtime.status('running');
    await container.resume();
    expect(await container.pids()).toEqual([1, 22]);
    expect((await container.stats()).pids.current).toBe(2);
    expect(await container.runtimeStatus()).toBe('running');
    expect(runtime.argv('pause')).toEqual(['pause', id]);
    expect(runtime.argv('resume')).toEqual(['resume', id]);
    expect(runtime.argv('ps')).toEqual(['ps', '--format', 'json', id]);
    expect(runtime.argv('events')).toEqual(['events', '--stats', id]);
    expect(runtime.argv('state')).toEqual(['state', id]);
    expect(leftIn(scratch.root, container)).toEqual([]);
  });
});

test.for([
  [undefined, '9'],
  ['SIGTERM', '15'],
  [1, '1'],
  ['SIGRTMIN+3', '37'],
] as const)('killAll(%j) sends signal %s', async ([signal, number], { scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    await runtime.container.killAll(signal);
    expect(runtime.argv('kill')).toEqual(['kill', '--all', runtime.container.id, number]);
  });
});

test('killAll() refuses a container of another bundle, and an invalid signal', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { container } = runtime;
    for (const signal of [0, 65, -1]) {
      await expect(container.killAll(signal)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    }
    await expect(container.killAll('SIGNONE' as 'SIGKILL')).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    runtime.status('running', '/another/bundle');
    await expect(container.killAll()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect(runtime.wasAsked('kill')).toBe(false);
  });
});

test('resources are passed in a file with mode 0600, which is removed afterwards', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { container, dir } = runtime;
    const resources: LinuxResources = { memory: { limit: 1 << 20 }, pids: { limit: 7 }, unified: { 'pids.max': '7' } };
    await container.updateResources(resources);
    const [command, flag, file, id, ...more] = runtime.argv('update');
    expect([command, flag, id, more]).toEqual(['update', '--resources', container.id, []]);
    expect(file?.startsWith(join(scratch.root, container.id, '.run-'))).toBe(true);
    expect(JSON.parse(readFileSync(join(dir, 'resources'), 'utf8'))).toEqual(resources);
    expect(readFileSync(join(dir, 'resources.mode'), 'utf8')).toBe('600\n');
    runtime.fails('update', 'no such limit');
    await expect(container.updateResources(resources)).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    await expect(container.updateResources(5 as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(leftIn(scratch.root, container)).toEqual([]);
  });
});

test('an error has the first error message of the runtime’s log', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    runtime.fails('ps', 'no ps today');
    await expect(runtime.container.pids()).rejects.toMatchObject({
      code: 'ERR_OCI_RUNTIME',
      message: 'oci runtime error: ps: no ps today',
    });
    runtime.fails('state', 'no state either');
    await expect(runtime.container.runtimeStatus()).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
  });
});

test('a runtime that hangs is killed after timeoutMs, with what it started', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime, { systemPid }) => {
    const { id } = runtime.container;
    const container = scratch.keep(await Container.load(scratch.root, id, { timeoutMs: 500 }));
    // The process may be in execve(2) just now, and have no arguments for a moment.
    const before = [systemPid, ...processesWith(id)];
    runtime.hangs('events');
    await expect(container.stats()).rejects.toMatchObject({
      code: 'ERR_OCI_RUNTIME',
      message: 'oci runtime error: events: did not end in 500 ms',
    });
    const left = (): string[] => processesWith(id).flatMap((pid) => (before.includes(pid) ? [] : [commandLineOf(pid)]));
    await until(
      () => `nothing of it is left: ${left().join(', ')}`,
      () => left().length === 0,
    );
    expect(container.state()).toBe('running');
    expect(leftIn(scratch.root, container)).toEqual([]);
  });
});

test('a pause that does not take effect is an error after timeoutMs', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async ({ container: { id } }) => {
    const container = scratch.keep(await Container.load(scratch.root, id, { timeoutMs: 3000 }));
    await expect(container.pause()).rejects.toMatchObject({
      code: 'ERR_OCI_RUNTIME',
      message: 'oci runtime error: pause: not all is paused after 3000 ms',
    });
  });
});

test('a pause that the runtime gives up is tried again, and a runtime that always fails is not asked for ever', async ({
  scratch,
}) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { container } = runtime;
    runtime.fails('pause', 'unable to freeze', 2);
    const paused = container.pause();
    await until('the third attempt', () => runtime.wasAsked('pause') && runtime.count('pause') === 3);
    runtime.status('paused');
    await paused;
    runtime.status('running');
    runtime.fails('pause', 'no freezer', 1000);
    await expect(container.pause()).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(runtime.count('pause')).toBe(3 + 5);
  });
});

test.for([
  ['pause', 'paused', 'ERR_INVALID_STATE'],
  ['pause', 'running', 'ERR_OCI_RUNTIME'],
  ['resume', 'running', 'ERR_INVALID_STATE'],
  ['resume', 'created', 'ERR_INVALID_STATE'],
  ['resume', 'paused', 'ERR_OCI_RUNTIME'],
] as const)('a %s that fails of a container that is %s: %s', async ([operation, status, code], { scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    runtime.fails(operation, 'will not');
    runtime.status(status);
    const failed = operation === 'pause' ? runtime.container.pause() : runtime.container.resume();
    const why = { message: expect.stringContaining('will not') as string };
    await expect(failed).rejects.toMatchObject(
      code === 'ERR_OCI_RUNTIME' ? { code, ...why } : { code, cause: { code: 'ERR_OCI_RUNTIME', ...why } },
    );
  });
});

test.for([
  ['ps', '{"a":1}'],
  ['ps', '[1,"2"]'],
  ['ps', 'PID 1'],
  ['ps', ''],
  ['events', '[]'],
  ['events', '{"type":"oom"}'],
  ['events', 'nothing'],
] as const)(
  'an answer that is not valid is ERR_OCI_RUNTIME: %s printing %j',
  async ([command, printed], { scratch }) => {
    await AnsweringRuntime.with(scratch, async (runtime) => {
      runtime.prints(command, printed);
      const asked: Promise<unknown> = command === 'ps' ? runtime.container.pids() : runtime.container.stats();
      await expect(asked).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    });
  },
);

test('runc’s `null` for no pids is an empty list', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    runtime.prints('ps', 'null');
    expect(await runtime.container.pids()).toEqual([]);
  });
});

test('for a container that has ended status() is stopped, and other operations do not call the runtime', async ({
  scratch,
}) => {
  const runtime = await AnsweringRuntime.make(scratch);
  const { container } = runtime;
  const operations = [
    () => container.pause(),
    () => container.resume(),
    () => container.pids(),
    () => container.stats(),
    () => container.updateResources({}),
    () => container.killAll(),
    () => container.checkpoint({ name: 'a' }),
  ];
  const notStarted = { code: 'ERR_CONTAINER_NOT_STARTED' };
  for (const operation of [...operations, () => container.runtimeStatus()]) {
    await expect(operation()).rejects.toMatchObject(notStarted);
  }
  const process = await container.start();
  await process.wait();
  for (const operation of operations) await expect(operation()).rejects.toMatchObject({ code: 'ERR_CONTAINER_EXITED' });
  // The runtime does not know the container any more, or has another one with its id.
  runtime.fails('state', 'no such container');
  expect(await container.runtimeStatus()).toBe('stopped');
  const { bundle } = await scratch.container('host', { args: ['true'] });
  const other = await AnsweringRuntime.make(scratch);
  await (await other.container.start()).wait();
  other.status('running', bundle);
  expect(await other.container.runtimeStatus()).toBe('stopped');
});

test('delete() does not take a state that never came, or is missing, for an unknown container', async ({ scratch }) => {
  await AnsweringRuntime.with(scratch, async (runtime) => {
    const { id, bundle } = runtime.container;
    const container = await Container.load(scratch.root, id, { timeoutMs: 3000 });
    runtime.prints('state', JSON.stringify({ bundle }));
    await expect(container.delete()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    runtime.hangs('state');
    await expect(container.delete()).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(runtime.wasAsked('delete')).toBe(false);
    expect(container.state()).toBe('running');
    container.close();
    rmSync(join(runtime.dir, 'state.hang'));
  });
});
