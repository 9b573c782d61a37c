/** Clean-up: nothing is left after a delete, after a failed start, or of the half-done work of a dead supervisor. */
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { Container, posix } from '../../src/index.js';
import { isGone, processesWith } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';
import { currentBootId, killShim } from '../support/shims.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/runtimes/${name}`, import.meta.url));

function tree(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
}

describe.each(runtimes)('%s', (runtime) => {
  test('removeProcess and delete leave no file and no process', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    await container.start({ stdio: scratch.fifos() });
    const process = await container.exec('second', { args: ['sh', '-c', 'exit 1'] }, { stdio: scratch.fifos() });
    await process.wait();
    await container.removeProcess('second');
    expect(
      readdirSync(join(scratch.root, container.id))
        .filter((name) => !name.startsWith('.'))
        .sort(),
    ).toEqual(['init', 'state.json']);
    await container.delete();
    expect(readdirSync(scratch.root)).toEqual([]);
    await until('no process', () => processesWith(container.id).length === 0);
  });
});

test('a runtime that hangs is killed with its children, whatever their session, and nothing is left', async ({
  scratch,
}) => {
  const hanging = join(scratch.dir, 'runtime');
  const script = `#!/bin/sh
. ${fixture('parse.sh')}
setsid sh -c 'sleep 1000; :' "$id" &
sh -c 'sleep 1000; :' "$id"
`;
  writeFileSync(hanging, script, { mode: 0o700 });
  const container = await scratch.container(hanging, { args: ['true'] }, { timeoutMs: 500 });
  const before = tree(scratch.root);
  await expect(container.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
  expect(tree(scratch.root)).toEqual(before);
  await until('no process', () => processesWith(container.id).length === 0);
});

test.for([1, 2, 3])(
  'a runtime that is killed while it starts leaves an id that can be started again',
  async (_, { scratch }) => {
    const real = posix.nativeExecutable('outlive-host');
    const runtime = join(scratch.dir, 'runtime');
    // It dies once, just after it made its own directory for the container.
    const script = `#!/bin/sh
for id; do :; done
case "$*" in
  *--pid-file*) if [ ! -e ${scratch.dir}/died ]; then
    : >${scratch.dir}/died
    mkdir -p -m 700 ${scratch.dir}/runtime-state/$id
    kill -KILL $$
  fi ;;
esac
exec ${real} "$@"
`;
    writeFileSync(runtime, script, { mode: 0o700 });
    const runtimeArgs = ['--root', join(scratch.dir, 'runtime-state')];
    const container = await scratch.container(runtime, { args: ['sh', '-c', 'exit 2'] }, { runtimeArgs });
    await expect(container.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_STARTED' });
    expect(await (await container.start()).wait()).toMatchObject({ status: 2 });
  },
);

test('a shim killed after it recorded the status and before its delete: the status holds, and delete() cleans up', async ({
  scratch,
}) => {
  const runtime = join(scratch.dir, 'runtime');
  const script = `#!/bin/sh
case "$*" in *"delete --force"*) ;; *" delete "*) echo $$ >${scratch.dir}/deleting; exec sleep 1000 ;; esac
exec ${posix.nativeExecutable('outlive-host')} "$@"
`;
  writeFileSync(runtime, script, { mode: 0o700 });
  const runtimeRoot = join(scratch.dir, 'runtime-state');
  const args = ['--root', runtimeRoot];
  const container = await scratch.container(runtime, { args: ['sh', '-c', 'exit 2'] }, { runtimeArgs: args });
  const init = await container.start();
  const hanging = await until(
    'the delete',
    () => existsSync(join(scratch.dir, 'deleting')) && deletingPid(scratch.dir),
  );
  await killShim(scratch, container.id);
  // It ends with the shim.
  await until('the delete has ended', () => isGone(hanging));
  expect(await init.wait()).toMatchObject({ status: 2 });
  expect(readdirSync(runtimeRoot)).toEqual([container.id]);
  await container.delete();
  expect(readdirSync(runtimeRoot)).toEqual([]);
});

function deletingPid(dir: string): number | undefined {
  return Number(readFileSync(join(dir, 'deleting'), 'utf8')) || undefined;
}

test('directories that this library has not made stay, whatever is in them', async ({ scratch }) => {
  const make: Record<string, (dir: string) => void> = {
    empty: () => undefined,
    photos: (dir) => writeFileSync(join(dir, '1.jpg'), 'jpg'),
    project: (dir) => mkdirSync(join(dir, 'init')),
    state: (dir) => writeFileSync(join(dir, 'state.json'), '{"app":"mine"}'),
    file: (dir) => writeFileSync(join(dir, '.lock'), ''),
    open: (dir) => {
      posix.mkfifo(join(dir, '.lock'), 0o600);
      chmodSync(dir, 0o777);
    },
  };
  for (const [name, fill] of Object.entries(make)) {
    mkdirSync(join(scratch.root, name), { mode: 0o700 });
    fill(join(scratch.root, name));
  }
  const before = readdirSync(scratch.root, { recursive: true });
  expect(await Container.cleanUp(scratch.root, { dryRun: true, graceMs: 0 })).toEqual([]);
  expect(await Container.cleanUp(scratch.root, { graceMs: 0 })).toEqual([]);
  expect(readdirSync(scratch.root, { recursive: true })).toEqual(before);
});

test('temporary names of a dead supervisor are listed by a dry run, and removed; those of a living one stay', async ({
  scratch,
}) => {
  const { id } = await scratch.container('host', { args: ['true'] });
  const boot = currentBootId().slice(0, 8);
  const dead = [`.new-${process.pid}-1-${boot}-0123456789ab`, '.old-4000000-5-00000000-0123456789ab'];
  for (const name of dead) mkdirSync(join(scratch.root, name));
  writeFileSync(join(scratch.root, id, `.run-4000000-5-${boot}-0123456789ab.out`), '');
  mkdirSync(join(scratch.root, '.mine'));
  const before = tree(scratch.root);
  const listed = await Container.cleanUp(scratch.root, { dryRun: true });
  expect(listed.length).toBe(3);
  expect(tree(scratch.root)).toEqual(before);
  expect(await Container.cleanUp(scratch.root)).toEqual(listed.map((leftover) => ({ ...leftover, removed: true })));
  expect(readdirSync(scratch.root).sort()).toEqual(['.mine', id].sort());
  expect(await Container.cleanUp(scratch.root)).toEqual([]);
});

test('clean-up touches nothing that runs', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['sleep', '1000'] });
  const process = await container.start();
  expect(await Container.cleanUp(scratch.root, { graceMs: 0 })).toEqual([]);
  expect(process.state()).toBe('running');
});
