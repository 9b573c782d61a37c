// Followers where inotify's limits are used up, in a worker that is terminated, and whether they keep a program alive.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readLog } from '../../src/index.js';
import { openDescriptors } from '../support/proc.js';
import { until } from '../support/until.js';
import { run, temporaryDirectory } from '../posix/helpers.js';
import { newLog, next } from './helpers.js';

const dist = new URL('../../dist/index.js', import.meta.url).href;

describe('without inotify', () => {
  it('a follower looks every 250 ms, and finds bytes, segments and the end', async () => {
    const inotify = await import('../../src/posix/inotify.js');
    const noInstance = Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
    const spies = [
      vi.spyOn(inotify, 'inotifyOwned').mockImplementation(() => {
        throw noInstance;
      }),
      vi.spyOn(inotify, 'inotifyAddWatch').mockImplementation(() => {
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      }),
    ];
    const timers = vi.spyOn(globalThis, 'setInterval');
    onTestFinished(() => [...spies, timers].forEach((spy) => spy.mockRestore()));
    const before = openDescriptors().length;
    const { dir, writer } = newLog(4);
    const items = readLog(dir, { follow: true });
    for (const text of ['aaaa', 'bbbb']) {
      const coming = next(items);
      writer.write('stdout', text);
      expect(await coming).toBe(`out:${text}`);
    }
    expect(spies[0]).toHaveBeenCalled();
    // One look for the directory and for its newest segment, which is another one by now.
    expect(timers.mock.calls.filter(([, delayMs]) => delayMs === 250)).toHaveLength(1);
    const coming = next(items);
    writer.end(0);
    expect(await coming).toBe('end:0');
    expect(await next(items)).toBe('done');
    writer.close();
    expect(openDescriptors()).toHaveLength(before);
  });
});

describe('a follower', () => {
  it('in a worker that is terminated leaves no descriptor', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'text');
    const before = openDescriptors().length;
    const count = (): number => readdirSync('/proc/self/fd').length;
    const all = count();
    for (let i = 0; i < 3; i++) {
      const program = `
        const { parentPort } = require('node:worker_threads');
        import(${JSON.stringify(dist)}).then(async ({ readLog }) => {
          for await (const item of readLog(${JSON.stringify(dir)}, { follow: true })) parentPort.postMessage(item.type);
        });`;
      const worker = new Worker(program, { eval: true });
      await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      await worker.terminate();
    }
    await until('the descriptors are closed', () => openDescriptors().length <= before);
    await until('the watches are gone', () => count() <= all);
  });

  it('keeps the program alive while it waits, and not between two items', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'text');
    const file = join(temporaryDirectory(), 'program.mjs');
    const program = (then: string): string => `
      import { readLog } from ${JSON.stringify(dist)};
      const items = readLog(${JSON.stringify(dir)}, { follow: true });
      console.log((await items.next()).value.type);
      ${then}`;
    writeFileSync(file, program(''));
    expect(await run(process.execPath, [file])).toMatchObject({ code: 0, stdout: 'data\n' });
    writeFileSync(file, program('console.log((await items.next()).value.type);'));
    const waiting = run(process.execPath, [file]);
    setTimeout(() => writer.end(0), 1000);
    expect(await waiting).toMatchObject({ code: 0, stdout: 'data\nend\n' });
  });
});
