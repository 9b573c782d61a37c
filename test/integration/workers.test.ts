/** The library in worker threads: what a worker opened is closed when it ends, however it ends, and Node has no complaint. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { runtimeArgs, writeTestBundle } from '../support/bundles.js';
import { openDescriptors } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const PROGRAM = fileURLToPath(new URL('../fixtures/worker.mjs', import.meta.url));

/** A worker that has everything open, and what it says. */
async function openWorker(scratch: Scratch, runtime: string) {
  const id = scratch.newId();
  const plain = { args: ['cat'] };
  const bundles = [
    await writeTestBundle(scratch.mkdir('bundle'), runtime, plain),
    await writeTestBundle(scratch.mkdir('bundle'), runtime, { ...plain, terminal: true }),
  ];
  const args = runtimeArgs(runtime, scratch.dir);
  const workerData = { dir: scratch.dir, id, runtime, bundles, runtimeArgs: args, commands: true };
  const worker = new Worker(PROGRAM, { workerData });
  const said: unknown[] = [];
  const open = new Promise<void>((done, fail) => {
    worker.on('error', fail);
    worker.on('message', (message) => {
      if (message === 'open') done();
      else if (message !== 'begun') said.push(message);
    });
  });
  scratch.atEnd(async () => {
    await worker.terminate();
    const { containers } = await Container.loadAll(`${scratch.dir}/root-${id}`);
    for (const container of containers) await container.delete();
  });
  await open;
  return { worker, said, root: `${scratch.dir}/root-${id}` };
}

// The first worker leaves Node some descriptors of its own.
beforeAll(async () => {
  await once(new Worker('', { eval: true }), 'exit');
});

describe.each(runtimes)('%s', (runtime) => {
  test('a worker that is terminated leaves no descriptor, and its processes run', async ({ scratch }) => {
    const before = openDescriptors().sort();
    const { worker, said, root } = await openWorker(scratch, runtime);
    const opened = openDescriptors();
    expect(opened.filter((what) => what.endsWith('/exit')).length).toBeGreaterThanOrEqual(4);
    expect(opened.filter((what) => /\/std(in|out|err)$/.test(what)).length).toBeGreaterThanOrEqual(8);
    await worker.terminate();
    await until('they are closed', () => openDescriptors().sort().join() === before.join());
    expect(said).toEqual([]);
    const { containers } = await Container.loadAll(root);
    expect(containers.map((container) => container.state())).toEqual(['running', 'running']);
    for (const container of containers) container.close();
  });

  test('a worker that ends by itself has closed everything, and Node warns of nothing', async ({ scratch }) => {
    const before = openDescriptors().sort();
    const { worker, said } = await openWorker(scratch, runtime);
    const ended = once(worker, 'exit');
    worker.postMessage('end');
    await ended;
    expect(said).toEqual([{ ends: [0, 0, 137], output: 'written\n' }]);
    await until('they are closed', () => openDescriptors().sort().join() === before.join());
  });
});

test('a worker that is terminated at any moment leaves no descriptor', async ({ scratch }) => {
  const before = openDescriptors().sort();
  const bundles = [
    await writeTestBundle(scratch.mkdir('bundle'), 'host', { args: ['cat'] }),
    await writeTestBundle(scratch.mkdir('bundle'), 'host', { args: ['cat'], terminal: true }),
  ];
  for (let ms = 0; ms < 300; ms += 15) {
    const id = scratch.newId();
    const workerData = { dir: scratch.dir, id, runtime: 'host', bundles, runtimeArgs: [], commands: false };
    const worker = new Worker(PROGRAM, { workerData });
    await once(worker, 'message');
    await delay(ms);
    await worker.terminate();
    await until(
      () => `all descriptors are closed after ${ms} ms: ${openDescriptors().sort().join(', ')}`,
      () => openDescriptors().length <= before.length,
    );
    const { containers } = await Container.loadAll(`${scratch.dir}/root-${id}`).catch(() => ({ containers: [] }));
    for (const container of containers) await container.delete();
  }
});
