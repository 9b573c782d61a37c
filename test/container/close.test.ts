/** close() stops watching, and no more: who works with the object afterwards looks again. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect } from 'vitest';
import { Container, type Process } from '../../src/index.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { noProcessLeft } from '../support/fake-runtime.js';
import { GatedRuntime } from '../support/gated-runtime.js';
import { isGone, openDescriptors } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { test } from '../support/scratch.js';
import { killShim } from '../support/shims.js';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

/** A rootless runc has no cgroup that it could freeze. */
const freezes = wantRight('root, to freeze a cgroup', isRoot);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const SLEEP = { args: ['sleep', '1000'] };
const UNKNOWN = { code: 'ERR_INVALID_STATE' };

const closers: [string, (container: Container, process: Process) => void][] = [
  ['the process', (_, process) => process.close()],
  ['the container', (container) => container.close()],
  ['both, twice', (container, process) => [container, process, process, container].forEach((one) => one.close())],
];

describe.each(closers)('after close() of %s', (_, close) => {
  test('while it runs: delete() ends it and leaves nothing', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    close(container, init);
    await container.delete();
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
    await noProcessLeft(container);
    expect(init.state()).toBe('stopped');
  });

  test('when it has ended: delete() leaves nothing', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['true'] });
    const init = await container.start();
    await init.wait();
    close(container, init);
    await container.delete();
    await noProcessLeft(container);
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
  });

  test('a delete() that is under way goes on', async ({ scratch }) => {
    const runtime = new GatedRuntime(scratch, ['delete']);
    const options = { runtimeArgs: runtime.runtimeArgs };
    const container = await scratch.container(runtime.path, { args: ['true'] }, options);
    const init = await container.start();
    await init.wait();
    // Its shim makes the runtime delete it, which the delete waits for.
    await runtime.came();
    const deleted = container.delete();
    for (let i = 0; i < 3; i++) {
      await nextTurn();
      close(container, init);
    }
    runtime.open();
    await deleted;
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
    await noProcessLeft(container);
  });

  test('delete({ force: false }) refuses while it runs', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    close(container, init);
    await expect(container.delete({ force: false })).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    expect(isGone(init.systemPid)).toBe(false);
    init.signal('SIGKILL');
    await until('it has ended', () => init.hasEnded);
    await container.delete({ force: false });
  });

  test('state(), signal() and exec() look again', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    close(container, init);
    expect([init.state(), container.state(), init.hasEnded]).toEqual(['running', 'running', false]);
    expect(init.exitFd).toBe(-1);
    const stdio = scratch.fifos();
    const job = await container.exec('job', { args: ['cat'] }, { stdio });
    expect(job.exitFd).toBeGreaterThan(-1);
    expect(
      container
        .processes()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['init', 'job']);
    job.closeStdin();
    expect(await job.wait()).toMatchObject({ status: 0 });
    init.signal('SIGTERM');
    await until('the end is seen', () => init.hasEnded);
    expect([init.state(), container.state(), init.exitStatus()]).toEqual(['stopped', 'stopped', 143]);
    await expect(container.exec('late', SLEEP)).rejects.toMatchObject({ code: 'ERR_CONTAINER_EXITED' });
  });

  test('wait() of an end that is not known is ERR_INVALID_STATE; of a known one it resolves', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    close(container, init);
    await expect(init.wait()).rejects.toMatchObject(UNKNOWN);
    expect(() => init.exitStatus()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_NOT_EXITED' }) as Error);
    init.signal('SIGKILL');
    await until('the end is seen', () => init.hasEnded);
    expect(await init.wait()).toMatchObject({ status: 137 });
  });

  test('a wait in progress is ERR_INVALID_STATE, and the process runs on', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    const waiting = init.wait();
    close(container, init);
    await expect(waiting).rejects.toMatchObject(UNKNOWN);
    expect(init.state()).toBe('running');
  });

  test('removeProcess() works, also of one that ended since', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    const job = await container.exec('job', { args: ['cat'] }, { stdio: scratch.fifos() });
    close(container, init);
    job.close();
    await expect(container.removeProcess('job')).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    job.closeStdin();
    await until('the end is seen', () => job.hasEnded);
    await container.removeProcess('job');
    expect(existsSync(join(scratch.root, container.id, 'job'))).toBe(false);
    expect(container.processes().map(({ id }) => id)).toEqual(['init']);
  });

  test('its streams and its terminal work', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['cat'] });
    const init = await container.start({ stdio: scratch.fifos() });
    close(container, init);
    init.resize(80, 25);
    const output = text(init.openStdout());
    const input = init.openStdin();
    await new Promise<void>((done) => void input.end('hello\n', done));
    init.closeStdin();
    expect(await output).toBe('hello\n');
  });

  test('a created container can be let run', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sh', '-c', 'exit 3'] });
    const init = await container.createInit();
    close(container, init);
    expect(container.state()).toBe('created');
    await init.start();
    await until('the end is seen', () => init.hasEnded);
    expect(await init.wait()).toMatchObject({ status: 3 });
  });

  test('delete() works when its shim died meanwhile', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    close(container, init);
    await killShim(scratch, container.id);
    expect([init.hasEnded, init.state()]).toEqual([true, 'stopped']);
    expect((await init.wait()).lost).toBeDefined();
    await container.delete();
    await noProcessLeft(container);
  });

  // Of a shim that is our child its pidfd stays, by which it is reaped.
  test('no descriptor of its directory is left, also after later calls', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    close(container, init);
    init.state();
    container.state();
    init.signal(0);
    expect(container.processes()).toEqual([init]);
    close(container, init);
    expect(openDescriptors().filter((target) => target.startsWith(scratch.dir))).toEqual([]);
  });
});

