/** What a container was made from is recorded, and holds: whatever became of its bundle, environment and runtime since. */
import { existsSync, readFileSync, readdirSync, readlinkSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, posix, writeHostBundle } from '../../src/index.js';
import { cgroupDirectories } from '../../src/kernel/cgroup.js';
import { Actor } from '../support/actor.js';
import { type ProcessOverrides, runtimeArgs } from '../support/bundles.js';
import { noProcessLeft, runtime as fakeRuntime, shim } from '../support/fake-runtime.js';
import { isGone } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { killShim, sendToShim, stopShim } from '../support/shims.js';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

/** A rootless runc has no cgroup that it could freeze. */
const freezes = wantRight('root, to freeze a cgroup', isRoot);

const SLEEP = { args: ['sleep', '1000'] };
const PATH = 'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

async function printed(scratch: Scratch, container: Container, id: string, script: string): Promise<string> {
  const job = await container.exec(id, { args: ['sh', '-c', script] }, { stdio: scratch.fifos() });
  const output = await text(job.openStdout());
  await job.wait();
  return output.trim();
}

async function load(scratch: Scratch, { id }: Container, timeoutMs = 15_000): Promise<Container> {
  return scratch.keep(await Container.load(scratch.root, id, { timeoutMs }));
}

describe('the bundle', () => {
  const first = { args: ['sleep', '1000'], env: [PATH, 'JOB=first'], cwd: '/usr' };
  const second = { args: ['sleep', '1000'], env: [PATH, 'JOB=second'], cwd: '/tmp' };

  test('written anew for another job: exec() goes by what the container was started with', async ({ scratch }) => {
    const container = await scratch.container('host', first);
    await container.start();
    await writeHostBundle(container.bundle, second);
    expect(await printed(scratch, container, 'a', 'echo $JOB; pwd')).toBe('first\n/usr');
    expect(await printed(scratch, await load(scratch, container), 'b', 'echo $JOB; pwd')).toBe('first\n/usr');
  });

  test('written anew between create() and start(): exec() goes by what was created', async ({ scratch }) => {
    const container = await scratch.container('host', first);
    await container.createInit();
    await writeHostBundle(container.bundle, second);
    await container.start();
    expect(await printed(scratch, container, 'a', 'echo $JOB')).toBe('first');
  });

  test('removed: everything works as before, from another supervisor too', async ({ scratch }) => {
    const container = await scratch.container('host', first);
    await container.start();
    rmSync(container.bundle, { recursive: true });
    for (const one of [container, await load(scratch, container)]) {
      expect(await printed(scratch, one, 'a', 'echo $JOB; pwd')).toBe('first\n/usr');
      await one.removeProcess('a');
      await one.pause();
      expect(one.state()).toBe('paused');
      await one.resume();
      expect(await one.runtimeStatus()).toBe('running');
      expect(await one.pids()).toHaveLength(1);
    }
    await container.delete();
    await noProcessLeft(container);
  });

  test('broken: exec() does not read it', async ({ scratch }) => {
    const container = await scratch.container('host', first);
    await container.start();
    writeFileSync(join(container.bundle, 'config.json'), '{');
    expect(await printed(scratch, container, 'a', 'echo $JOB')).toBe('first');
  });
});

describe.each(runtimes)('%s: the bundle', (runtime) => {
  test("without its config.json: exec() takes the first process's defaults", async ({ scratch }) => {
    const container = await scratch.container(runtime, { ...SLEEP, env: [PATH, 'JOB=first'], cwd: '/tmp' });
    await container.start();
    rmSync(join(container.bundle, 'config.json'));
    expect(await printed(scratch, container, 'a', 'echo $JOB; pwd')).toBe('first\n/tmp');
    await (await load(scratch, container)).delete();
    await noProcessLeft(container);
  });
});

