/** A container's lock: who excludes whom, what gives it back, and how those who wait learn of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { closeOwned, openOwned } from '../../src/posix/owned.js';
import { ContainerLock, makeLockFile } from '../../src/state/lock.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

// Longer than a test may take: whoever misses a wake-up fails.
const options = { timeoutMs: 60_000, containerId: 'c1' };
const take = (dir: string): Promise<ContainerLock> => ContainerLock.take(dir, options);

const USER = fileURLToPath(new URL('fixtures/lock-user.mjs', import.meta.url));

interface Task {
  role: 'hold' | 'take' | 'exit' | 'contend' | 'fail';
  dir: string;
  count?: number;
  timeoutMs?: number;
}

/** A process that uses the lock, and its next line. */
function program(task: Task) {
  const child = spawn(process.execPath, [USER, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  return { child, next, ended: once(child, 'exit') as Promise<[number | null, string | null]> };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function worker(task: Task): Worker {
  return new Worker(USER, { workerData: task });
}

/** This process's open descriptors of locks. */
function lockFds(): number[] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return /\/\.lock( \(deleted\))?$/.test(fs.readlinkSync(`/proc/self/fd/${fd}`)) ? [Number(fd)] : [];
    } catch {
      return [];
    }
  });
}

/** A take that is waiting for the holder by now. */
async function waitingTake(dir: string): Promise<{ taken: Promise<ContainerLock>; isSettled: () => boolean }> {
  let settled = false;
  const taken = take(dir);
  const note = (): void => void (settled = true);
  taken.then(note, note);
  await setImmediate();
  expect(settled).toBe(false);
  return { taken, isSettled: () => settled };
}

/** Whether the lock can be had right now; it is given back. */
function isFree(dir: string): boolean {
  const lock = ContainerLock.tryTake(dir);
  lock?.release();
  return lock !== undefined;
}

const modeOf = (path: string): number => fs.lstatSync(path).mode & 0o7777;

// The first worker and the first child leave Node some descriptors of its own.
beforeAll(async () => {
  const dir = fs.mkdtempSync('/tmp/outlive-test-');
  await once(worker({ role: 'take', dir }), 'exit');
  await program({ role: 'take', dir }).ended;
  fs.rmSync(dir, { recursive: true });
});

describe('one holder at a time', () => {
  test('objects of one program exclude each other', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const first = await take(dir);
    expect(isFree(dir)).toBe(false);
    const { taken, isSettled } = await waitingTake(dir);
    expect(isSettled()).toBe(false);
    first.release();
    first.release();
    using second = await taken;
    expect([first.isCurrent(), second.isCurrent()]).toEqual([false, true]);
    expect(isFree(dir)).toBe(false);
  });

  test('locks of two containers have nothing to do with each other', async ({ scratch }) => {
    using one = await take(scratch.mkdir('c'));
    using other = await take(scratch.mkdir('c'));
    expect([one.isCurrent(), other.isCurrent()]).toEqual([true, true]);
  });

  test('workers exclude each other and the main thread', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const holder = worker({ role: 'hold', dir });
    expect(await once(holder, 'message')).toEqual(['held']);
    expect(isFree(dir)).toBe(false);
    const { taken } = await waitingTake(dir);
    await holder.terminate();
    (await taken).release();
  });

  test('a killed holder gives it back at once', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const holder = program({ role: 'hold', dir });
    expect(await holder.next()).toBe('held');
    expect(isFree(dir)).toBe(false);
    const { taken } = await waitingTake(dir);
    await kill(holder.child);
    (await taken).release();
  });

  test('a child that has a copy of the descriptor does not hold a lock that was given back', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const child = await posix.spawn('/bin/sleep', ['1000'], { stdio: [lockFds()[0] ?? -1] });
    const { taken } = await waitingTake(dir);
    lock.release();
    expect(isFree(dir)).toBe(true);
    // Those who wait hear of it when the copy is gone too.
    child.kill('SIGKILL');
    (await taken).release();
    await child.exited;
  });

  test('20 programs with 100 takes each never meet inside, and none of them misses its turn', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const contenders = Array.from({ length: 20 }, () => program({ role: 'contend', dir, count: 100 }));
    for (const { next } of contenders) expect(await next()).toBe('waiting');
    lock.release();
    for (const { next, ended } of contenders) {
      expect(await next()).toBe('done');
      expect(await ended).toEqual([0, null]);
    }
  });

  test('workers and the main thread take turns', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const workers = Array.from({ length: 4 }, () => worker({ role: 'contend', dir, count: 200 }));
    await Promise.all(workers.map((one) => once(one, 'message')));
    const ends = workers.map((one) => once(one, 'exit'));
    const own = Array.from({ length: 100 }, async () => {
      using held = await take(dir);
      fs.closeSync(fs.openSync(join(dir, 'inside'), 'wx'));
      fs.unlinkSync(join(dir, 'inside'));
      return held.isCurrent();
    });
    lock.release();
    expect(await Promise.all(own)).toEqual(own.map(() => true));
    expect(await Promise.all(ends)).toEqual(workers.map(() => [0]));
    expect(lockFds()).toEqual([]);
  });
});

