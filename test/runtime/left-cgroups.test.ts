/** What runc and crun leave in the cgroup hierarchies, if they are killed or take a process for ended, is removed. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { cgroupDirectories } from '../../src/kernel/cgroup.js';
import { AnsweringRuntime } from '../support/answers.js';
import { writeContainerBundle } from '../support/bundles.js';
import { runtime } from '../support/fake-runtime.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, wantRight } from '../support/strict.js';

function directories(cgroup: string): string[] {
  const read = (name: string): string => readFileSync(`/proc/self/${name}`, 'utf8');
  return cgroupDirectories(cgroup, read('mountinfo'), read('cgroup'));
}

/** Makes a cgroup in each hierarchy where that is possible. */
function makeAll(cgroup: string): string[] {
  return directories(cgroup).filter((directory) => {
    try {
      mkdirSync(directory, { recursive: true });
      return true;
    } catch {
      return false;
    }
  });
}

function hanging(scratch: Scratch, name: string, cgroupsPath?: string): string {
  return writeContainerBundle(
    scratch.mkdir('bundle'),
    name,
    { args: ['true'] },
    {
      change: (spec) => ({
        ...spec,
        linux: { ...spec.linux, ...(cgroupsPath === undefined ? {} : { cgroupsPath }) },
        hooks: { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '1000'] }] },
      }),
    },
  );
}

const isolating = isRoot ? runtimes.filter((name) => name !== 'host') : [];

describe.runIf(wantRight('root, for cgroups', isRoot))('a runtime that is killed while its hook hangs', () => {
  test.for(isolating.flatMap((name) => [[name, false] as const, [name, true] as const]))(
    '%s, with a cgroupsPath: %s',
    async ([name, hasPath], { scratch }) => {
      const id = scratch.newId();
      const cgroupsPath = `/outlive-test-${process.pid}/${id}`;
      const bundle = hanging(scratch, name, hasPath ? cgroupsPath : undefined);
      const container = await Container.create({ root: scratch.root, id, bundle, runtime: name, timeoutMs: 2000 });
      scratch.keep(container);
      const starting = container.start();
      await expect(starting).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
      // If the clean-up took longer than the start may, it goes on with the lock held: the delete waits for it.
      await container.delete();
      expect(directories(hasPath ? cgroupsPath : id).filter((directory) => existsSync(directory))).toEqual([]);
      // What the container does not own stays, as after a delete of the runtime's.
      if (hasPath) for (const parent of directories(dirname(cgroupsPath))) if (existsSync(parent)) rmdirSync(parent);
    },
  );

  test('only empty cgroups with its path are removed', async ({ scratch }) => {
    const id = scratch.newId();
    const cgroupsPath = `/outlive-test-${process.pid}/mine`;
    const mine = makeAll(cgroupsPath);
    const inner = makeAll(`${cgroupsPath}-too/inner`);
    const bundle = hanging(scratch, 'runc', cgroupsPath);
    const options = { root: scratch.root, id, bundle, runtime: runtime('hang'), timeoutMs: 1000 };
    const container = scratch.keep(await Container.create(options));
    expect(mine.length).toBeGreaterThan(0);
    await expect(container.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
    await container.delete();
    expect(mine.filter((directory) => existsSync(directory))).toEqual([]);
    expect(inner.filter((directory) => existsSync(directory))).toEqual(inner);
    for (const directory of inner) {
      rmdirSync(directory);
      rmdirSync(dirname(directory));
      rmdirSync(dirname(dirname(directory)));
    }
  });
});

describe.runIf(wantRight('root, for cgroups', isRoot))('a process that the runtime takes for ended', () => {
  test.for([true, false])('the container is ours: %s', async (isOurs, { scratch }) => {
    const runtime = await AnsweringRuntime.make(scratch);
    const { container } = runtime;
    const init = await container.start({ stdio: scratch.fifos() });
    const cgroups = makeAll(container.id);
    expect(cgroups.length).toBeGreaterThan(0);
    runtime.status('stopped', isOurs ? container.bundle : '/another');
    await container.delete();
    expect(await init.wait()).toMatchObject({ status: 137 });
    expect(cgroups.filter((directory) => existsSync(directory))).toEqual(isOurs ? [] : cgroups);
    if (!isOurs) for (const directory of cgroups) rmdirSync(directory);
  });
});
