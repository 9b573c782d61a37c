/** A misspelt option: it is told by every call, and nothing is done that its right name would have prevented. */
import { expect } from 'vitest';
import {
  Container,
  diagnose,
  find,
  list,
  makeStdioFifos,
  Monitor,
  openOutput,
  readLog,
  run,
  Supervisor,
} from '../../src/index.js';
import { test } from '../support/scratch.js';

test('an unknown option is refused by every call', async ({ scratch }) => {
  const { root } = scratch;
  const process = await run(['sleep', '1000'], { root });
  const { container } = process;
  const supervisor = await Supervisor.open(root);
  const monitor = new Monitor();
  // Of a type that fits everywhere.
  const misspelt = { misspelt: 1 } as never;
  const misspeltToo = (options: object): never => ({ ...options, misspelt: 1 }) as never;
  const calls: Record<string, () => unknown> = {
    'run()': () => run(['true'], misspelt),
    'find()': () => find(container.id, misspelt),
    'list() filter': () => list(misspelt, { root }),
    'list() options': () => list({}, misspelt),
    'diagnose()': () => diagnose(misspelt),
    'Container.create()': () => Container.create(misspeltToo({ root, id: 'a', bundle: container.bundle })),
    'Container.load()': () => Container.load(root, container.id, misspelt),
    'Container.loadAll()': () => Container.loadAll(root, misspelt),
    'Container.cleanUp()': () => Container.cleanUp(root, misspelt),
    'container.delete()': () => container.delete(misspelt),
    'container.start()': () => container.start(misspelt),
    'container.createInit()': () => container.createInit(misspelt),
    'container.exec()': () => container.exec(['true'], misspelt),
    'container.checkpoint()': () => container.checkpoint(misspeltToo({ name: 'a' })),
    'process.wait()': () => process.wait(misspelt),
    'process.stop()': () => process.stop(misspelt),
    'process.remove()': () => process.remove(misspeltToo({ force: true })),
    'process.output()': () => process.output(misspelt),
    'process.attach()': () => process.attach(misspelt),
    'process.openStdout()': () => process.openStdout(misspelt),
    'readLog()': () => readLog(process.stdio.stdout, misspelt),
    'openOutput()': () => openOutput('/dev/null', misspelt),
    'makeStdioFifos()': () => makeStdioFifos(scratch.dir, misspelt),
    'new Monitor()': () => new Monitor(misspelt),
    'monitor.add()': () => monitor.add(process, misspelt),
    'Supervisor.open()': () => Supervisor.open(scratch.mkdir('other'), misspelt),
    'supervisor.create()': () => supervisor.create(misspeltToo({ id: 'a', bundle: container.bundle })),
    'supervisor.delete()': () => supervisor.delete(container.id, misspelt),
    'supervisor.events()': () => supervisor.events(misspelt),
  };
  try {
    for (const [name, call] of Object.entries(calls)) {
      await expect(Promise.resolve().then(call), name).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
    expect([process.state(), (await list({}, { root })).length]).toEqual(['running', 1]);
  } finally {
    monitor.close();
    supervisor.close();
    await process.remove({ force: true });
  }
});

test('an option that is undefined has its default, also by the types with exactOptionalPropertyTypes', async ({
  scratch,
}) => {
  const { root } = scratch;
  const none = undefined;
  const process = await run(['sleep', '1000'], {
    ...{ root, id: none, cwd: none, env: none, inheritEnv: none, user: none, umask: none, terminal: none, stdin: none },
    ...{ stdout: none, stderr: none, log: { maxBytes: none, segmentBytes: none, dir: none }, labels: none },
    ...{ resources: none, scope: none, timeoutMs: none, bundle: none, runtime: none, runtimeArgs: none },
  });
  const { id } = process.container;
  (await find(id, { root, timeoutMs: none })).close();
  expect(await list({ labels: none, state: none }, { root })).toHaveLength(1);
  for await (const item of process.output({ from: none, follow: none, stream: none, signal: none })) {
    expect(item).toBe('none');
  }
  process.attach({ replay: none, signal: none }).destroy();
  expect((await process.stop({ signal: none, graceMs: none })).status).toBe(143);
  expect((await process.wait({ signal: none })).status).toBe(143);
  expect(await Container.cleanUp(root, { dryRun: none, graceMs: none })).toEqual([]);
  const monitor = new Monitor({ maxPending: none, initHoldMs: none });
  monitor.add(process, { oomKillsTold: none });
  monitor.close();
  const sizes = { maxLogBytes: none, maxLogAgeMs: none, segmentBytes: none };
  const supervisor = await Supervisor.open(root, { timeoutMs: none, initHoldMs: none, ...sizes });
  const events = supervisor.events({ since: none, consumer: none, follow: none, signal: none });
  expect((await events.next()).done).toBe(false);
  await events.return?.();
  supervisor.close();
  await process.remove({ force: none });
});
