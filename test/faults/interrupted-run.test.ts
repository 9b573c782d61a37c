/**
 * A program that dies within run(), or within the removal of what it ran: whatever it left, the id is never stuck. Either find()
 * brings its process back, or run() with the same id makes it anew.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { Container, Supervisor, find, list, run } from '../../src/index.js';
import { ContainerLock } from '../../src/state/lock.js';
import type { ContainerProcess } from '../../src/container/container.js';
import { checkRun } from '../../src/container/run-options.js';
import { dieAt } from '../support/dying-supervisor.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';

const SLEEP = ['sleep', '1000'];
const RUN = { scope: 'none' } as const;

/** What find() gives; undefined if it says that there is none. */
async function found(root: string, id: string): Promise<ContainerProcess | undefined> {
  try {
    return await find(id, { root });
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' });
    return undefined;
  }
}

/** All that looks at a state root does so without an error, and changes nothing. */
async function look(root: string): Promise<void> {
  for (const process of await list({}, { root })) process.container.close();
  const { containers, failures } = await Container.loadAll(root);
  expect(failures).toEqual([]);
  for (const container of containers) {
    expect(container.inspect().id).toBe(container.id);
    container.close();
  }
  await using supervisor = await Supervisor.open(root);
  expect(supervisor.failures).toEqual([]);
}

/** The id is free, or its process runs and can be removed; then run() with this id works. */
async function expectUsable(root: string, id: string): Promise<void> {
  const first = await found(root, id);
  if (first !== undefined && !(await wasNeverStarted(first))) {
    await expect(run(SLEEP, { ...RUN, root, id })).rejects.toMatchObject({ code: 'ERR_CONTAINER_EXISTS' });
    await first.remove({ force: true });
  }
  first?.container.close();
  const process = await run(['sh', '-c', 'exit 5'], { ...RUN, root, id });
  expect(await process.wait()).toMatchObject({ status: 5 });
  await process.remove();
}

async function wasNeverStarted(process: ContainerProcess): Promise<boolean> {
  await until('it runs or has ended', () => process.hasEnded || process.systemPid > 0);
  return process.hasEnded && (await process.wait()).lost?.startsWith('the process was never started') === true;
}

async function expectNothingLeft(root: string): Promise<void> {
  await Container.cleanUp(root, { graceMs: 0 });
  expect(readdirSync(root).filter((name) => name !== '.events')).toEqual([]);
}

// run() makes about 160 calls, remove() 100. Here are a few of each; the fault harness tries all of them.
describe('a program killed within', () => {
  test.for([3, 10, 20, 30, 40, 50, 60, 70, 80, 90, 105, 120, 135, 150, 1000])(
    'run(), at call %i: the id is never stuck',
    async (nth, { scratch }) => {
      const { root } = scratch;
      const id = scratch.newId();
      await dieAt(nth, [], ['run', { args: SLEEP, options: { ...RUN, root, id } }]);
      await look(root);
      await expectUsable(root, id);
      await expectNothingLeft(root);
    },
  );

  test.for([3, 20, 40, 60, 80, 95, 300])('remove(), at call %i: the id is never stuck', async (nth, { scratch }) => {
    const { root } = scratch;
    const id = scratch.newId();
    const process = await run(SLEEP, { ...RUN, root, id });
    process.container.close();
    await dieAt(nth, [['load', { root, id }]], ['delete', { id }]);
    await look(root);
    await expectUsable(root, id);
    await expectNothingLeft(root);
  });
});

/** What a run() leaves whose program died after it made the container, and before it made its process. */
async function interruptedRun(root: string, id: string): Promise<void> {
  const { container: options, config } = checkRun(SLEEP, { root, id });
  const { lock } = await Container.createHeld(config, options);
  lock.release();
}

