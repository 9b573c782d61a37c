/** No object ever acts on another container or process than the one that it was made for. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, type ContainerOptions, type Process } from '../../src/index.js';
import { Actor } from '../support/actor.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { noProcessLeft } from '../support/fake-runtime.js';
import { isGone, processesWith, shimIn } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { SlowShim, killShim } from '../support/shims.js';
import { until } from '../support/until.js';

/** What may be tried on an old container. */
const containerCalls: [string, (container: Container) => Promise<unknown>][] = [
  ['delete()', (c) => c.delete()],
  ['delete({ force: false })', (c) => c.delete({ force: false })],
  ['start()', (c) => c.start()],
  ['create()', (c) => c.createInit()],
  ['exec()', (c) => c.exec('x', { args: ['true'] })],
  ['removeProcess()', (c) => c.removeProcess('init')],
  ['killAll()', (c) => c.killAll()],
  ['pause()', (c) => c.pause()],
  ['resume()', (c) => c.resume()],
  ['updateResources()', (c) => c.updateResources({ pids: { limit: 1 } })],
];

/** Those that only ask. */
const questions: [string, (container: Container) => Promise<unknown>][] = [
  ['status()', (c) => c.runtimeStatus()],
  ['pids()', (c) => c.pids()],
  ['stats()', (c) => c.stats()],
];

/** What may be tried on an old process. */
const processCalls: [string, (process: Process) => unknown][] = [
  ['signal()', (p) => p.signal('SIGKILL')],
  ['signal(0)', (p) => p.signal(0)],
  ['resize()', (p) => p.resize(10, 10)],
  ['closeStdin()', (p) => p.closeStdin()],
  ['openStdin()', (p) => p.openStdin()],
  ['openStdout()', (p) => p.openStdout()],
  ['openStderr()', (p) => p.openStderr()],
  ['start()', (p) => p.start()],
];

const NOT_FOUND = { code: 'ERR_CONTAINER_NOT_FOUND' };

async function bundleOf(scratch: Scratch, args = ['cat']): Promise<string> {
  return writeHostTestBundle(scratch.mkdir('bundle'), { args });
}

async function make(scratch: Scratch, options: Pick<ContainerOptions, 'id' | 'bundle'>): Promise<Container> {
  return scratch.keep(await Container.create({ root: scratch.root, timeoutMs: 5000, ...options }));
}

async function load(scratch: Scratch, id: string): Promise<Container> {
  return scratch.keep(await Container.load(scratch.root, id, { timeoutMs: 5000 }));
}

function initOf(container: Container): Process {
  const [init] = container.processes();
  if (init === undefined) throw new Error('no process');
  return init;
}

/** `cat` goes on as if nothing had been: it was neither ended nor stopped, and its stdin is open. */
async function expectUntouched(process: Process, what = ''): Promise<void> {
  expect([process.state(), process.hasEnded], what).toEqual(['running', false]);
  const [input, output] = [process.openStdin(), process.openStdout()];
  const echoed = new Promise<string>((done) => output.once('data', (chunk: Buffer) => done(chunk.toString())));
  input.write('still here\n');
  expect(await echoed, what).toBe('still here\n');
  input.destroy();
  output.destroy();
}

async function expectEnds(process: Process): Promise<void> {
  process.closeStdin();
  expect(await process.wait()).toMatchObject({ status: 0 });
}

async function codeOf(act: () => unknown): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe.each(['by the object itself', 'by another object', 'by another program'])('a container deleted %s', (by) => {
  /** An object whose container was deleted and made anew, with the same FIFOs, and `cat` in both. */
  async function replaced(scratch: Scratch): Promise<{ old: Container; oldInit: Process; successor: Process }> {
    const [id, bundle, stdio] = [scratch.newId(), await bundleOf(scratch), scratch.fifos()];
    const old = await make(scratch, { id, bundle });
    const oldInit = await old.start({ stdio });
    if (by === 'by the object itself') await old.delete();
    else if (by === 'by another object') await (await load(scratch, id)).delete();
    else {
      const actor = await Actor.start(scratch);
      await actor.load(scratch.root, id);
      await actor.call(id, 'delete');
      await actor.kill();
    }
    const successor = await (await make(scratch, { id, bundle })).start({ stdio });
    return { old, oldInit, successor };
  }

  test('every change through the old object fails, and leaves its successor alone', async ({ scratch }) => {
    const { old, successor } = await replaced(scratch);
    for (const [name, call] of containerCalls) {
      await expect(call(old), name).rejects.toMatchObject(NOT_FOUND);
      await expectUntouched(successor, name);
    }
    expect(old.state()).toBe('stopped');
    expect(old.processes()).toEqual([]);
    await expectEnds(successor);
  });

  test('nor does the old object answer with what its successor does', async ({ scratch }) => {
    const { old, successor } = await replaced(scratch);
    for (const [name, call] of questions) {
      expect(await codeOf(() => call(old)), name).toMatch(/^ERR_CONTAINER_(NOT_FOUND|NOT_STARTED|EXITED)$/);
    }
    await expectEnds(successor);
  });

  test('nor does the old process reach the new one', async ({ scratch }) => {
    const { oldInit, successor } = await replaced(scratch);
    for (const [name, call] of processCalls) {
      expect(await codeOf(() => call(oldInit)), name).toMatch(/^ERR_(PROCESS_EXITED|INVALID_STATE)$/);
      await expectUntouched(successor, name);
    }
    expect(oldInit.state()).toBe('stopped');
    expect(oldInit.systemPid).not.toBe(successor.systemPid);
    await oldInit.wait();
    await expectEnds(successor);
  });
});

