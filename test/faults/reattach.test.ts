/** Re-attach after a supervisor died at any instant: what it left loads, reports its true state, and can be deleted. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { MAX_RUNTIMES, runtimeSlots } from '../../src/disk/runtime-slots.js';
import { Container, type Process, posix } from '../../src/index.js';
import { dieAt } from '../support/dying-supervisor.js';
import { openDescriptors, processesWith } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { SlowShim } from '../support/shims.js';
import { until } from '../support/until.js';

/** Ends a process if it runs; gives its status, or why that is lost. */
async function endOf(process: Process): Promise<string> {
  await until('it runs or has ended', () => process.hasEnded || process.state() === 'running');
  if (!process.hasEnded) {
    await until('a signal reaches it', () => {
      try {
        process.signal('SIGKILL');
        return true;
      } catch (error) {
        return (error as { code?: string }).code === 'ERR_PROCESS_EXITED';
      }
    });
  }
  const { status, lost } = await process.wait();
  return lost ?? String(status);
}

async function expectReusable(scratch: Scratch, id: string, bundle: string): Promise<void> {
  await Container.cleanUp(scratch.root, { graceMs: 0 });
  expect(readdirSync(scratch.root)).toEqual([]);
  const again = scratch.keep(await Container.create({ root: scratch.root, id, bundle }));
  await again.delete();
}

