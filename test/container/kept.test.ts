/** What is kept of each of many live processes: descriptors and memory. */
import { expect } from 'vitest';
import { Container, type Process } from '../../src/index.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { heapBytes } from '../support/garbage.js';
import { openDescriptors } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';

const COUNT = 40;

/** Starts processes, and returns what is kept of each. */
async function started(scratch: Scratch, bundle: string): Promise<{ containers: Container[]; processes: Process[] }> {
  const containers: Container[] = [];
  for (let i = 0; i < COUNT; i++) {
    containers.push(scratch.keep(await Container.create({ root: scratch.root, id: scratch.newId(), bundle })));
  }
  const processes: Process[] = [];
  for (const container of containers) processes.push(await container.start());
  return { containers, processes };
}

test('a live process costs one descriptor and some kilobytes, after its start and after a re-attach', async ({
  scratch,
}) => {
  const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), { args: ['sleep', '1000'] });
  // What the first ones make for all: the shared instances, compiled code.
  const first = await started(scratch, bundle);
  const [heap, descriptors] = [await heapBytes(), openDescriptors().length];
  const second = await started(scratch, bundle);
  expect(openDescriptors().length - descriptors).toBe(COUNT);
  expect((await heapBytes()) - heap).toBeLessThan(COUNT * 8192);
  for (const container of [...first.containers, ...second.containers]) container.close();
  // The epoll instance is closed with the last of them.
  const closed = openDescriptors().length;
  expect(closed).toBe(descriptors - COUNT - 1);
  const { containers, failures } = await Container.loadAll(scratch.root);
  expect(failures).toEqual([]);
  expect(openDescriptors().length - closed).toBe(2 * COUNT + 1);
  const ends = containers.map(async (container) => {
    const process = container.init;
    process?.signal('SIGKILL');
    return (await process?.wait())?.status;
  });
  expect(await Promise.all(ends)).toEqual(containers.map(() => 137));
  await Promise.all(containers.map((container) => container.delete()));
  expect(openDescriptors().length).toBe(closed);
  expect([...first.processes, ...second.processes].map(({ hasEnded }) => hasEnded)).not.toContain(false);
});
