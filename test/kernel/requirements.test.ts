/** A kernel or sandbox without what the library can't do without: refused with a code, before anything is changed. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test as plain } from 'vitest';
import { pidsIn } from '../../src/kernel/requirements.js';
import { isGone } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, isRoot, succeeds, want, wantRight } from '../support/strict.js';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('../fixtures/refused.mjs', import.meta.url));

interface Seen {
  readonly seen: Record<string, { code: string; cause: string | null; message: string }>;
  readonly pid: number;
  readonly root: string[];
}

/** Tries all ways into the library on a root with a running container, by a program that `wrapper` runs. */
async function refused(scratch: Scratch, wrapper: string[], cause: string | null): Promise<Seen> {
  const container = await scratch.container('host', { args: ['sleep', '60'] });
  const init = await container.start();
  const before = readdirSync(scratch.root).sort();
  const [file, ...args] = [...wrapper, process.execPath, PROGRAM, scratch.root, container.id, container.bundle];
  const seen = JSON.parse((await run(file, args)).stdout) as Seen;
  for (const name of ['create', 'load', 'loadAll', 'cleanUp', 'supervisor']) {
    expect({ [name]: seen.seen[name] }).toMatchObject({ [name]: { code: 'ERR_UNSUPPORTED_SYSTEM', cause } });
  }
  expect(seen.root).toEqual(before);
  expect(init.state()).toBe('running');
  expect(isGone(init.systemPid)).toBe(false);
  return seen;
}

describe('a system call', () => {
  if (!want('strace', installed('strace') && succeeds('strace', ['-o', '/dev/null', 'true']))) return;

  const strace = (inject: string): string[] => {
    const call = inject.slice(0, inject.indexOf(':'));
    return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${inject}`];
  };

  for (const [call, error] of [
    ['pidfd_open', 'EPERM'],
    ['pidfd_open', 'ENOSYS'],
    ['pidfd_send_signal', 'EPERM'],
    ['pidfd_send_signal', 'ENOSYS'],
    ['waitid', 'EPERM'],
    ['waitid', 'EINVAL'],
  ] as const) {
    test(`${call} gives ${error}: refused`, async ({ scratch }) => {
      await refused(scratch, strace(`${call}:error=${error}`), error);
    });
  }

  test('pidfd_open gives EMFILE: that is the error', async ({ scratch }) => {
    const { id, bundle } = await scratch.container('host', { args: ['true'] });
    const [file, ...args] = [...strace('pidfd_open:error=EMFILE'), process.execPath, PROGRAM];
    const { stdout } = await run(file, [...args, scratch.root, id, bundle]);
    expect((JSON.parse(stdout) as Seen).seen.load).toMatchObject({ code: 'EMFILE', cause: null });
  });
});

describe('/proc', () => {
  // Without root, in a user namespace of one's own.
  const unshare = isRoot ? ['unshare'] : ['unshare', '-r'];
  const flags = unshare.slice(1);
  if (!wantRight('unshare(1) with pid namespaces', succeeds('unshare', [...flags, '-p', '-f', 'true']))) return;

  test('of an outer pid namespace: refused', async ({ scratch }) => {
    const { seen, pid } = await refused(scratch, [...unshare, '-p', '-f'], null);
    expect(pid).toBe(1);
    expect(seen.load?.message).toMatch(/another pid namespace: it has this process as \d+ 1, which is 1\./);
  });

  test('of an inner pid namespace: refused', async ({ scratch }) => {
    // The inner namespace has ended with its only process, but its /proc is still mounted.
    const script = `unshare -p -f mount -t proc proc /proc && exec "$@"`;
    const mounted = [...unshare, '-m', 'sh', '-c', script, 'sh'];
    await refused(scratch, mounted, 'ENOENT');
  });

  test('that is not mounted: refused', async ({ scratch }) => {
    await refused(scratch, [...unshare, '-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'], 'ENOENT');
  });

  test('of its own pid namespace is fine', async ({ scratch }) => {
    const { id, bundle } = await scratch.container('host', { args: ['true'] });
    const args = [...flags, '-p', '-f', '--mount-proc', process.execPath, PROGRAM, scratch.root, id, bundle];
    const { seen, pid } = JSON.parse((await run('unshare', args)).stdout) as Seen;
    expect(pid).toBe(1);
    expect(Object.values(seen).map(({ code }) => code)).toEqual(['none', 'none', 'none', 'none', 'none']);
  });
});

plain('the pids of a status file', () => {
  expect(pidsIn('Name:\tx\nPid:\t7\nNSpid:\t7\n')).toBe('7');
  expect(pidsIn('Name:\tx\nPid:\t7\nNSpid:\t7\t1\n')).toBe('7 1');
  expect(pidsIn('Name:\tx\nPid:\t7\nPPid:\t1\n')).toBe('7');
  expect(pidsIn('')).toBe('');
});