describe.each(runtimes)('%s', (runtime) => {
  test.runIf(runtime === 'host' || freezes)(
    'close(), then pause(), resume(), killAll() and delete()',
    async ({ scratch }) => {
      const container = await scratch.container(runtime, SLEEP);
      const init = await container.start();
      container.close();
      await container.pause();
      expect(container.state()).toBe('paused');
      await container.resume();
      expect(await container.runtimeStatus()).toBe('running');
      await container.killAll();
      await until('the end is seen', () => init.hasEnded);
      await container.delete();
      await noProcessLeft(container);
    },
  );
});

test('close() in any turn of a start that has its process: it starts, and is not watched', async ({ scratch }) => {
  const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), SLEEP);
  let closed = 0;
  for (let turns = 0; ; turns++) {
    const container = scratch.keep(await Container.create({ root: scratch.root, id: scratch.newId(), bundle }));
    const starting = container.start();
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    const [process] = container.processes();
    if (process !== undefined && process.systemPid !== 0) {
      await (await starting).stop({ signal: 'SIGKILL' });
      break;
    }
    container.close();
    const started = await starting;
    if (process !== undefined) {
      closed++;
      expect(started).toBe(process);
      expect(openDescriptors().filter((target) => target.startsWith(scratch.dir))).toEqual([]);
      await expect(started.wait()).rejects.toMatchObject(UNKNOWN);
    }
    expect(started.state()).toBe('running');
    await started.stop({ signal: 'SIGKILL' });
    container.close();
  }
  expect(closed).toBeGreaterThan(1);
});

test('nothing keeps a closed container that nobody uses, though its process runs', async ({ scratch }) => {
  const id = scratch.newId();
  const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), SLEEP);
  const start = async (): Promise<{ object: WeakRef<Container>; pid: number }> => {
    const container = await Container.create({ root: scratch.root, id, bundle });
    const { systemPid: pid } = await container.start();
    container.close();
    return { object: new WeakRef(container), pid };
  };
  const { object, pid } = await start();
  await until('it is collected', () => {
    collectGarbage();
    return object.deref() === undefined;
  });
  expect(isGone(pid)).toBe(false);
  await (await Container.load(scratch.root, id)).delete();
});