describe('the environment that says where the runtime keeps its state', () => {
  /** Runs `use` with XDG_RUNTIME_DIR set, or not set. */
  async function withRuntimeDir<T>(value: string | undefined, use: () => Promise<T>): Promise<T> {
    const { XDG_RUNTIME_DIR: before } = process.env;
    const set = (dir: string | undefined): void => {
      if (dir === undefined) delete process.env.XDG_RUNTIME_DIR;
      else process.env.XDG_RUNTIME_DIR = dir;
    };
    set(value);
    try {
      return await use();
    } finally {
      set(before);
    }
  }

  /** The host runtime; it writes down with which XDG_RUNTIME_DIR it is called. */
  function recording(scratch: Scratch): { runtime: string; options: object; calls: () => Map<string, Set<string>> } {
    const path = join(scratch.dir, 'recording');
    const record = join(scratch.dir, 'record');
    const script = `#!/bin/sh
for word; do case $word in run | create | start | exec | state | pause | resume | kill | ps | delete) break ;; esac; done
echo "$word \${XDG_RUNTIME_DIR-not set}" >>"${record}"
exec "${posix.nativeExecutable('outlive-host')}" "$@"
`;
    writeFileSync(path, script, { mode: 0o700 });
    const calls = (): Map<string, Set<string>> => {
      const found = new Map<string, Set<string>>();
      for (const line of readFileSync(record, 'utf8').trim().split('\n')) {
        const [command = '', value = ''] = line.split(/ (.*)/);
        found.set(command, (found.get(command) ?? new Set()).add(value));
      }
      return found;
    };
    return { runtime: path, options: { runtimeArgs: ['--root', join(scratch.dir, 'runtime-state')] }, calls };
  }

  test.for(['/run/at-create', undefined])(
    'is recorded at create (%s), and later values change nothing',
    async (atCreate, { scratch }) => {
      const { runtime, options, calls } = recording(scratch);
      const container = await withRuntimeDir(atCreate, () => scratch.container(runtime, SLEEP, options));
      await withRuntimeDir('/run/later', async () => {
        await container.createInit();
        await container.start();
        await (await container.exec('a', { args: ['true'] })).wait();
        await container.pause();
        await container.resume();
        await container.pids();
      });
      await withRuntimeDir('/run/much-later', async () => {
        const actor = await Actor.start(scratch);
        await actor.load(scratch.root, container.id);
        await actor.call(container.id, 'exec', 'b', { args: ['true'] });
        await actor.call(container.id, 'killAll');
        await container
          .processes()
          .find(({ id }) => id === 'init')
          ?.wait();
        await actor.call(container.id, 'delete');
      });
      const all = ['run', 'create', 'start', 'exec', 'state', 'pause', 'resume', 'kill', 'ps', 'delete'];
      const seen = calls();
      expect([...seen.keys()].sort()).toEqual(all.filter((name) => name !== 'run').sort());
      for (const [command, values] of seen) expect([...values], command).toEqual([atCreate ?? 'not set']);
      await noProcessLeft(container);
    },
  );

  test("of a container that another program made, without such a record, is the caller's", async ({ scratch }) => {
    const { runtime, options, calls } = recording(scratch);
    const container = await scratch.container(runtime, SLEEP, options);
    const path = join(scratch.root, container.id, 'state.json');
    const { runtimeEnv, key, ...state } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    expect(typeof key).toBe('string');
    expect(typeof runtimeEnv).toBe('object');
    writeFileSync(path, JSON.stringify(state));
    const loaded = await load(scratch, container);
    await withRuntimeDir('/run/mine', () => loaded.start());
    expect([...(calls().get('run') ?? [])]).toEqual(['/run/mine']);
    await loaded.delete();
  });

  test.for([
    ['--root', 'separate'],
    ['--root=', 'joined'],
    ['-root', 'with one dash'],
  ])('a relative root (%s) holds wherever a later supervisor works', async ([flag = ''], { scratch }) => {
    const root = join(scratch.dir, 'runtime-state');
    const given = relative(process.cwd(), root);
    const args = flag.endsWith('=') ? [`${flag}${given}`] : [flag, given];
    const container = await scratch.container('host', SLEEP, { runtimeArgs: args });
    await container.start();
    expect(readdirSync(root)).toEqual([container.id]);
    const before = process.cwd();
    process.chdir('/');
    try {
      const other = await load(scratch, container);
      expect(await other.runtimeStatus()).toBe('running');
      await other.delete();
    } finally {
      process.chdir(before);
    }
    expect(readdirSync(root)).toEqual([]);
    await noProcessLeft(container);
  });
});