test('an object that was loaded before the process began does not mistake its successor for it', async ({
  scratch,
}) => {
  const [id, bundle, stdio] = [scratch.newId(), await bundleOf(scratch), scratch.fifos()];
  const first = await make(scratch, { id, bundle });
  const old = await load(scratch, id);
  await first.delete();
  const successor = await (await make(scratch, { id, bundle })).start({ stdio });
  expect([old.state(), old.processes()]).toEqual(['stopped', []]);
  for (const [name, call] of containerCalls) await expect(call(old), name).rejects.toMatchObject(NOT_FOUND);
  await expectUntouched(successor);
  await expectEnds(successor);
});

describe.each(['of the same object', 'of another object'])('after removeProcess() %s', (by) => {
  test('an exec id that is used again is another process', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    await container.start();
    const stdio = scratch.fifos();
    const old = await container.exec('job', { args: ['cat'] }, { stdio });
    const other = by === 'of the same object' ? container : await load(scratch, container.id);
    const seen = other.processes().find(({ id }) => id === 'job');
    old.closeStdin();
    // Each has seen the end before the removal: an object that had not would tell it as lost.
    await Promise.all([old.wait(), seen?.wait()]);
    await other.removeProcess('job');
    const successor = await other.exec('job', { args: ['cat'] }, { stdio });
    for (const process of [old, ...(seen === undefined || seen === old ? [] : [seen])]) {
      for (const [name, call] of processCalls) {
        expect(await codeOf(() => call(process)), name).toMatch(/^ERR_(PROCESS_EXITED|INVALID_STATE)$/);
        await expectUntouched(successor, name);
      }
      expect([process.state(), process.hasEnded]).toEqual(['stopped', true]);
      expect(await process.wait()).toMatchObject({ status: 0 });
    }
    const current = container.processes().find(({ id }) => id === 'job');
    expect(current?.systemPid).toBe(successor.systemPid);
    await expect(container.removeProcess('job')).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    await expectUntouched(successor);
    await expectEnds(successor);
  });
});

/** An observer in another program, whose event loop is busy from now on; it has told `watched` nothing of the end. */
async function busyObserver(scratch: Scratch, id: string): Promise<{ observer: Actor; free: () => Promise<void> }> {
  const observer = await Actor.start(scratch);
  await observer.load(scratch.root, id, { timeoutMs: 5000 });
  await observer.watch(id, 'init');
  return { observer, free: await observer.block(scratch) };
}

/** It has heard of the end, and whatever it does about that is over: a change of the container waits for it. */
async function heard(observer: Actor, id: string): Promise<{ status?: number; lost?: string }> {
  const [end] = await until('the observer hears of the end', async () => {
    const ends = await observer.ends();
    return ends.length > 0 && ends;
  });
  await expect(observer.call(id, 'delete')).rejects.toMatchObject(NOT_FOUND);
  return end ?? {};
}

