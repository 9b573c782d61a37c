/** The disk with the state is full, read-only or gone; or no descriptor is left. The start fails with a code, every exit is definite. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { readFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, vi } from 'vitest';
import { Supervisor } from '../../chaos/supervisor.js';
import { Container, run as outlive } from '../../src/index.js';
import * as owned from '../../src/posix/owned.js';
import { ProcessDir } from '../../src/state/process.js';
import { expectNothingLeft, noProcessLeft } from '../support/fake-runtime.js';
import { processesWith } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, isRoot, succeeds, want, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

const mayMount = isRoot && succeeds('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']);

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

function tooMany(): never {
  throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' });
}

/** The state root on a small disk of its own. */
async function onSmallDisk(scratch: Scratch, use: (container: Container) => Promise<void>): Promise<void> {
  run('mount', '-t', 'tmpfs', '-o', 'size=128k,mode=700', 'outlive-test', scratch.root);
  try {
    const container = await scratch.container('host', { args: ['sh', '-c', 'read x; exit 9'] });
    try {
      await use(container);
    } finally {
      run('mount', '-o', 'remount,rw', scratch.root);
      rmSync(join(scratch.root, '.filler'), { force: true });
      await container.delete();
      expect(readdirSync(scratch.root)).toEqual([]);
    }
  } finally {
    run('umount', '-l', scratch.root);
  }
}

function fill(root: string): void {
  try {
    for (let text = 'x'.repeat(256 * 1024); ;) writeFileSync(join(root, '.filler'), text, { flag: 'a' });
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  }
}

describe.runIf(wantRight('root, to mount a tmpfs', mayMount))('a small disk', () => {
  test('full at the start: ENOSPC, and nothing of the start is left', async ({ scratch }) => {
    await onSmallDisk(scratch, async (container) => {
      fill(scratch.root);
      await expect(container.start()).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(readdirSync(join(scratch.root, container.id))).toEqual(['.lock', 'state.json']);
    });
  });

  test('run() with any amount of room: it runs, or an error with a code, and nothing of it is left', async ({
    scratch,
  }) => {
    run('mount', '-t', 'tmpfs', '-o', 'size=128k,mode=700', 'outlive-test', scratch.root);
    try {
      const codes: (string | undefined)[] = [];
      // In pages: from none to more than it needs.
      for (let free = 0; free <= 24; free++) {
        fill(scratch.root);
        const filler = join(scratch.root, '.filler');
        truncateSync(filler, Math.max(statSync(filler).size - free * 4096, 0));
        try {
          const process = await outlive(['true'], { root: scratch.root });
          expect((await process.wait()).status).toBe(0);
          await process.remove();
          codes.push('');
        } catch (error) {
          const { code, cause } = error as { code?: string; cause?: { code?: string } };
          codes.push(code);
          // The shim may be unable to write why.
          if (code === 'ERR_CONTAINER_NOT_STARTED') expect(cause).toMatchObject({ code: 'ENOSPC' });
        }
        expect(readdirSync(scratch.root)).toEqual(['.filler']);
        rmSync(filler);
      }
      expect(codes[0]).toBe('ENOSPC');
      expect(codes.at(-1)).toBe('');
      const known = ['', 'ENOSPC', 'ERR_SHIM', 'ERR_OCI_RUNTIME', 'ERR_CONTAINER_NOT_STARTED'];
      expect(codes.filter((code) => code === undefined || !known.includes(code))).toEqual([]);
    } finally {
      run('umount', '-l', scratch.root);
    }
  });

  test('read-only at the start: EROFS', async ({ scratch }) => {
    await onSmallDisk(scratch, async (container) => {
      run('mount', '-o', 'remount,ro', scratch.root);
      await expect(container.start()).rejects.toMatchObject({ code: 'EROFS' });
      await expect(
        Container.create({ root: scratch.root, id: scratch.newId(), bundle: container.bundle }),
      ).rejects.toMatchObject({ code: 'EROFS' });
    });
  });

  test('full at the exit: the exact status, or lost with the reason', async ({ scratch }) => {
    await onSmallDisk(scratch, async (container) => {
      const process = await container.start({ stdio: scratch.fifos() });
      fill(scratch.root);
      process.openStdin().end('\n');
      const { status, lost } = await process.wait();
      if (status === undefined) expect(lost).toMatch(/ENOSPC|[Nn]o space|without recording/);
      else expect(status).toBe(9);
    });
  });
});