describe.each(runtimes)('%s: a runtime that no longer knows the container', (runtime) => {
  /** A container whose runtime's state somebody has removed. */
  async function forgotten(scratch: Scratch, overrides: ProcessOverrides, timeoutMs = 15_000): Promise<Container> {
    const root = join(scratch.dir, 'runtime-state');
    const args = runtimeArgs(runtime, scratch.dir).length > 0 ? runtimeArgs(runtime, scratch.dir) : ['--root', root];
    const container = await scratch.container(runtime, overrides, { runtimeArgs: args, timeoutMs });
    await container.start();
    const cgroup = hostCgroup(join(args[1] ?? root, container.id));
    scratch.atEnd(async () => {
      await noProcessLeft(container);
      const cgroups = cgroup === undefined ? runcCgroups(container.id) : [cgroup];
      await until('the cgroups are gone', () => cgroups.every(isRemoved));
    });
    return container;
  }

  function forget({ id, runtimeArgs: args }: Container): void {
    const dir = join(args[1] ?? '', id);
    expect(existsSync(dir)).toBe(true);
    rmSync(dir, { recursive: true });
  }

  test('delete() ends it, and leaves nothing', async ({ scratch }) => {
    const container = await forgotten(scratch, SLEEP);
    const [init] = container.processes();
    forget(container);
    const startMs = performance.now();
    await container.delete();
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(isGone(init?.systemPid ?? 0)).toBe(true);
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
    await noProcessLeft(container);
  });

  test("so does one that another supervisor loads, with what was exec'ed", async ({ scratch }) => {
    const container = await forgotten(scratch, SLEEP);
    const job = await container.exec('job', SLEEP);
    forget(container);
    container.close();
    await (await load(scratch, container)).delete();
    expect(isGone(job.systemPid)).toBe(true);
    await noProcessLeft(container);
  });

  test('so does delete() when the shim has died too', async ({ scratch }) => {
    const container = await forgotten(scratch, SLEEP);
    const [init] = container.processes();
    forget(container);
    container.close();
    await killShim(scratch, container.id);
    await (await load(scratch, container)).delete();
    await until('it has ended', () => isGone(init?.systemPid ?? 0));
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
  });

  test('with children of its own', async ({ scratch }) => {
    const container = await forgotten(scratch, { args: ['sh', '-c', 'sleep 1000 & sleep 1001'] });
    forget(container);
    await container.delete();
    await noProcessLeft(container);
  });
});

/** The cgroups of a container, which runc leaves when it has forgotten that. */
function runcCgroups(id: string): string[] {
  return cgroupDirectories(id, readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
}

/** The cgroup that the host runtime's state of a container names; undefined if there is none. */
function hostCgroup(state: string): string | undefined {
  const link = join(state, 'cgroup');
  return existsSync(link) ? readlinkSync(link) : undefined;
}

/** Removes a cgroup, if it is there. A process is in it for a moment after its end. */
function isRemoved(cgroup: string): boolean {
  try {
    if (existsSync(cgroup)) rmdirSync(cgroup);
    return true;
  } catch {
    return false;
  }
}

describe('errors say what is so', () => {
  test('"did not leave in N ms" is said after N ms, and not before', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    await stopShim(scratch, container.id);
    const hasty = scratch.keep(await Container.load(scratch.root, container.id, { timeoutMs: 2000 }));
    const startMs = performance.now();
    await expect(hasty.delete()).rejects.toMatchObject({
      code: 'ERR_SHIM',
      message: expect.stringContaining('did not leave in 2000 ms') as string,
    });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(1999);
    expect(isGone(init.systemPid)).toBe(true);
    // It is still there, and goes when the shim goes on.
    expect(existsSync(join(scratch.root, container.id, 'state.json'))).toBe(true);
    sendToShim(scratch, container.id, 'SIGCONT');
    await container.delete();
    await noProcessLeft(container);
  });
});