describe('waiting', () => {
  test('takes of one thread get it in their order, and only one of them waits on the kernel', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const order: number[] = [];
    const takes = Array.from({ length: 500 }, async (_, index) => {
      using held = await take(dir);
      order.push(index);
      expect(held.isCurrent()).toBe(true);
      if (index % 50 === 0) await setImmediate();
    });
    await setImmediate();
    expect(lockFds()).toHaveLength(2);
    lock.release();
    await Promise.all(takes);
    expect(order).toEqual(takes.map((_, index) => index));
    expect(lockFds()).toEqual([]);
  });

  test('a stopped holder: busy after the time limit, and nothing is changed', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const holder = program({ role: 'hold', dir });
    expect(await holder.next()).toBe('held');
    holder.child.kill('SIGSTOP');
    const { ino } = fs.lstatSync(join(dir, '.lock'));
    const startMs = performance.now();
    const busy = expect(ContainerLock.take(dir, { timeoutMs: 60, containerId: 'web' })).rejects;
    // One that waits its turn has its own limit; a longer one goes on waiting.
    const alsoBusy = expect(ContainerLock.take(dir, { timeoutMs: 30, containerId: 'web' })).rejects;
    const patient = take(dir);
    await alsoBusy.toMatchObject({
      code: 'ERR_CONTAINER_BUSY',
      message: expect.stringMatching(/web .*30 ms/) as string,
    });
    await busy.toMatchObject({ code: 'ERR_CONTAINER_BUSY', message: expect.stringMatching(/web .*60 ms/) as string });
    expect(performance.now() - startMs).toBeGreaterThan(58);
    expect(fs.readdirSync(dir)).toEqual(['.lock']);
    expect(fs.lstatSync(join(dir, '.lock')).ino).toBe(ino);
    await kill(holder.child);
    (await patient).release();
  });

  test('a loop that was busy for longer than the limit still sees that the lock is free', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const taken = ContainerLock.take(dir, { timeoutMs: 1, containerId: 'c' });
    await Promise.resolve();
    lock.release();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    (await taken).release();
  });

  test('keeps a program alive while it waits, and not when it has the lock', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const { next, ended } = program({ role: 'take', dir });
    expect(await next()).toBe('waiting');
    lock.release();
    expect(await next()).toBe('held');
    expect(await ended).toEqual([0, null]);
    expect(isFree(dir)).toBe(true);
  });

  test('bytes that a stranger writes into the FIFO are read away, and wake nobody', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const { taken, isSettled } = await waitingTake(dir);
    const stranger = posix.open(join(dir, '.lock'), fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
    for (let round = 0; round < 3; round++) {
      posix.write(stranger, Buffer.alloc(50_000));
      await until('the bytes to be read away', () => posix.bytesReadable(stranger) === 0);
    }
    expect(isSettled()).toBe(false);
    posix.close(stranger);
    lock.release();
    (await taken).release();
  });
});