test('gone at the start: not found; gone at the exit: lost, with that reason', async ({ scratch }) => {
  const first = await scratch.container('host', { args: ['sh', '-c', 'read x; exit 9'] });
  const dir = join(scratch.root, first.id);
  renameSync(dir, join(scratch.dir, 'away'));
  await expect(first.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' });
  renameSync(join(scratch.dir, 'away'), dir);
  const process = await first.start({ stdio: scratch.fifos() });
  renameSync(dir, join(scratch.dir, 'away'));
  process.openStdin().end('\n');
  expect(await process.wait()).toMatchObject({ lost: expect.stringContaining('removed') as string });
  renameSync(join(scratch.dir, 'away'), dir);
});

const remote = fileURLToPath(new URL('../../chaos/remote.js', import.meta.url));

describe.runIf(want('prlimit', installed('prlimit')))('out of descriptors', () => {
  test('operations fail with EMFILE, work again later, and no exit is missed', async ({ scratch }) => {
    const { id } = await scratch.container('host', { args: ['sh', '-c', 'read x; exit 5'] });
    const stdio = scratch.fifos();
    const child = spawn(process.execPath, [remote, 'test'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const closed = once(child, 'close');
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
    const ask = async (operation: string, args: object = {}): Promise<Record<string, unknown>> => {
      child.stdin.write(JSON.stringify({ call: 0, operation, args }) + '\n');
      const { value } = (await answers.next()) as IteratorResult<string, undefined>;
      return JSON.parse(value ?? '{}') as Record<string, unknown>;
    };
    try {
      await ask('load', { root: scratch.root, id });
      await ask('start', { id, options: { stdio } });
      // Open descriptors stay open; no new one can be made.
      run('prlimit', '--pid', String(child.pid), '--nofile=3:');
      const spec = { args: ['true'] };
      expect(await ask('exec', { id, processId: 'second', spec })).toMatchObject({ failed: { code: 'EMFILE' } });
      writeFileSync(stdio.stdin, '\n');
      run('prlimit', '--pid', String(child.pid), '--nofile=1024:');
      expect(await ask('wait', { id })).toMatchObject({ value: { status: 5 } });
      expect(readFileSync(join(scratch.root, id, 'init', 'exitStatus'), 'utf8')).toBe('5');
      expect(await ask('delete', { id })).not.toHaveProperty('failed');
    } finally {
      child.kill('SIGKILL');
      await closed;
    }
  });

  test('short right after the spawn: the start waits for them', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sh', '-c', 'exit 7'] });
    const readPid = vi.spyOn(ProcessDir.prototype, 'readPid');
    for (let i = 0; i < 3; i++) readPid.mockImplementationOnce(tooMany);
    expect(await (await container.start()).wait()).toMatchObject({ status: 7 });
    expect(readPid.mock.calls.length).toBeGreaterThan(3);
  });

  test.for(['start', 'exec'])(
    'short when it is to be recorded who it is: %s() fails, and its process is ended',
    async (call, { scratch }) => {
      const kept = join(scratch.dir, 'kept');
      writeFileSync(kept, '');
      const tail = { args: ['tail', '-f', kept] };
      const container = await scratch.container('host', tail);
      if (call === 'exec') await container.start();
      const before = processesWith(kept);
      vi.spyOn(ProcessDir.prototype, 'hasIdentity').mockReturnValue(false);
      const write = vi.spyOn(ProcessDir.prototype, 'writeIdentity').mockImplementation(tooMany);
      // Nor can it be ended at once.
      const open = vi.spyOn(owned, 'pidfdOpenOwned');
      for (let i = 0; i < 3; i++) open.mockImplementationOnce(tooMany);
      try {
        const started = call === 'exec' ? container.exec('job', tail) : container.start();
        await expect(started).rejects.toMatchObject({ code: 'EMFILE' });
        expect(open.mock.calls.length).toBeGreaterThan(3);
        expect(write).toHaveBeenCalled();
      } finally {
        vi.restoreAllMocks();
      }
      await until('its process is gone', () => processesWith(kept).join() === before.join());
      expect(container.processes().map(({ id }) => id)).toEqual(call === 'exec' ? ['init'] : []);
    },
  );

  test('short until its time is over, and for a while after that: nothing of it is left', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] }, { timeoutMs: 700 });
    const readPid = vi.spyOn(ProcessDir.prototype, 'readPid').mockImplementation(tooMany);
    let listings = 0;
    const { readdirSync: list } = fs;
    const failing = (...args: unknown[]): unknown =>
      args[0] === '/proc' && ++listings <= 5 ? tooMany() : Reflect.apply(list, fs, args);
    Object.assign(fs, { readdirSync: failing });
    syncBuiltinESMExports();
    try {
      await expect(container.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
      await noProcessLeft(container);
    } finally {
      Object.assign(fs, { readdirSync: list });
      syncBuiltinESMExports();
      readPid.mockRestore();
    }
    expect(listings).toBeGreaterThan(5);
    await expectNothingLeft(scratch, container);
  });

  test('run() with any number of them: it runs, or an error with a code, and nothing of it is left', async ({
    scratch,
  }) => {
    const supervisor = new Supervisor(scratch.dir);
    const { root } = scratch;
    const id = scratch.newId();
    const tried = async (): Promise<string> => {
      try {
        await supervisor.ask('run', { args: ['true'], options: { root, id, scope: 'none' } });
        return '';
      } catch (error) {
        return String((error as { code?: string }).code);
      }
    };
    try {
      // What is opened once and kept.
      expect(await tried()).toBe('');
      await supervisor.ask('load', { root, id });
      await supervisor.ask('delete', { id });
      const highest = (await supervisor.ask('highestDescriptor')) as number;
      const codes: string[] = [];
      // Some numbers below the highest are free.
      for (let soft = 3; soft <= highest + 12; soft++) {
        supervisor.limitDescriptors(soft);
        const code = await tried();
        supervisor.limitDescriptors(1024);
        if (code === '') {
          await supervisor.ask('load', { root, id });
          await supervisor.ask('delete', { id });
        }
        expect([soft, code, readdirSync(root)]).toEqual([soft, code, []]);
        codes.push(code);
        if (codes.slice(-3).join('') === '') break;
      }
      expect([...new Set(codes)]).toEqual(['EMFILE', '']);
    } finally {
      await supervisor.kill();
    }
  });
});