describe('a state.json that is', () => {
  const broken: [string, (path: string) => void][] = [
    ['empty', (path) => writeFileSync(path, '')],
    ['truncated', (path) => writeFileSync(path, readFileSync(path).subarray(0, 40))],
    ['no JSON', (path) => writeFileSync(path, 'bundle: here\n')],
    ['no object', (path) => writeFileSync(path, '[]\n')],
    ['of other types', (path) => writeFileSync(path, '{"bundle":7}\n')],
    ['bytes', (path) => writeFileSync(path, Buffer.from([0, 255, 254, 0]))],
    ['missing', (path) => rmSync(path)],
  ];

  test.for(broken)('%s: listed, removed when nothing of it runs', async ([, damage], { scratch }) => {
    const container = await scratch.container('host', { args: ['true'] });
    const init = await container.start();
    await init.wait();
    const dir = join(scratch.root, container.id);
    damage(join(dir, 'state.json'));
    const reason = expect.stringContaining('state.json') as string;
    await expect(Container.load(scratch.root, container.id)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect((await Container.loadAll(scratch.root)).failures).toMatchObject([{ id: container.id }]);
    expect(await Container.cleanUp(scratch.root, { dryRun: true })).toEqual([{ path: dir, reason, removed: false }]);
    expect(existsSync(dir)).toBe(true);
    await until('the shim has left', async () => {
      const [found] = await Container.cleanUp(scratch.root);
      expect(found).toMatchObject({ path: dir, reason });
      return found?.removed === true;
    });
    expect(readdirSync(scratch.root)).toEqual([]);
    await expect(container.delete()).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' });
  });

  test.for(broken)('%s: kept while something of it runs', async ([, damage], { scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    const dir = join(scratch.root, container.id);
    const path = join(dir, 'state.json');
    const good = readFileSync(path);
    damage(path);
    const kept = [{ path: dir, reason: expect.stringContaining('state.json') as string, removed: false }];
    expect(await Container.cleanUp(scratch.root)).toEqual(kept);
    expect(init.state()).toBe('running');
    writeFileSync(path, good);
    expect(await Container.cleanUp(scratch.root)).toEqual([]);
    await (await load(scratch, container)).delete();
    await noProcessLeft(container);
  });

  test('empty, and its shim is dead: kept while the process runs, removed afterwards', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    container.close();
    await killShim(scratch, container.id);
    const dir = join(scratch.root, container.id);
    const cgroup = hostCgroup(join(dir, 'init', '.runtime', container.id));
    writeFileSync(join(dir, 'state.json'), '');
    expect(await Container.cleanUp(scratch.root)).toMatchObject([{ path: dir, removed: false }]);
    process.kill(init.systemPid, 'SIGKILL');
    await until('it has ended', () => isGone(init.systemPid));
    expect(await Container.cleanUp(scratch.root)).toMatchObject([{ path: dir, removed: true }]);
    expect(readdirSync(scratch.root)).toEqual([]);
    expect(cgroup !== undefined && existsSync(cgroup)).toBe(false);
  });
});

describe('the original daemon', () => {
  /** As its `loadProcess`: each directory in a container's is a process, and has to have a process.json. */
  function restore(dir: string): string[] {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => {
        const state: unknown = JSON.parse(readFileSync(join(dir, name, 'process.json'), 'utf8'));
        const { args, exec, containerdStdin } = state as Record<string, unknown>;
        expect([Array.isArray(args), typeof exec, typeof containerdStdin], name).toEqual([true, 'boolean', 'string']);
        return name;
      })
      .sort();
  }

  test.for(runtimes.filter((name) => name === 'host' || freezes))(
    'can restore a root with containers of %s',
    async (runtime, { scratch }) => {
      const container = await scratch.container(runtime, SLEEP);
      const dir = join(scratch.root, container.id);
      expect(restore(dir)).toEqual([]);
      await container.start();
      expect(restore(dir)).toEqual(['init']);
      await container.exec('job', SLEEP);
      await container.pause();
      expect(restore(dir)).toEqual(['init', 'job']);
      await container.resume();
      await container.updateResources({ memory: { limit: 1 << 28 } }).catch(() => undefined);
      expect(restore(dir)).toEqual(['init', 'job']);
      const [job] = container.processes().filter(({ id }) => id === 'job');
      job?.signal('SIGKILL');
      await job?.wait();
      await container.removeProcess('job');
      expect(restore(dir)).toEqual(['init']);
      await container.killAll();
      await container.processes()[0]?.wait();
      expect(restore(dir)).toEqual(['init']);
    },
  );

  test('can restore what a created container and a failed start leave', async ({ scratch }) => {
    const created = await scratch.container('host', SLEEP);
    await created.createInit();
    expect(restore(join(scratch.root, created.id))).toEqual(['init']);
    const failed = await scratch.container('host', { args: ['/no/such/program'] });
    await expect(failed.start()).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(restore(join(scratch.root, failed.id))).toEqual([]);
  });
});

describe('under a shim that copies the output itself', () => {
  /** More than a FIFO holds is printed, and the process ends. */
  async function printing(scratch: Scratch, script: string): Promise<Container> {
    const container = await scratch.container(
      fakeRuntime('run-script'),
      { args: ['unused'] },
      { shim: shim('copies') },
    );
    writeFileSync(join(container.bundle, 'script'), script);
    return container;
  }

  test('delete() drains what nobody has read', async ({ scratch }) => {
    const container = await printing(scratch, 'head -c 3000000 /dev/zero; exit 5');
    await container.start({ stdio: scratch.fifos() });
    await container.delete();
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
    await noProcessLeft(container);
  });

  test('so does delete() of another supervisor', async ({ scratch }) => {
    const container = await printing(scratch, 'head -c 3000000 /dev/zero; exit 5');
    await container.start({ stdio: scratch.fifos() });
    container.close();
    await (await load(scratch, container)).delete();
    await noProcessLeft(container);
  });

  test('what is read is whole, and delete() after it has nothing to drain', async ({ scratch }) => {
    const container = await printing(scratch, 'head -c 300000 /dev/zero; exit 5');
    const init = await container.start({ stdio: scratch.fifos() });
    let size = 0;
    for await (const chunk of init.openStdout()) size += (chunk as Buffer).length;
    expect(size).toBe(300_000);
    expect(await init.wait()).toMatchObject({ status: 5 });
    await container.delete();
    await noProcessLeft(container);
  });
});