/** The codes of the failures of several run() with one id at the same moment; the process of the one that won is removed. */
async function contend(root: string, id: string, count: number): Promise<unknown[]> {
  const runs = Array.from({ length: count }, () => run(SLEEP, { ...RUN, root, id }));
  const codes: unknown[] = [];
  for (const result of await Promise.allSettled(runs)) {
    if (result.status === 'fulfilled') await result.value.remove({ force: true });
    else codes.push((result.reason as { code?: string }).code);
  }
  return codes;
}

describe('what an interrupted run() left', () => {
  test('of several run() with its id, one gets it', async ({ scratch }) => {
    const { root } = scratch;
    const id = scratch.newId();
    for (let i = 0; i < 5; i++) {
      await interruptedRun(root, id);
      expect(await found(root, id)).toBe(undefined);
      expect(await contend(root, id, 6)).toEqual(Array(5).fill('ERR_CONTAINER_EXISTS'));
    }
    expect(await contend(root, id, 6)).toEqual(Array(5).fill('ERR_CONTAINER_EXISTS'));
    expect(readdirSync(root)).toEqual([]);
  });

  test('is not taken from a program that lives and holds its lock', async ({ scratch }) => {
    const { root } = scratch;
    const id = scratch.newId();
    await interruptedRun(root, id);
    const lock = ContainerLock.tryTake(join(root, id));
    const failed = run(SLEEP, { ...RUN, root, id, timeoutMs: 100 });
    await expect(failed).rejects.toMatchObject({ code: 'ERR_CONTAINER_EXISTS' });
    const waiting = run(SLEEP, { ...RUN, root, id });
    lock?.release();
    await (await waiting).remove({ force: true });
    expect(lock).toBeDefined();
  });

  test('a container of create() waits for its start for ever, and what is no container is not touched', async ({
    scratch,
  }) => {
    const { root } = scratch;
    const { id, bundle } = await scratch.container('host', { args: ['true'] });
    mkdirSync(join(root, 'mine', 'init', '.bundle'), { recursive: true });
    writeFileSync(join(root, 'file'), '');
    for (const taken of [id, 'mine', 'file']) {
      await expect(run(SLEEP, { ...RUN, root, id: taken })).rejects.toMatchObject({ code: 'ERR_CONTAINER_EXISTS' });
    }
    expect(readdirSync(join(root, 'mine'), { recursive: true })).toEqual(['init', 'init/.bundle']);
    const again = scratch.keep(await Container.load(root, id));
    expect(again.bundle).toBe(bundle);
    expect(await (await again.start()).wait()).toMatchObject({ status: 0 });
  });

  test('cleanUp() removes all of it, when it is old enough; delete() and `outlive` do too', async ({ scratch }) => {
    const { root } = scratch;
    const id = scratch.newId();
    const path = join(root, id);
    await interruptedRun(root, id);
    expect(await Container.cleanUp(root)).toEqual([]);
    const reason = 'a run that was interrupted before its process began';
    expect(await Container.cleanUp(root, { graceMs: 0 })).toEqual([{ path, reason, removed: true }]);
    expect(readdirSync(root)).toEqual([]);
    await interruptedRun(root, id);
    await (await Container.load(root, id)).delete({ force: false });
    expect(existsSync(path)).toBe(false);

    await interruptedRun(root, id);
    const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
    const outlive = (...args: string[]): string =>
      execFileSync(process.execPath, [main, '--root', root, ...args], { encoding: 'utf8' });
    expect(outlive('ps', '-a')).toMatch(new RegExp(`^${id} +never started `, 'm'));
    expect(outlive('rm', id)).toBe(`${id}\n`);
    await interruptedRun(root, id);
    expect(outlive('run', '--scope', 'none', '--name', id, 'echo', 'made', 'anew')).toBe('made anew\n');
    expect(outlive('rm', id)).toBe(`${id}\n`);
  });

  test('is made anew by createInit() and start() of the loaded container too', async ({ scratch }) => {
    const { root } = scratch;
    const id = scratch.newId();
    await interruptedRun(root, id);
    const container = scratch.keep(await Container.load(root, id));
    await container.createInit();
    await container.start();
    await container.delete();
  });
});
