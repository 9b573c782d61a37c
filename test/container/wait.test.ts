/** What a wait costs while it lasts, and what an end leaves behind: nothing. */
import { getEventListeners } from 'node:events';
import { describe, expect } from 'vitest';
import type { Process } from '../../src/index.js';
import { heapBytes } from '../support/garbage.js';
import { openDescriptors } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';

const SLEEP = { args: ['sleep', '1000'] };

/** Waits for a process, and gives up at once, so many times. */
async function giveUp(process: Process, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const abort = new AbortController();
    const waiting = process.wait({ signal: abort.signal });
    abort.abort();
    await waiting.catch(() => undefined);
  }
}

describe('a wait that is given up', () => {
  test('leaves nothing on the heap, and no listener', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const init = await container.start();
    await giveUp(init, 2000);
    const before = await heapBytes();
    await giveUp(init, 20_000);
    // A reaction that stays on a promise takes more than 100 bytes.
    expect((await heapBytes()) - before).toBeLessThan(20_000 * 50);
    const one = new AbortController();
    const waits = Array.from({ length: 3 }, () => init.wait({ signal: one.signal }));
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(3);
    init.signal('SIGKILL');
    for (const exit of await Promise.all(waits)) expect(exit).toMatchObject({ status: 137 });
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(0);
  });

  test('needs a real signal', async ({ scratch }) => {
    const init = await (await scratch.container('host', SLEEP)).start();
    for (const bad of ['stop', {}, null, new AbortController()]) {
      await expect(init.wait({ signal: bad as never })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    }
    await expect(init.wait(null as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });
});

describe('a process that has ended', () => {
  test('holds no descriptor, started here or loaded', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    await container.start();
    const before = openDescriptors().length;
    const jobs: Process[] = [];
    for (let i = 0; i < 10; i++) jobs.push(await container.exec(`job${i}`, { args: ['true'] }));
    for (const job of jobs) expect(await job.wait()).toMatchObject({ status: 0 });
    await until('their descriptors are closed', () => openDescriptors().length === before);
    expect(jobs.map((job) => job.exitStatus())).toEqual(jobs.map(() => 0));
    expect(jobs[0]?.exitFd).toBe(-1);
    // One that was given out stays until close(): somebody may be polling it.
    const last = await container.exec('last', { args: ['sleep', '1000'] });
    const fd = last.exitFd;
    last.signal('SIGKILL');
    await last.wait();
    await until('all else is closed', () => openDescriptors().length === before + 1);
    expect(last.exitFd).toBe(fd);
    last.close();
    expect(last.exitFd).toBe(-1);
    await until('it is closed', () => openDescriptors().length === before);
  });

  test('holds none if it was closed while it was being started', async ({ scratch }) => {
    const container = await scratch.container('host', SLEEP);
    const starting = container.start();
    await until('there is a process', () => container.processes().length > 0);
    const before = openDescriptors().length;
    container.close();
    const init = await starting;
    expect([init.state(), init.exitFd]).toEqual(['running', -1]);
    await until('its descriptors are closed', () => openDescriptors().length < before);
    await expect(init.wait()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  });
});