describe('the end of a thread', () => {
  test('a terminated worker gives back what it held, and leaves no descriptor', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    for (let round = 0; round < 5; round++) {
      const holder = worker({ role: 'hold', dir });
      await once(holder, 'message');
      expect(lockFds()).toHaveLength(1);
      await holder.terminate();
      expect(lockFds()).toEqual([]);
    }
    expect(isFree(dir)).toBe(true);
  });

  test('a terminated worker that waited leaves no descriptor, and the lock to its holder', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    using lock = await take(dir);
    for (let round = 0; round < 5; round++) {
      const waiter = worker({ role: 'take', dir });
      expect(await once(waiter, 'message')).toEqual(['waiting']);
      await until('the worker to wait', () => lockFds().length === 2);
      await waiter.terminate();
      expect(lockFds()).toHaveLength(1);
    }
    expect(lock.isCurrent()).toBe(true);
    expect(isFree(dir)).toBe(false);
  });

  test('so does one that calls process.exit(), and one that comes to its end', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    expect(await once(worker({ role: 'exit', dir }), 'exit')).toEqual([3]);
    expect(lockFds()).toEqual([]);
    expect(await once(worker({ role: 'take', dir }), 'exit')).toEqual([0]);
    expect(lockFds()).toEqual([]);
    expect(await program({ role: 'exit', dir }).ended).toEqual([3, null]);
    expect(isFree(dir)).toBe(true);
  });

  test('numbers of descriptors that were closed are not closed again', ({ scratch }) => {
    const path = scratch.mkdir('f');
    const fd = openOwned(path, fs.constants.O_RDONLY);
    closeOwned(fd);
    expect(() => closeOwned(fd)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'close' }) as Error);
    const other = fs.openSync(path, 'r');
    expect(() => closeOwned(other)).toThrow(expect.objectContaining({ code: 'EBADF' }) as Error);
    expect(fs.fstatSync(other).isDirectory()).toBe(true);
    fs.closeSync(other);
    const many = Array.from({ length: 100 }, () => openOwned(path, fs.constants.O_RDONLY));
    for (const one of [...many.slice(50), ...many.slice(0, 50)]) closeOwned(one);
    posix.mkfifo(join(path, 'fifo'), 0o600);
    expect(() => openOwned(join(path, 'fifo'), fs.constants.O_RDONLY)).toThrow(/O_NONBLOCK/);
    expect(() => openOwned(join(path, 'none'), fs.constants.O_RDONLY)).toThrow(/ENOENT.*open .*none/);
  });
});

