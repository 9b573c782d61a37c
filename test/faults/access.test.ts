/** Access: file modes under any umask, links and files of other users refused, no secret in an error or a log. */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

const SECRET = 'hunter2-correct-horse';

async function withUmask<T>(mask: number, action: () => Promise<T>): Promise<T> {
  const before = process.umask(mask);
  try {
    return await action();
  } finally {
    process.umask(before);
  }
}

describe.each([0o000, 0o777])('under the umask %o', (mask) => {
  test('state directories are 0700, files and FIFOs 0600', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sh', '-c', 'exit 0'] });
    const stdio = scratch.fifos();
    await withUmask(mask, async () => {
      const made = await Container.create({ root: scratch.root, id: scratch.newId(), bundle: container.bundle });
      scratch.keep(made);
      const process = await made.start({ stdio });
      await process.wait();
      const dir = join(scratch.root, made.id);
      // What the shim does last. It makes the file, and gives it its mode then.
      await until('the shim says that it is deleted', () => {
        const stat = lstatSync(join(dir, 'init', 'deleted'), { throwIfNoEntry: false });
        return stat !== undefined && (stat.mode & 0o7777) === 0o600;
      });
      expect(readdirSync(join(dir, 'init', '.runtime'))).toEqual([]);
      const modes = readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) => {
        const stat = lstatSync(join(entry.parentPath, entry.name));
        return [entry.name, entry.isSymbolicLink() || (stat.mode & 0o7777) === (entry.isDirectory() ? 0o700 : 0o600)];
      });
      expect(modes.length).toBeGreaterThan(6);
      expect(modes.filter(([, right]) => right !== true)).toEqual([]);
      expect(lstatSync(dir).mode & 0o7777).toBe(0o700);
    });
  });
});

/** Changes a container's directory behind the library's back: the next load must refuse it, and say why. */
async function refused(scratch: Scratch, change: (dir: string) => void, reason = ''): Promise<void> {
  const container = await scratch.container('host', { args: ['true'] });
  change(join(scratch.root, container.id));
  const message = expect.stringContaining(reason) as string;
  await expect(Container.load(scratch.root, container.id)).rejects.toMatchObject({
    code: 'ERR_INVALID_STATE',
    message,
  });
}

test('a container directory that is a link is refused', async ({ scratch }) => {
  await refused(scratch, (dir) => {
    renameSync(dir, join(scratch.dir, 'elsewhere'));
    symlinkSync(join(scratch.dir, 'elsewhere'), dir);
  });
  const { containers, failures } = await Container.loadAll(scratch.root);
  expect({ containers, failures }).toEqual({ containers: [], failures: [] });
});

test('a container directory that others may write to is refused', async ({ scratch }) => {
  await refused(scratch, (dir) => chmodSync(dir, 0o777), 'others may write to it (mode 777): chmod 700');
});

describe.runIf(wantRight('root, to give files to another user', isRoot))('as root', () => {
  test('a container directory of another user is refused', async ({ scratch }) => {
    await refused(scratch, (dir) => chownSync(dir, 65534, 65534), 'belongs to user 65534, and this program is user 0');
  });

  test('a FIFO of another user under the name exit is refused', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const process = await container.start();
    chownSync(join(scratch.root, container.id, 'init', 'exit'), 65534, 65534);
    await expect(Container.load(scratch.root, container.id)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    chownSync(join(scratch.root, container.id, 'init', 'exit'), 0, 0);
    process.signal('SIGKILL');
    await process.wait();
  });
});

test('a process directory that is a link is not followed', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['sleep', '1000'] });
  const planted = join(scratch.dir, 'planted');
  mkdirSync(planted);
  symlinkSync(planted, join(scratch.root, container.id, 'init'));
  const loaded = scratch.keep(await Container.load(scratch.root, container.id));
  expect(loaded.processes()).toEqual([]);
  await expect(loaded.start()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  expect(readdirSync(planted)).toEqual([]);
});

test("a process's environment appears in no error and in no log", async ({ scratch }) => {
  const env = ['PATH=/bin:/usr/bin', `PASSWORD=${SECRET}`];
  const failing = [
    { args: ['no-such-program'], env },
    { args: ['true'], env, cwd: '/no/such/dir' },
    { args: ['true'], env, rlimits: [{ type: 'RLIMIT_NOSUCH', soft: 1, hard: 1 }] },
    { args: ['true'], env: [...env, 'no-equals-sign'] },
  ];
  for (const overrides of failing) {
    const container = await scratch.container('host', overrides);
    const outcome = await container.start().then(
      () => '',
      (error: unknown) => `${String(error)} ${JSON.stringify(error)} ${(error as Error).stack ?? ''}`,
    );
    expect(outcome).not.toContain(SECRET);
  }
  const container = await scratch.container('host', { args: ['sh', '-c', 'exit 1'], env });
  await (await container.start()).wait();
  const dir = join(scratch.root, container.id, 'init');
  for (const name of readdirSync(dir).filter((one) => one.includes('log'))) {
    expect(readFileSync(join(dir, name), 'utf8')).not.toContain(SECRET);
  }
});