describe('an observer that was busy while its container was replaced', () => {
  test('hears of the end late, and does not end the new one', async ({ scratch }) => {
    const [id, bundle, stdio] = [scratch.newId(), await bundleOf(scratch), scratch.fifos()];
    const first = await make(scratch, { id, bundle });
    const init = await first.start({ stdio });
    const { observer, free } = await busyObserver(scratch, id);
    init.signal('SIGKILL');
    await init.wait();
    await first.delete();
    const successor = await (await make(scratch, { id, bundle })).start({ stdio });
    await free();
    const end = await heard(observer, id);
    expect(end.status ?? end.lost).toBeDefined();
    expect([undefined, 137]).toContain(end.status);
    await expectUntouched(successor);
    await expectEnds(successor);
  });

  test('cleans up after a lost end only what is the old one', async ({ scratch }) => {
    const [id, bundle, stdio] = [scratch.newId(), await bundleOf(scratch), scratch.fifos()];
    const first = await make(scratch, { id, bundle });
    const init = await first.start({ stdio });
    const { observer, free } = await busyObserver(scratch, id);
    await killShim(scratch, id);
    expect((await init.wait()).lost).toBeDefined();
    await first.delete();
    await until('the old process is gone', () => isGone(init.systemPid));
    const successor = await (await make(scratch, { id, bundle })).start({ stdio });
    await free();
    expect((await heard(observer, id)).lost).toBeDefined();
    await expectUntouched(successor);
    await expectEnds(successor);
  });

  test('takes no new process of the same id for the one that it knew', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const { id } = container;
    await container.start();
    const stdio = scratch.fifos();
    const old = await container.exec('job', { args: ['cat'] }, { stdio });
    const observer = await Actor.start(scratch);
    await observer.load(scratch.root, id);
    await observer.watch(id, 'job');
    const free = await observer.block(scratch);
    await killShim(scratch, id, 'job');
    expect((await old.wait()).lost).toBeDefined();
    await container.removeProcess('job');
    const successor = await container.exec('job', { args: ['cat'] }, { stdio });
    await free();
    await until('the observer hears of the end', async () => (await observer.ends()).length > 0);
    expect((await observer.ends())[0]?.lost).toBeDefined();
    // What it does about the end comes before this in the queue for the lock.
    await expect(observer.call(id, 'removeProcess', 'job')).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    await expectUntouched(successor);
    await expectEnds(successor);
  });
});

describe.each([
  ['a link', (scratch: Scratch) => link(scratch)],
  ['a path with ..', (scratch: Scratch) => `${scratch.root}/../${scratch.root.split('/').at(-1) ?? ''}`],
  ['a relative path', (scratch: Scratch) => `${'../'.repeat(process.cwd().split('/').length)}${scratch.root.slice(1)}`],
])('a state root given by %s', (_, rootOf) => {
  /** A start whose supervisor died before its shim had opened anything. */
  async function cutOff(scratch: Scratch): Promise<{ id: string; root: string; shim: SlowShim }> {
    const [id, bundle, shim, root] = [
      scratch.newId(),
      await bundleOf(scratch, ['true']),
      new SlowShim(scratch),
      rootOf(scratch),
    ];
    const supervisor = await Actor.start(scratch);
    await supervisor.create({ root, id, bundle, shim: shim.path });
    supervisor.call(id, 'start').catch(() => undefined);
    await until('the shim is there', () => processesWith(`${shim.path}\0${id}`).length === 1);
    await supervisor.kill();
    return { id, root, shim };
  }

  test('a shim that has opened nothing yet is seen: its start goes on', async ({ scratch }) => {
    const { id, root, shim } = await cutOff(scratch);
    const container = scratch.keep(await Container.load(root, id));
    expect(container.processes().map(({ hasEnded }) => hasEnded)).toEqual([false]);
    expect(await Container.cleanUp(root, { graceMs: 0 })).toEqual([]);
    const ended = initOf(container).wait();
    shim.letGo();
    expect(await ended).toMatchObject({ status: 0 });
    await container.delete();
  });

  test('delete() ends such a shim, and leaves nothing', async ({ scratch }) => {
    const { id, root } = await cutOff(scratch);
    const container = scratch.keep(await Container.load(root, id, { timeoutMs: 2000 }));
    await container.delete();
    await noProcessLeft(container);
    expect(await Container.loadAll(root)).toEqual({ containers: [], failures: [] });
  });

  test('it is the same root as by its own path', async ({ scratch }) => {
    const [id, bundle, root, stdio] = [scratch.newId(), await bundleOf(scratch), rootOf(scratch), scratch.fifos()];
    const one = scratch.keep(await Container.create({ root, id, bundle }));
    const init = await one.start({ stdio });
    expect(shimIn(join(scratch.root, id, 'init'))).toBeDefined();
    const other = await load(scratch, id);
    expect(other.state()).toBe('running');
    await expect(Container.create({ root: scratch.root, id, bundle })).rejects.toMatchObject({
      code: 'ERR_CONTAINER_EXISTS',
    });
    const output = text(init.openStdout());
    await other.delete();
    expect(await output).toBe('');
    await expect(one.delete()).rejects.toMatchObject(NOT_FOUND);
  });
});

function link(scratch: Scratch): string {
  const path = join(scratch.dir, 'link');
  symlinkSync(scratch.root, path);
  return path;
}
