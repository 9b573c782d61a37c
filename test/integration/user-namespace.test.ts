/** Containers with a user namespace: process.json carries the mapped root's ids, and stdio belongs to it. */
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, type Spec } from '../../src/index.js';
import { writeContainerBundle, type ProcessOverrides } from '../support/bundles.js';
import { installed, want } from '../support/strict.js';
import { type Scratch, test } from '../support/scratch.js';

const UID = 200_000;
const GID = 300_000;

function mapped(spec: Spec): Spec {
  const namespaces = [...(spec.linux?.namespaces ?? []), { type: 'user' as const }];
  const uidMappings = [
    { containerID: 1000, hostID: 1_000_000, size: 10 },
    { containerID: 0, hostID: UID, size: 1000 },
  ];
  const gidMappings = [{ containerID: 0, hostID: GID, size: 1000 }];
  return { ...spec, linux: { ...spec.linux, namespaces, uidMappings, gidMappings } };
}

async function mappedContainer(scratch: Scratch, overrides: ProcessOverrides): Promise<Container> {
  const bundle = writeContainerBundle(scratch.mkdir('bundle'), 'runc', overrides, { change: mapped });
  // The mapped root must reach its root file system.
  for (const dir of [scratch.dir, bundle]) chmodSync(dir, 0o711);
  return scratch.keep(await Container.create({ root: scratch.root, id: scratch.newId(), bundle, runtime: 'runc' }));
}

const possible =
  want('runc and busybox (Debian: busybox-static)', installed('runc') && installed('busybox')) &&
  process.geteuid?.() === 0;

describe.skipIf(!possible)('runc with a user namespace', () => {
  test('the ids of its root are in process.json, and the process has them', async ({ scratch }) => {
    const container = await mappedContainer(scratch, {
      args: ['sh', '-c', 'id -u; cat /proc/self/uid_map; echo to the path > /dev/stdout; read x'],
    });
    const stdio = scratch.fifos();
    const process = await container.start({ stdio });
    const state = readFileSync(join(scratch.root, container.id, 'init', 'process.json'), 'utf8');
    expect(JSON.parse(state)).toMatchObject({ rootUID: UID, rootGID: GID });
    expect(statSync(`/proc/${process.systemPid}`)).toMatchObject({ uid: UID, gid: GID });
    // Not the uid twice, as the original had it.
    for (const path of [stdio.stdin, stdio.stdout, stdio.stderr]) {
      expect(statSync(path)).toMatchObject({ uid: UID, gid: GID });
    }
    const stdout = text(process.openStdout());
    const stdin = process.openStdin();
    stdin.end('\n');
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(await stdout).toMatch(/^0\n\s+1000\s+1000000\s+10\n\s+0\s+200000\s+1000\nto the path\n$/);
  });

  test('a terminal works there', async ({ scratch }) => {
    const container = await mappedContainer(scratch, {
      args: ['sh', '-c', 'read x; stty size; exit 8'],
      terminal: true,
    });
    const process = await container.start({ stdio: scratch.fifos(true) });
    const stdout = text(process.openStdout());
    process.resize(111, 44);
    const stdin = process.openStdin();
    stdin.end('\n');
    expect(await process.wait()).toMatchObject({ status: 8 });
    expect(await stdout).toContain('44 111');
  });

  test('exec works there', async ({ scratch }) => {
    const container = await mappedContainer(scratch, { args: ['cat'] });
    await container.start({ stdio: scratch.fifos() });
    const stdio = scratch.fifos();
    const process = await container.exec('e', { args: ['id', '-g'] }, { stdio });
    const stdout = text(process.openStdout());
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(await stdout).toBe('0\n');
  });
});
