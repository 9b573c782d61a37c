/** A supervisor whose working directory was removed: what needs it says so and leaves nothing, all else works. */
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, Supervisor, makeStdioFifos, writeHostBundle } from '../../src/index.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot } from '../support/strict.js';

/** Runs `act` in a directory that is removed (or renamed) before. */
async function inRemoved(
  scratch: Scratch,
  act: () => Promise<void>,
  { remembered = false, renamed = false } = {},
): Promise<void> {
  const home = process.cwd();
  const dir = scratch.mkdir('cwd');
  process.chdir(dir);
  try {
    // Node remembers what it has told once, also after the directory was removed.
    if (remembered) process.cwd();
    if (renamed) renameSync(dir, `${dir}-renamed`);
    else rmdirSync(dir);
    await act();
  } finally {
    process.chdir(home);
  }
}

const gone = { name: 'OutliveError', code: 'ERR_WORKING_DIRECTORY' };

const states = [
  ['removed', {}],
  ['removed, and its name remembered', { remembered: true }],
  ['renamed, and its name remembered', { remembered: true, renamed: true }],
] as const;

describe.each(states)('%s', (_, state) => {
  test('calls that need it fail with a code and make nothing', async ({ scratch }) => {
    const bundle = await writeHostBundle(scratch.mkdir('bundle'), { args: ['sleep', '60'] });
    const container = await scratch.container('host', { args: ['sleep', '60'] });
    const options = { root: scratch.root, id: scratch.newId(), bundle };
    const before = readdirSync(scratch.root).sort();
    await inRemoved(
      scratch,
      async () => {
        const calls: (() => unknown)[] = [
          () => Container.create({ ...options, root: 'state' }),
          () => Container.create({ ...options, bundle: 'bundle' }),
          () => Container.create({ ...options, runtime: './runtime' }),
          () => Container.create({ ...options, shim: './shim' }),
          () => Container.create({ ...options, runtimeArgs: ['--root', 'runtime'] }),
          () => Container.load('state', options.id),
          () => Container.loadAll('state'),
          () => Container.cleanUp('state'),
          () => Supervisor.open('state'),
          () => container.start({ stdio: { stdout: './out' } }),
          () => container.checkpoints('images'),
          () => container.deleteCheckpoint('one', 'images'),
          () => container.checkpoint({ name: 'one' }, 'images'),
          () => writeHostBundle('bundle', { args: ['true'], cwd: '/' }),
          () => writeHostBundle(join(scratch.dir, 'made'), { args: ['true'] }),
          () => makeStdioFifos('io'),
        ];
        for (const call of calls) {
          await expect(Promise.resolve().then(call), String(call)).rejects.toMatchObject(gone);
        }
        expect(readdirSync('.')).toEqual([]);
      },
      state,
    );
    expect(readdirSync(scratch.root).sort()).toEqual(before);
    expect(readdirSync(scratch.dir)).not.toContain('made');
    expect(container.processes()).toEqual([]);
  });
});

test('one that this user may not enter: the same code, and the message says that', ({ scratch }) => {
  const library = new URL('../../dist/index.js', import.meta.url).href;
  const program = `
    import { chmodSync } from 'node:fs';
    import { run, Container } from '${library}';
    chmodSync('.', 0);
    for (const call of [() => run(['true'], { root: '/nowhere' }), () => Container.load('state', 'a')]) {
      const error = await call().catch((each) => each);
      console.log(error.code, error.cause?.code, error.message);
    }`;
  const cwd = scratch.mkdir('closed');
  const user = isRoot ? { uid: 65534, gid: 65534 } : {};
  if (isRoot) chownSync(cwd, 65534, 65534);
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd,
    ...user,
    encoding: 'utf8',
  });
  const message = 'needs the working directory of this program, which this user may not enter';
  expect(stdout).toBe(
    `ERR_WORKING_DIRECTORY EACCES options.cwd, if it is missing, ${message}\n` +
      `ERR_WORKING_DIRECTORY EACCES the relative path 'state' ${message}\n`,
  );
});

describe.each(runtimes)('%s', (runtime) => {
  // A rootless runc has no cgroup here, by which it finds the processes.
  const hasCgroup = isRoot || runtime !== 'runc';

  test('calls with absolute paths work', async ({ scratch }) => {
    const args = ['sh', '-c', 'read x; echo $x'];
    const made = await scratch.container(runtime, { args });
    await inRemoved(scratch, async () => {
      const { process: init, stdout } = await scratch.run(made);
      const stdio = scratch.fifos();
      const exec = await made.exec('second', { args: ['echo', 'second'] }, { stdio });
      expect(await text(exec.openStdout())).toBe('second\n');
      await exec.wait();
      expect(await made.runtimeStatus()).toBe('running');
      await made.removeProcess('second');
      const other = scratch.keep(await Container.load(scratch.root, made.id));
      if (hasCgroup) expect(await other.pids()).toContain(init.systemPid);
      init.openStdin().end('said\n');
      expect(await init.wait()).toMatchObject({ status: 0 });
      expect(await stdout).toBe('said\n');
      await other.delete();
      const bundle = join(scratch.dir, 'new-bundle');
      mkdirSync(bundle);
      expect(await writeHostBundle(bundle, { args, cwd: '/' })).toBe(bundle);
      expect(await Container.loadAll(scratch.root)).toEqual({ containers: [], failures: [] });
      expect(await Container.cleanUp(scratch.root)).toEqual([]);
    });
  });

  test('a process can be killed and its container deleted', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '60'] });
    const init = await container.start();
    await inRemoved(scratch, async () => {
      if (hasCgroup) await container.killAll();
      else init.signal('SIGKILL');
      expect(await init.wait()).toMatchObject({ status: 137 });
      await container.delete();
    });
  });
});