// create makes about 20 calls, start 90, delete 110. The fault harness tries all of them; here are a few of each.
describe('a supervisor killed within', () => {
  test.for([1, 4, 7, 10, 13, 16, 40])('create, at call %i', async (nth, { scratch }) => {
    const { bundle } = await scratch.container('host', { args: ['true'] });
    for (const id of readdirSync(scratch.root)) rmSync(join(scratch.root, id), { recursive: true });
    const id = scratch.newId();
    await dieAt(nth, [], ['create', { options: { root: scratch.root, id, bundle } }]);
    const { containers, failures } = await Container.loadAll(scratch.root);
    expect(failures).toEqual([]);
    for (const container of containers) {
      expect(container.processes()).toEqual([]);
      expect(container.state()).toBe('stopped');
      await container.delete();
    }
    await expectReusable(scratch, id, bundle);
  });

  test.for([5, 20, 30, 40, 50, 60, 70, 200])('start, at call %i', async (nth, { scratch }) => {
    const { id, bundle } = await scratch.container('host', { args: ['sleep', '1000'] });
    await dieAt(nth, [['load', { root: scratch.root, id }]], ['start', { id }]);
    const container = scratch.keep(await Container.load(scratch.root, id));
    for (const process of container.processes()) {
      expect(await endOf(process)).toMatch(/^137$|^the process was never started/);
    }
    await container.delete();
    await expectReusable(scratch, id, bundle);
  });

  test.for([3, 30, 60, 90, 300])('delete, at call %i', async (nth, { scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    await container.start();
    const { id, bundle } = container;
    await dieAt(nth, [['load', { root: scratch.root, id }]], ['delete', { id }]);
    container.close();
    const { containers, failures } = await Container.loadAll(scratch.root);
    expect(failures).toEqual([]);
    for (const loaded of containers) {
      for (const process of loaded.processes()) expect(await endOf(process)).toBe('137');
      await loaded.delete();
    }
    await expectReusable(scratch, id, bundle);
  });
});

test('a shim that has not opened its FIFOs when a supervisor loads is waited for, not given up', async ({
  scratch,
}) => {
  const slow = new SlowShim(scratch);
  const starter = await scratch.container('host', { args: ['sh', '-c', 'exit 6'] }, { shim: slow.path });
  const starting = starter.start();
  await until('the shim is there', () => processesWith(starter.id).length > 0);
  const container = scratch.keep(await Container.load(scratch.root, starter.id));
  const [process] = container.processes();
  expect(process?.state()).toBe('stopped');
  slow.letGo();
  expect(await process?.wait()).toMatchObject({ status: 6 });
  expect(await (await starting).wait()).toMatchObject({ status: 6 });
});

/** Begins a start that has made its directory and waits for its turn to run a runtime; `go` lets it start the shim. */
async function claimed(
  scratch: Scratch,
  container: Container,
): Promise<{ starting: ReturnType<Container['start']>; go: () => void }> {
  const leaves = await Promise.all(Array.from({ length: MAX_RUNTIMES }, () => runtimeSlots.enter()));
  const starting = container.start();
  await until('process.json', () => existsSync(join(scratch.root, container.id, 'init', 'process.json')));
  const go = (): void => {
    for (const leave of leaves) leave();
  };
  scratch.atEnd(async () => {
    go();
    await Promise.resolve();
  });
  return { starting, go };
}

describe('a supervisor that comes while another one is about to start the shim', () => {
  test('sees that a start is under way, and gets the same exit', async ({ scratch }) => {
    const starter = await scratch.container('host', { args: ['sh', '-c', 'exit 6'] });
    const { starting, go } = await claimed(scratch, starter);
    const container = scratch.keep(await Container.load(scratch.root, starter.id));
    expect(processesWith(starter.id)).toEqual([]);
    const [process] = container.processes();
    expect(process?.hasEnded).toBe(false);
    go();
    expect(await process?.wait()).toMatchObject({ status: 6 });
    expect(await (await starting).wait()).toMatchObject({ status: 6 });
  });

  test('removes nothing of it as a leftover, however old it looks', async ({ scratch }) => {
    const starter = await scratch.container('host', { args: ['sh', '-c', 'exit 6'] });
    const { starting, go } = await claimed(scratch, starter);
    utimesSync(join(scratch.root, starter.id, 'init'), 0, 0);
    expect(await Container.cleanUp(scratch.root, { graceMs: 0 })).toEqual([]);
    expect(processesWith(starter.id)).toEqual([]);
    go();
    expect(await (await starting).wait()).toMatchObject({ status: 6 });
  });

  test('leaves the clean-up of a failed start to that one', async ({ scratch }) => {
    const starter = await scratch.container('host', { args: ['/nonexistent'] });
    const { starting, go } = await claimed(scratch, starter);
    const container = scratch.keep(await Container.load(scratch.root, starter.id));
    const told = container.processes()[0]?.wait();
    go();
    await expect(starting).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(await told).toMatchObject({ status: undefined, lost: 'its directory was removed' });
  });
});

test('a container without state.json says so, is listed by a dry run, and is removed', async ({ scratch }) => {
  const { id } = await scratch.container('host', { args: ['true'] });
  rmSync(join(scratch.root, id, 'state.json'));
  await expect(Container.load(scratch.root, id)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  const { containers, failures } = await Container.loadAll(scratch.root);
  expect({ containers, failures }).toMatchObject({ containers: [], failures: [{ id }] });
  const listed = await Container.cleanUp(scratch.root, { dryRun: true });
  expect(listed.map(({ path }) => path)).toEqual([join(scratch.root, id)]);
  expect(readdirSync(scratch.root)).toEqual([id]);
  await Container.cleanUp(scratch.root);
  expect(readdirSync(scratch.root)).toEqual([]);
});

test.for([
  ['nothing', [], 0],
  ['exit', ['exit'], 0],
  ['both FIFOs', ['exit', 'control'], 0],
  ['process.json alone', ['process.json'], 1],
  ['all but the FIFO exit', ['control', 'process.json'], 1],
  ['all of a start', ['exit', 'control', 'process.json'], 1],
] as const)('a process directory with %s loads, and its place can be taken or deleted', async (row, { scratch }) => {
  const [, names, count] = row;
  const container = await scratch.container('host', { args: ['sh', '-c', 'exit 8'] });
  const dir = join(scratch.root, container.id, 'init');
  mkdirSync(dir, { mode: 0o700 });
  for (const name of names) {
    if (name === 'process.json') writeFileSync(join(dir, name), '{"args":["true"]}\n', { mode: 0o600 });
    else posix.mkfifo(join(dir, name), 0o600);
  }
  const loaded = scratch.keep(await Container.load(scratch.root, container.id));
  const processes = loaded.processes();
  expect(processes.length).toBe(count);
  for (const process of processes) {
    expect(process.state()).toBe('stopped');
    expect(await process.wait()).toMatchObject({ lost: expect.stringContaining('never started') as string });
    await loaded.removeProcess(process.id);
  }
  expect(await (await loaded.start()).wait()).toMatchObject({ status: 8 });
  await loaded.delete();
  expect(readdirSync(scratch.root)).toEqual([]);
});

test('two supervisors, and two waits of one, each get the same exit once', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['sh', '-c', 'read x; exit 77'] });
  const process = await container.start({ stdio: scratch.fifos() });
  const others = await Promise.all(
    [1, 2].map(async () => scratch.keep(await Container.load(scratch.root, container.id))),
  );
  const waits = [process, process, ...others.flatMap((other) => other.processes())].map((one) => one.wait());
  process.openStdin().end('\n');
  for (const exit of await Promise.all(waits)) expect(exit).toMatchObject({ status: 77 });
});

test('a hundred processes that end at once: each status is exact', async ({ scratch }) => {
  const before = openDescriptors().length;
  const container = await scratch.container('host', { args: ['sleep', '1000'] });
  await container.start();
  const codes = Array.from({ length: 100 }, (_, i) => (i * 7) % 256);
  const told = await Promise.all(
    codes.map(async (code, i) => {
      const process = await container.exec(`p${i}`, { args: ['sh', '-c', `exit ${code}`] });
      return (await process.wait()).status;
    }),
  );
  expect(told).toEqual(codes);
  await container.delete();
  expect(openDescriptors().length).toBeLessThanOrEqual(before + 1);
});

test('a directory that is renamed while its process runs: the exit is lost with that reason, and wait() does not hang', async ({
  scratch,
}) => {
  const container = await scratch.container('host', { args: ['sh', '-c', 'read x; exit 3'] });
  const process = await container.start({ stdio: scratch.fifos() });
  const dir = join(scratch.root, container.id);
  renameSync(dir, `${scratch.dir}/away`);
  process.openStdin().end('\n');
  expect(await process.wait()).toMatchObject({ lost: expect.stringContaining('removed') as string });
  renameSync(`${scratch.dir}/away`, dir);
  await container.delete();
});
