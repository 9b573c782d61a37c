/** Messages of failures that a user meets first: each says which process or container it is about, or what would be right. */
import { expect } from 'vitest';
import { Container } from '../../src/index.js';
import { test } from '../support/scratch.js';

test('a message names the process and its container, or says what to do', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['sleep', '1000'] });
  const { id, bundle } = container;
  const create = (): Promise<Container> => Container.create({ root: scratch.root, id, bundle });
  await expect(create()).rejects.toThrow(
    `container ${id} exists in ${scratch.root}: take another id, or remove it first`,
  );

  const process = await container.start();
  await expect(container.start()).rejects.toThrow(`container ${id} has a process init already`);
  expect(() => process.exitStatus()).toThrow(`process init of ${id} has not exited`);
  await expect(process.remove()).rejects.toThrow(`process init of ${id} runs: stop() it first, or give force: true`);
  expect(() => process.attach()).toThrow(`process init of ${id}: its output goes to no log; start it with`);
  expect(() => process.signal('KILL' as NodeJS.Signals)).toThrow("must be the name of a signal, as 'SIGTERM'");

  const extra = await container.exec('extra', { args: ['true'] });
  await extra.wait();
  expect(() => extra.signal('SIGTERM')).toThrow(`process extra of ${id} has exited`);
  await process.stop();
  expect(() => process.signal('SIGTERM')).toThrow(`process init of ${id} has exited`);
});
