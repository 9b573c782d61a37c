/** OOM kills in runc containers, by the real kernel: told before the exit that they cause. */
import { accessSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import {
  Container,
  type LinuxResources,
  Monitor,
  type MonitorEvent,
  type Process,
  type Spec,
  Supervisor,
} from '../../src/index.js';
import { writeContainerBundle } from '../support/bundles.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

type LinuxMemory = NonNullable<LinuxResources['memory']>;

const LIMIT_BYTES = 16 * 1024 * 1024;
/** Uses ever more memory: tail(1) keeps what it reads until a newline, and none comes. */
const EATER = ['tail', '/dev/zero'];
const sleeper = { args: ['sleep', '1000'] };

function hasMemoryCgroups(): boolean {
  try {
    accessSync('/sys/fs/cgroup/memory/cgroup.event_control');
    return true;
  } catch {
    return false;
  }
}

const canLimit = isRoot && installed('runc') && installed('busybox') && hasMemoryCgroups();

async function limited(scratch: Scratch, args: string[], memory: LinuxMemory = {}): Promise<Container> {
  const dir = scratch.mkdir('bundle');
  const change = (spec: Spec): Spec => {
    const resources = { memory: { limit: LIMIT_BYTES, swap: LIMIT_BYTES, ...memory } };
    return { ...spec, linux: { ...(spec.linux as object), resources } };
  };
  const bundle = writeContainerBundle(dir, 'runc', { args }, { change });
  symlinkSync('busybox', join(dir, 'rootfs', 'bin', 'tail'));
  return scratch.keep(await Container.create({ root: scratch.root, id: scratch.newId(), bundle, runtime: 'runc' }));
}

/** Resolves when the shim knows the process, and so has opened the counter. */
async function adopted(scratch: Scratch, { container }: Process): Promise<void> {
  const file = join(scratch.root, container.id, 'init', 'identity.json');
  await until('the shim has recorded itself', () => existsSync(file) && readFileSync(file, 'utf8').includes('"shim"'));
}

/** The memory cgroup of a process, in this machine's v1 hierarchy. */
function cgroupOf({ systemPid }: Process): string {
  const text = readFileSync(`/proc/${systemPid}/cgroup`, 'utf8');
  return join('/sys/fs/cgroup/memory', /^\d+:memory:(.*)$/m.exec(text)?.[1] ?? '');
}

async function take(watching: Monitor, count: number): Promise<MonitorEvent[]> {
  const events: MonitorEvent[] = [];
  for await (const event of watching) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

describe.runIf(wantRight('root, runc, busybox and a cgroup v1 memory controller', canLimit))('runc, cgroup v1', () => {
  test('an OOM-killed init: oom, then exit 137', async ({ scratch }) => {
    using watching = new Monitor();
    const container = await limited(scratch, ['sh', '-c', 'read x; exec tail /dev/zero']);
    watching.add(container);
    const init = await container.start({ stdio: scratch.fifos() });
    init.openStdin().end('\n');
    const [oom, exit] = await take(watching, 2);
    expect(oom).toMatchObject({ type: 'oom', containerId: container.id, processId: 'init', kills: 1, totalKills: 1 });
    expect(exit).toMatchObject({ type: 'exit', processId: 'init', exit: { status: 137 } });
  });

  test('an OOM-killed exec: oom, then its exit, and the container lives on', async ({ scratch }) => {
    using watching = new Monitor();
    const container = await limited(scratch, sleeper.args);
    watching.add(container);
    const init = await container.start();
    const events = watching[Symbol.asyncIterator]();
    for (const [i, id] of ['eater-1', 'eater-2'].entries()) {
      await container.exec(id, { args: EATER });
      expect((await events.next()).value).toMatchObject({ type: 'oom', kills: 1, totalKills: i + 1 });
      expect((await events.next()).value).toMatchObject({ type: 'exit', processId: id, exit: { status: 137 } });
    }
    expect(init.state()).toBe('running');
    init.signal('SIGKILL');
    // Killed by us: the removal of its cgroup causes no oom event.
    expect((await events.next()).value).toMatchObject({ type: 'exit', processId: 'init', exit: { status: 137 } });
  });

  test('an OOM kill that no supervisor saw is told after a load, but not if it is known', async ({ scratch }) => {
    const container = await limited(scratch, sleeper.args);
    const init = await container.start();
    const eater = await container.exec('eater', { args: EATER });
    expect(await eater.wait()).toMatchObject({ status: 137 });
    container.close();
    const loaded = scratch.keep(await Container.load(scratch.root, container.id));
    using watching = new Monitor();
    watching.add(loaded);
    const [oom, exit] = await take(watching, 2);
    expect(oom).toMatchObject({ type: 'oom', kills: 1, totalKills: 1 });
    expect(exit).toMatchObject({ type: 'exit', processId: 'eater' });
    using knowing = new Monitor();
    knowing.add(loaded, { oomKillsTold: 1 });
    expect((await take(knowing, 1))[0]).toMatchObject({ type: 'exit', processId: 'eater' });
    loaded
      .processes()
      .find(({ id }) => id === 'init')
      ?.signal('SIGKILL');
    await until('the init has ended', () => init.hasEnded || loaded.state() === 'stopped');
  });
});

describe.runIf(canLimit)('runc, cgroup v1: a container whose end nobody saw', () => {
  test('was OOM-killed: the shim has recorded it, and who loads it is told', async ({ scratch }) => {
    const container = await limited(scratch, ['sh', '-c', 'read x; exec tail /dev/zero']);
    const init = await container.start({ stdio: scratch.fifos() });
    container.close();
    await adopted(scratch, init);
    init.openStdin().end('\n');
    const dir = join(scratch.root, container.id, 'init');
    await until('the shim has left', () => existsSync(join(dir, 'deleted')));
    expect(JSON.parse(readFileSync(join(dir, 'exit.json'), 'utf8'))).toMatchObject({ signal: 9, oomKills: 1 });
    const loaded = scratch.keep(await Container.load(scratch.root, container.id));
    using watching = new Monitor();
    watching.add(loaded);
    const [oom, exit] = await take(watching, 2);
    expect(oom).toMatchObject({ type: 'oom', processId: 'init', kills: 1, totalKills: 1 });
    expect(exit).toMatchObject({ type: 'exit', exit: { status: 137, record: { oomKills: 1 } } });
    using knowing = new Monitor();
    knowing.add(loaded, { oomKillsTold: 1 });
    expect((await take(knowing, 1))[0]).toMatchObject({ type: 'exit' });
    const told: string[] = [];
    for (let i = 0; i < 2; i++) {
      using supervisor = await Supervisor.open(scratch.root);
      told.length = 0;
      for await (const { type, recovered } of supervisor.events({ follow: true })) {
        told.push(`${type} ${recovered === true}`);
        if (type === 'exit') break;
      }
    }
    expect(told).toEqual(['create true', 'start true', 'oom true', 'exit true']);
  });

  test('was not OOM-killed: its count is 0', async ({ scratch }) => {
    const container = await limited(scratch, ['sh', '-c', 'read x; exit 3']);
    const init = await container.start({ stdio: scratch.fifos() });
    await adopted(scratch, init);
    init.openStdin().end('\n');
    expect(await init.wait()).toMatchObject({ status: 3, record: { oomKills: 0 } });
  });
});

describe.runIf(canLimit)('runc, cgroup v1: an OOM that kills nobody', () => {
  test('is no kill, although its cgroup is gone before the exit is told', async ({ scratch }) => {
    using watching = new Monitor();
    // It faults in its own code: the kernel lets it wait there. tail(1) would do so in read(2), and get an error.
    const eater = `read x; exec busybox awk 'BEGIN { for (text = "x"; ; text = text text); }'`;
    const container = await limited(scratch, ['sh', '-c', eater], { disableOOMKiller: true });
    watching.add(container);
    const init = await container.start({ stdio: scratch.fifos() });
    const control = join(cgroupOf(init), 'memory.oom_control');
    await adopted(scratch, init);
    init.openStdin().end('\n');
    await until('the cgroup is out of memory', () => /^under_oom 1$/m.test(readFileSync(control, 'utf8')));
    init.signal('SIGKILL');
    // This program comes too late to read the counter itself.
    const deadlineMs = performance.now() + 10_000;
    while (existsSync(control) && performance.now() < deadlineMs) continue;
    expect((await take(watching, 1))[0]).toMatchObject({
      type: 'exit',
      exit: { status: 137, record: { oomKills: 0 } },
    });
  });
});

describe('the host runtime', () => {
  test('has no cgroup of its own, so an exit comes without an oom event', async ({ scratch }) => {
    using watching = new Monitor();
    const container = await scratch.container('host', sleeper);
    watching.add(container);
    const init = await container.start();
    init.signal('SIGKILL');
    expect((await take(watching, 1))[0]).toMatchObject({ type: 'exit', exit: { status: 137 } });
  });
});
