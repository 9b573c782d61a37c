/** A signal reaches only the intended process: not another one that a forged, stale or reused pid names. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Container, type Process } from '../../src/index.js';
import { isGone } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { Bystander, adopted, anotherBootId, killShim } from '../support/shims.js';
import { until } from '../support/until.js';

/** A container whose process and shim were killed while no supervisor ran. */
async function dead(scratch: Scratch): Promise<string> {
  const container = await scratch.container('host', { args: ['sleep', '1000'] });
  const process_ = await container.start();
  container.close();
  await killShim(scratch, container.id);
  process.kill(process_.systemPid, 'SIGKILL');
  await until('the death of the process', () => isGone(process_.systemPid));
  return container.id;
}

async function loadInit(scratch: Scratch, id: string): Promise<{ container: Container; init: Process }> {
  const container = scratch.keep(await Container.load(scratch.root, id));
  const [init] = container.processes();
  if (init === undefined) throw new Error('no process');
  return { container, init };
}

async function withBystander(use: (bystander: Bystander) => Promise<void>): Promise<void> {
  const bystander = new Bystander();
  try {
    await use(bystander);
    expect(bystander.isUnharmed()).toBe(true);
  } finally {
    await bystander.end();
  }
}

test('state from before a reboot is recognised, and its pid is never signalled', async ({ scratch }) => {
  await withBystander(async (bystander) => {
    const id = await dead(scratch);
    const forged = { ...bystander.identity(), bootId: anotherBootId };
    writeFileSync(join(scratch.root, id, 'init', 'identity.json'), JSON.stringify(forged));
    writeFileSync(join(scratch.root, id, 'init', 'pid'), String(bystander.pid));
    const { container, init } = await loadInit(scratch, id);
    expect(await init.wait()).toMatchObject({
      status: undefined,
      lost: expect.stringContaining('started anew') as string,
    });
    expect(() => init.signal('SIGKILL')).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
    await container.delete();
  });
});

test('a pid that another process has by now is not signalled', async ({ scratch }) => {
  await withBystander(async (bystander) => {
    const id = await dead(scratch);
    const { pid, startTimeTicks, bootId } = bystander.identity();
    const forged = { pid, startTimeTicks: startTimeTicks - 1, bootId };
    writeFileSync(join(scratch.root, id, 'init', 'identity.json'), JSON.stringify(forged));
    writeFileSync(join(scratch.root, id, 'init', 'pid'), String(pid));
    const { container, init } = await loadInit(scratch, id);
    expect(init.state()).toBe('stopped');
    expect(() => init.signal('SIGKILL')).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
    await container.delete();
  });
});

test('a pid file that names another process does not misdirect a signal while the shim lives', async ({ scratch }) => {
  await withBystander(async (bystander) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const started = await container.start();
    await adopted(scratch, container.id, started.systemPid);
    writeFileSync(join(scratch.root, container.id, 'init', 'pid'), String(bystander.pid));
    const { init } = await loadInit(scratch, container.id);
    init.signal('SIGKILL');
    expect(await init.wait()).toMatchObject({ status: 137 });
    expect(isGone(started.systemPid)).toBe(true);
  });
});

test('with an identity that cannot be read, a signal fails instead of reaching another process', async ({
  scratch,
}) => {
  await withBystander(async (bystander) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const started = await container.start();
    const file = join(scratch.root, container.id, 'init', 'identity.json');
    await adopted(scratch, container.id, started.systemPid);
    for (const text of ['', '{', '[]', '{"pid":"7"}', `{"pid":${bystander.pid}}`, '{"pid":1e999,"startTimeTicks":0}']) {
      writeFileSync(file, text);
      writeFileSync(join(scratch.root, container.id, 'init', 'pid'), String(bystander.pid));
      const { container: other, init } = await loadInit(scratch, container.id);
      expect(() => init.signal('SIGKILL')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
      other.close();
    }
    started.signal('SIGKILL');
    expect(await started.wait()).toMatchObject({ status: 137 });
  });
});