describe('the file', () => {
  test('is made when it is missing, mode 0600 whatever the umask', ({ scratch }) => {
    for (const make of [makeLockFile, (dir: string): void => ContainerLock.tryTake(dir)?.release()]) {
      const dir = scratch.mkdir('c');
      const umask = process.umask(0o277);
      try {
        make(dir);
        make(dir);
      } finally {
        process.umask(umask);
      }
      expect(fs.lstatSync(join(dir, '.lock')).isFIFO()).toBe(true);
      expect(modeOf(join(dir, '.lock'))).toBe(0o600);
    }
  });

  test('every descriptor of it is close-on-exec', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const { taken } = await waitingTake(dir);
    expect(lockFds()).toHaveLength(2);
    for (const fd of lockFds()) {
      const [, flags = ''] = /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
      expect(parseInt(flags, 8) & 0o2000000).not.toBe(0);
      expect(parseInt(flags, 8) & fs.constants.O_NONBLOCK).not.toBe(0);
    }
    lock.release();
    (await taken).release();
  });

  test('what is no FIFO of ours is refused, and left alone', async ({ scratch }) => {
    const planted: Record<string, (path: string) => void> = {
      file: (path) => fs.writeFileSync(path, 'text'),
      directory: (path) => fs.mkdirSync(path),
      'link to a FIFO': (path) => {
        posix.mkfifo(`${path}.target`, 0o600);
        fs.symlinkSync(`${path}.target`, path);
      },
      'dangling link': (path) => fs.symlinkSync(`${path}.none`, path),
    };
    if (isRoot) {
      planted["another user's FIFO"] = (path) => {
        posix.mkfifo(path, 0o600);
        fs.chownSync(path, NOBODY, NOBODY);
      };
    }
    for (const [what, plant] of Object.entries(planted)) {
      const dir = scratch.mkdir('c');
      plant(join(dir, '.lock'));
      const before = fs.readdirSync(dir);
      const { ino, mode } = fs.lstatSync(join(dir, '.lock'));
      const refused = expect.objectContaining({ code: 'ERR_INVALID_STATE' }) as Error;
      expect(() => ContainerLock.tryTake(dir), what).toThrow(refused);
      expect(() => makeLockFile(dir), what).toThrow(refused);
      await expect(take(dir), what).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
      expect(fs.readdirSync(dir), what).toEqual(before);
      expect(fs.lstatSync(join(dir, '.lock')), what).toMatchObject({ ino, mode });
    }
    expect(lockFds()).toEqual([]);
  });

  test.runIf(isRoot)("a user that may not open another one's FIFO is told what it is", ({ scratch }) => {
    const dir = scratch.mkdir('c');
    makeLockFile(dir);
    fs.chmodSync(scratch.dir, 0o755);
    fs.chmodSync(dir, 0o755);
    process.seteuid?.(NOBODY);
    try {
      const refused = expect.objectContaining({
        code: 'ERR_INVALID_STATE',
        cause: expect.any(Error) as Error,
      }) as Error;
      expect(() => ContainerLock.tryTake(dir)).toThrow(refused);
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe('a container that is deleted', () => {
  test('its directory is gone: the system error', async ({ scratch }) => {
    const dir = join(scratch.dir, 'none');
    await expect(take(dir)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(() => ContainerLock.tryTake(dir)).toThrow(/ENOENT/);
    expect(() => makeLockFile(dir)).toThrow(/ENOENT/);
  });

  test('while others wait: each of them learns it', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const lock = await take(dir);
    const takes = await Promise.all([waitingTake(dir), waitingTake(dir), waitingTake(dir)]);
    const outside = program({ role: 'fail', dir });
    const other = worker({ role: 'take', dir });
    await once(other, 'message');
    await until('the worker to wait', () => lockFds().length === 3);
    const failed = once(other, 'error');
    fs.renameSync(dir, `${dir}.old`);
    expect(lock.isCurrent()).toBe(false);
    fs.rmSync(`${dir}.old`, { recursive: true });
    expect(lock.isCurrent()).toBe(false);
    lock.release();
    for (const { taken } of takes) await expect(taken).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await outside.next()).toBe('ENOENT');
    expect(await failed).toMatchObject([{ code: 'ENOENT' }]);
    await outside.ended;
  });

  test('and made anew while others wait: they get the new one, when it is free', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    const old = await take(dir);
    const { taken, isSettled } = await waitingTake(dir);
    fs.renameSync(dir, `${dir}.old`);
    fs.mkdirSync(dir);
    makeLockFile(dir);
    const current = ContainerLock.tryTake(dir);
    expect([old.isCurrent(), current?.isCurrent()]).toEqual([false, true]);
    old.release();
    await until('the waiter to wait on the new one', () => lockFds().length === 2);
    expect(isSettled()).toBe(false);
    current?.release();
    using lock = await taken;
    expect(lock.isCurrent()).toBe(true);
  });

  test('and made anew while the old one is still held: the new one is had at the time limit', async ({ scratch }) => {
    const dir = scratch.mkdir('c');
    using old = await take(dir);
    const taken = ContainerLock.take(dir, { timeoutMs: 30, containerId: 'c' });
    fs.renameSync(dir, `${dir}.old`);
    fs.mkdirSync(dir);
    using lock = await taken;
    expect([old.isCurrent(), lock.isCurrent()]).toEqual([false, true]);
  });
});
