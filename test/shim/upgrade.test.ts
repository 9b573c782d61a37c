/** The install directory is renamed, removed or replaced while shims run: the end is exact, and nothing stays. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { Container, posix } from '../../src/index.js';
import { Actor } from '../support/actor.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { processDir, shimPid } from '../support/fake-runtime.js';
import { isGone, processesWith } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Copies what a user has installed, with the actor in it. */
function install(to: string): void {
  cpSync(join(repository, 'dist'), join(to, 'dist'), { recursive: true });
  for (const name of ['outlive.node', 'outlive-shim', 'outlive-host']) {
    cpSync(join(repository, 'build/Release', name), join(to, 'build/Release', name));
  }
  cpSync(join(repository, 'package.json'), join(to, 'package.json'));
  cpSync(join(repository, 'test/fixtures/actor.mjs'), join(to, 'test/fixtures/actor.mjs'));
  symlinkSync(join(repository, 'node_modules'), join(to, 'node_modules'));
}

const upgrades: Record<string, (dir: string) => void> = {
  renamed: (dir) => renameSync(dir, `${dir}.old`),
  removed: (dir) => rmSync(dir, { recursive: true }),
  replaced: (dir) => {
    renameSync(dir, `${dir}.old`);
    install(dir);
    rmSync(`${dir}.old`, { recursive: true });
  },
};

interface Supervised {
  actor: Actor;
  id: string;
  pid: number;
  shim: number;
  stdin: string;
}

/** A process under a supervisor that uses a copy of the package in `dir`; something that it started runs beside it. */
async function supervise(scratch: Scratch, dir: string): Promise<Supervised> {
  install(dir);
  const actor = await Actor.start(scratch, join(dir, 'test/fixtures/actor.mjs'));
  const id = scratch.newId();
  const script = `sh -c 'sleep 1000; : ${id}' & read x; exit 7`;
  const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), { args: ['sh', '-c', script] });
  await actor.create({ root: scratch.root, id, bundle });
  const stdio = scratch.fifos();
  const pid = (await actor.call(id, 'start', { stdio })) as number;
  return { actor, id, pid, shim: shimPid(join(scratch.root, id, 'init')), stdin: stdio.stdin };
}

async function nothingLeft({ id, pid, shim }: Supervised): Promise<void> {
  await until('the end of the shim', () => isGone(shim));
  expect(isGone(pid)).toBe(true);
  expect(processesWith(id)).toEqual([]);
}

for (const [how, upgrade] of Object.entries(upgrades)) {
  test(`${how}: the process ends, and what it started; the status is exact`, async ({ scratch }) => {
    const dir = scratch.mkdir('install');
    const supervised = await supervise(scratch, dir);
    await supervised.actor.call(supervised.id, 'close');
    await supervised.actor.kill();
    upgrade(dir);
    writeFileSync(supervised.stdin, '\n');
    await nothingLeft(supervised);
    const init = join(scratch.root, supervised.id, 'init');
    expect(readFileSync(join(init, 'exitStatus'), 'utf8')).toBe('7');
    expect(existsSync(join(init, 'deleted'))).toBe(true);
    expect(readFileSync(join(init, 'shim-log.json'), 'utf8')).toBe('');
  });

  test(`${how}: the supervisor from before deletes the container`, async ({ scratch }) => {
    const dir = scratch.mkdir('install');
    const supervised = await supervise(scratch, dir);
    upgrade(dir);
    await supervised.actor.call(supervised.id, 'delete');
    await nothingLeft(supervised);
    expect(existsSync(join(scratch.root, supervised.id))).toBe(false);
  });

  test(`${how}: another supervisor, of another install, attaches and deletes it`, async ({ scratch }) => {
    const dir = scratch.mkdir('install');
    const supervised = await supervise(scratch, dir);
    await supervised.actor.kill();
    upgrade(dir);
    const container = scratch.keep(await Container.load(scratch.root, supervised.id));
    expect(container.processes()[0]?.state()).toBe('running');
    await container.delete();
    await nothingLeft(supervised);
  });
}

test('a script as the runtime: run by its path while that is the same file, else by the descriptor', async ({
  scratch,
}) => {
  const script = `#!/bin/sh\necho "$0" >>${scratch.dir}/names\nexec ${posix.nativeExecutable('outlive-host')} "$@"\n`;
  for (const upgraded of [false, true]) {
    const dir = scratch.mkdir('runtimes');
    const path = join(dir, 'runtime');
    writeFileSync(path, script, { mode: 0o755 });
    const container = await scratch.container(
      path,
      { args: ['sh', '-c', 'read x; exit 7'] },
      { runtimeArgs: ['--root', scratch.mkdir('state')] },
    );
    const process = await container.start({ stdio: scratch.fifos() });
    const shim = shimPid(processDir(scratch, container));
    writeFileSync(join(scratch.dir, 'names'), '');
    if (upgraded) {
      renameSync(dir, `${dir}.old`);
      mkdirSync(dir);
    }
    process.openStdin().end('\n');
    expect(await process.wait()).toMatchObject({ status: 7 });
    await until('the mark', () => existsSync(join(processDir(scratch, container), 'deleted')));
    const names = readFileSync(join(scratch.dir, 'names'), 'utf8').trim().split('\n');
    expect(names).toEqual([upgraded ? expect.stringMatching(`^/proc/${shim}/fd/\\d+$`) : path]);
    await until('the end of the shim', () => isGone(shim));
    if (upgraded) renameSync(`${dir}.old`, `${dir}/back`);
  }
});
