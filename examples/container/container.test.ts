import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Container } from 'outlive';
import { describe, expect } from 'vitest';
import { processesOf } from '../../test/support/proc.js';
import { installed, isRoot, succeeds, want, wantRight } from '../../test/support/strict.js';
import { until } from '../../test/support/until.js';
import { type Scene, test } from '../scene.js';

const programs = ['runc', 'ip', 'nsenter', 'busybox'].every(installed);

/** Whether this user may make a pair of virtual interfaces. */
function mayMakePair(): boolean {
  const name = `probe${process.pid}`;
  return isRoot && succeeds('ip', ['link', 'add', name, 'type', 'veth']) && succeeds('ip', ['link', 'del', name]);
}

const canRun =
  want('runc, iproute2, util-linux and busybox-static', programs) &&
  wantRight('root, and virtual interfaces (veth)', mayMakePair());

/** Creates a container with the example's first program; `network` has not the last number of its addresses. */
async function create(scene: Scene): Promise<{ id: string; network: string; container: Container }> {
  const id = `outlive-example-${process.pid}-${Math.floor(Math.random() * 1e6)}`;
  const network = `10.231.${process.pid % 256}`;
  const root = join(scene.dir, 'state');
  scene.atEnd(async () => {
    const left = await Container.load(root, id).catch(() => undefined);
    await left?.delete();
  });
  const program = scene.start(join(import.meta.dirname, 'create.js'), [scene.dir, id, network]);
  const [, signal] = (await once(program.child, 'close')) as [number | null, string | null];
  expect(program.printed()).toMatch(/^created: state created, pid \d+\n$/);
  expect(signal).toBe('SIGKILL');
  return { id, network, container: await Container.load(root, id) };
}

function hasHostEnd(network: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === `${network}.1`));
}

describe.runIf(canRun)('container', () => {
  test('a container that one program created and connected is run by another', async ({ scene }) => {
    const { id, network, container } = await create(scene);
    expect(container.init?.state()).toBe('created');
    expect(hasHostEnd(network)).toBe(true);
    container.close();

    const program = scene.start(join(import.meta.dirname, 'start.js'), [scene.dir, id]);
    const [status] = (await once(program.child, 'close')) as [number | null];
    expect(program.printed()).toContain(`eth0    inet ${network}.2/30`);
    expect(program.printed()).toMatch(new RegExp(`Hello ${network}\\.2, from the host\\.\nstatus 0\n$`));
    expect(status).toBe(0);
    await until('the interface of the host is gone', () => !hasHostEnd(network));
  });

  test('a container that is deleted before it ran leaves no interface', async ({ scene }) => {
    const { network, container } = await create(scene);
    await container.delete();
    await until('the interface of the host is gone', () => !hasHostEnd(network));
    expect(processesOf(scene.dir)).toEqual([]);
  });
});
