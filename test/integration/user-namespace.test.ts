/**
 * Containers with a user namespace: stdio and terminal belong to its root, limits and cgroup are as asked. Root maps
 * other ids; an unprivileged user runs them rootless (see elsewhere.test.ts).
 */
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, type ContainerOptions, type Process, type Spec } from '../../src/index.js';
import { type ProcessOverrides, runtimeArgs, writeContainerBundle } from '../support/bundles.js';
import { processDir } from '../support/fake-runtime.js';
import { LOGGED, endRecorded } from '../support/log-shim.js';
import { processesWith } from '../support/proc.js';
import { limitOf, ownerOf } from '../support/process-facts.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot } from '../support/strict.js';

const myUid = process.geteuid?.() ?? -1;
const myGid = process.getegid?.() ?? -1;

/** The ids on the host of the container's root. */
const [UID, GID] = isRoot ? [200_000, 300_000] : [myUid, myGid];

/** Maps a range of ids if we are root; `runc spec --rootless` maps our own id already. */
function mapped(spec: Spec): Spec {
  if (!isRoot) return spec;
  const namespaces = [...(spec.linux?.namespaces ?? []), { type: 'user' as const }];
  const uidMappings = [
    { containerID: 1000, hostID: 1_000_000, size: 10 },
    { containerID: 0, hostID: UID, size: 1000 },
  ];
  const gidMappings = [{ containerID: 0, hostID: GID, size: 1000 }];
  return { ...spec, linux: { ...spec.linux, namespaces, uidMappings, gidMappings } };
}

async function mappedContainer(
  scratch: Scratch,
  runtime: string,
  overrides: ProcessOverrides,
  change = (spec: Spec): Spec => spec,
  more: Partial<ContainerOptions> = {},
): Promise<Container> {
  const bundle = writeContainerBundle(scratch.mkdir('bundle'), runtime, overrides, {
    rootless: !isRoot,
    change: (spec) => change(mapped(spec)),
  });
  // The container's root must be able to enter these directories.
  for (const dir of [scratch.dir, bundle]) chmodSync(dir, 0o711);
  const options = { root: scratch.root, id: scratch.newId(), bundle, runtime, ...more };
  return scratch.keep(await Container.create({ ...options, runtimeArgs: runtimeArgs(runtime, scratch.dir) }));
}

/** /etc/subuid; elsewhere.test.ts adds an entry for the user that it runs the tests as. */
function readSubordinateIds(): string {
  return existsSync('/etc/subuid') ? readFileSync('/etc/subuid', 'utf8') : '';
}

const OWNER = { uid: UID, gid: GID };

const BY_PATH = 'id -u; echo to the path > /dev/stdout; echo error >> /dev/stderr';

describe.each(runtimes.filter((name) => name !== 'host'))('%s with a user namespace', (runtime) => {
  test('process.json has the ids of its root, and process and FIFOs belong to them', async ({ scratch }) => {
    const script = 'id -u; cat /proc/self/uid_map; echo to the path > /dev/stdout; read x < /dev/stdin';
    const container = await mappedContainer(scratch, runtime, { args: ['sh', '-c', script] });
    const stdio = scratch.fifos();
    const process = await container.start({ stdio });
    const state = readFileSync(join(scratch.root, container.id, 'init', 'process.json'), 'utf8');
    expect(JSON.parse(state)).toMatchObject({ rootUID: UID, rootGID: GID });
    // Until its program runs, its directory belongs to root.
    expect(await ownerOf(process, 1)).toBe(UID);
    expect(statSync(`/proc/${process.systemPid}`)).toMatchObject(OWNER);
    // uid and gid: the original used the uid for both.
    for (const path of [stdio.stdin, stdio.stdout, stdio.stderr]) expect(statSync(path)).toMatchObject(OWNER);
    const stdout = text(process.openStdout());
    const stdin = process.openStdin();
    stdin.end('\n');
    expect(await process.wait()).toMatchObject({ status: 0 });
    const map = isRoot ? '1000 1000000 10\n0 200000 1000' : `0 ${UID} 1`;
    expect((await stdout).replace(/^ +/gm, '').replace(/ +/g, ' ')).toBe(`0\n${map}\nto the path\n`);
  });

  test('a new file for its output belongs to its root; an existing file keeps its owner', async ({ scratch }) => {
    const script = 'echo by descriptor; echo by path >> /dev/stdout; echo error >&2';
    const container = await mappedContainer(scratch, runtime, { args: ['sh', '-c', script] });
    const dir = scratch.mkdir('log');
    const [stdout, stderr] = [join(dir, 'stdout'), join(dir, 'stderr')];
    writeFileSync(stderr, 'before\n', { mode: 0o640 });
    const process = await container.start({ stdio: { stdout, stderr } });
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(readFileSync(stdout, 'utf8')).toBe('by descriptor\nby path\n');
    expect(readFileSync(stderr, 'utf8')).toBe('before\nerror\n');
    expect(statSync(stdout)).toMatchObject({ ...OWNER, mode: 0o100600 });
    expect(statSync(stderr).mode).toBe(0o100640);
    // crun changes the owner of every stream.
    if (runtime !== 'crun') expect(statSync(stderr)).toMatchObject({ uid: myUid, gid: myGid });
  });

  test('a log: the process may open its output by path, and the supervisor reads it', async ({ scratch }) => {
    const script =
      'echo by descriptor; echo by path > /dev/stdout; echo error > /dev/stderr; read x < /dev/stdin; echo $x';
    const container = await mappedContainer(scratch, runtime, { args: ['sh', '-c', script] });
    const process = await container.start({ stdio: { stdin: 'pipe', stdout: 'log', stderr: 'log' } });
    const [stdout, stderr] = [text(process.openStdout()), text(process.openStderr())];
    const viewer = process.attach().resume();
    // It reads to the end of the log, which must not be removed before.
    const closed = once(viewer, 'close');
    viewer.end('typed\n');
    expect(await process.wait()).toMatchObject({ status: 0 });
    await closed;
    expect([await stdout, await stderr]).toEqual(['by descriptor\nby path\ntyped\n', 'error\n']);
  });

  test('output that goes to a log: it may open the pipes again', async ({ scratch }) => {
    const process = { args: ['sh', '-c', BY_PATH] };
    const container = await mappedContainer(scratch, runtime, process);
    expect(await (await container.start({ stdio: LOGGED })).wait()).toMatchObject({ status: 0 });
    const log = await endRecorded(join(processDir(scratch, container), 'log'));
    expect(log).toMatchObject({ stdout: '0\nto the path\n', stderr: 'error\n', end: 0 });
  });

  test('a terminal works, and belongs to its root', async ({ scratch }) => {
    const script = 'echo "to the path" > $(readlink /proc/self/fd/0); read x < /dev/tty; stty size; exit 8';
    const container = await mappedContainer(scratch, runtime, { args: ['sh', '-c', script], terminal: true });
    const process = await container.start({ stdio: scratch.fifos(true) });
    const stdout = text(process.openStdout());
    expect(await ownerOf(process, 2)).toBe(UID);
    process.resize(111, 44);
    const stdin = process.openStdin();
    stdin.end('\n');
    expect(await process.wait()).toMatchObject({ status: 8 });
    expect(await stdout).toMatch(/to the path\r\n[^]*44 111\r\n$/);
  });

  test('exec works, with FIFOs and with a terminal', async ({ scratch }) => {
    const container = await mappedContainer(scratch, runtime, { args: ['cat'] });
    await container.start({ stdio: scratch.fifos() });
    for (const terminal of [false, true]) {
      const stdio = scratch.fifos(terminal);
      const script = 'read x; id -u; echo to the path > /dev/stdout; exit 5';
      const process = await container.exec(`e${terminal}`, { args: ['sh', '-c', script], terminal }, { stdio });
      const stdout = text(process.openStdout());
      expect(await ownerOf(process, 1)).toBe(UID);
      const stdin = process.openStdin();
      stdin.end('\n');
      expect(await process.wait()).toMatchObject({ status: 5 });
      expect(await stdout).toMatch(terminal ? /0\r\nto the path\r\n$/ : /^0\nto the path\n$/);
    }
  });

  test('limits of the process and of an exec’ed one', async ({ scratch }) => {
    const limits = (process: Process): Promise<string[]> => limitOf(process, 'Max core file size');
    const rlimits = [{ type: 'RLIMIT_CORE', soft: 50, hard: 60 }];
    const container = await mappedContainer(scratch, runtime, { args: ['sleep', '1000'], rlimits });
    expect(await limits(await container.start())).toEqual(['50', '60']);
    const other = [{ type: 'RLIMIT_CORE', soft: 30, hard: 40 }];
    const process = await container.exec('e', { args: ['sleep', '1000'], rlimits: other });
    expect(await limits(process)).toEqual(['30', '40']);
    expect(await limits(await container.exec('same', { args: ['sleep', '1000'] }))).toEqual(['50', '60']);
  });
});

if (!isRoot) {
  test.for(runtimes.filter((name) => name === 'runc'))(
    '%s, rootless: a cgroup that we may not make is an error, and nothing is left',
    async (runtime, { scratch }) => {
      const cgroupsPath = `/outlive-test-cgroup-${process.pid}`;
      const change = (spec: Spec): Spec => ({ ...spec, linux: { ...spec.linux, cgroupsPath } });
      const container = await mappedContainer(scratch, runtime, { args: ['true'] }, change);
      const started = container.start();
      await expect(started).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
      await expect(started).rejects.toThrow(/cgroup/);
      expect(readdirSync(join(scratch.root, container.id))).toEqual(['.lock', 'state.json']);
      expect(processesWith(container.id)).toEqual([]);
    },
  );
}

if (readSubordinateIds().startsWith(`${myUid}:`)) {
  const change = (spec: Spec): Spec => {
    const { uidMappings = [], gidMappings = [] } = spec.linux ?? {};
    const more = { containerID: 1, hostID: 100_000, size: 65_536 };
    return {
      ...spec,
      linux: { ...spec.linux, uidMappings: [...uidMappings, more], gidMappings: [...gidMappings, more] },
    };
  };

  test('rootless: output of another user of the namespace that goes to a log', async ({ scratch }) => {
    const process = { args: ['sh', '-c', BY_PATH], user: { uid: 1000, gid: 1000 } };
    const container = await mappedContainer(scratch, 'runc', process, change);
    expect(await (await container.start({ stdio: LOGGED })).wait()).toMatchObject({ status: 0 });
    const log = await endRecorded(join(processDir(scratch, container), 'log'));
    expect(log).toMatchObject({ stdout: '1000\nto the path\n', stderr: 'error\n', end: 0 });
  });

  test('rootless: stdio works for another user of the namespace, and for the supervisor', async ({ scratch }) => {
    const script = 'read x < /dev/stdin; id -u; echo to the path > /dev/stdout; echo error >&2';
    const process = { args: ['sh', '-c', script], user: { uid: 1000, gid: 1000 } };
    const container = await mappedContainer(scratch, 'runc', process, change);
    const stderr = join(scratch.mkdir('log'), 'stderr');
    const stdio = { ...scratch.fifos(), stderr };
    const init = await container.start({ stdio });
    for (const path of [stdio.stdout, stderr]) expect(statSync(path).uid).toBe(100_999);
    // The process has a pipe instead.
    expect(statSync(stdio.stdin).uid).toBe(myUid);
    // The same process in a supervisor that loads it later.
    const [other = init] = scratch.keep(await Container.load(scratch.root, container.id)).processes();
    expect(other).not.toBe(init);
    const stdout = text(other.openStdout());
    const stdin = init.openStdin();
    stdin.end('\n');
    expect(await init.wait()).toMatchObject({ status: 0 });
    expect(await stdout).toBe('1000\nto the path\n');
    expect(readFileSync(stderr, 'utf8')).toBe('error\n');
  });
}

if (isRoot) {
  describe.each(runtimes.filter((name) => name !== 'host'))('%s, as root', (runtime) => {
    test('stdio belongs to another user of the namespace if the process runs as that one', async ({ scratch }) => {
      const user = { uid: 1003, gid: 5 };
      const script = 'read x < /dev/stdin; id -u; id -g; echo to the path > /dev/stdout';
      const container = await mappedContainer(scratch, runtime, { args: ['sh', '-c', script], user });
      const process = await container.start({ stdio: scratch.fifos() });
      expect(await ownerOf(process, 1)).toBe(1_000_003);
      expect(statSync(`/proc/${process.systemPid}`)).toMatchObject({ uid: 1_000_003, gid: GID + 5 });
      const stdout = text(process.openStdout());
      const stdin = process.openStdin();
      stdin.end('\n');
      expect(await process.wait()).toMatchObject({ status: 0 });
      expect(await stdout).toBe('1003\n5\nto the path\n');
    });

    test('output that goes to a log, of another user of the namespace', async ({ scratch }) => {
      const process = { args: ['sh', '-c', BY_PATH], user: { uid: 1003, gid: 5 } };
      const container = await mappedContainer(scratch, runtime, process);
      expect(await (await container.start({ stdio: LOGGED })).wait()).toMatchObject({ status: 0 });
      const log = await endRecorded(join(processDir(scratch, container), 'log'));
      expect(log).toMatchObject({ stdout: '1003\nto the path\n', stderr: 'error\n', end: 0 });
    });

    test.for([true, false])(
      'its processes are in linux.cgroupsPath, which is removed with it; user namespace: %j',
      async (inNamespace, { scratch }) => {
        const cgroupsPath = `/outlive-test-cgroup-${process.pid}-${runtime}-${inNamespace}`;
        const resources = { memory: { limit: 64 * 1024 * 1024 }, pids: { limit: 20 } };
        const change = (spec: Spec): Spec => {
          const namespaces = spec.linux?.namespaces?.filter(({ type }) => inNamespace || type !== 'user') ?? [];
          return { ...spec, linux: { ...spec.linux, namespaces, cgroupsPath, resources } };
        };
        const container = await mappedContainer(scratch, runtime, { args: ['sleep', '1000'] }, change);
        const init = await container.start();
        const other = await container.exec('e', { args: ['sleep', '1000'] });
        const places = [init, other].flatMap(placesOf).filter(({ controllers }) => /memory|pids/.test(controllers));
        expect(places.length).toBeGreaterThanOrEqual(2);
        expect(new Set(places.map(({ path }) => path))).toEqual(new Set([cgroupsPath]));
        const limits = places.flatMap(({ dir }) =>
          ['memory.limit_in_bytes', 'memory.max'].map((name) => join(dir, name)),
        );
        expect(limits.filter(existsSync).map((path) => readFileSync(path, 'utf8'))).toEqual(
          expect.arrayContaining([`${resources.memory.limit}\n`]),
        );
        await container.delete();
        expect(places.filter(({ dir }) => existsSync(dir))).toEqual([]);
      },
    );
  });
}

/** The cgroups of a process: one in each hierarchy of version 1, one in version 2. */
function placesOf({ systemPid }: Process): { controllers: string; path: string; dir: string }[] {
  const lines = readFileSync(`/proc/${systemPid}/cgroup`, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [, controllers = '', path = ''] = line.split(':');
    if (controllers.length > 0) return { controllers, path, dir: join('/sys/fs/cgroup', controllers, path) };
    const hybrid = existsSync('/sys/fs/cgroup/unified') && !existsSync('/sys/fs/cgroup/cgroup.controllers');
    return hybrid
      ? { controllers: '', path, dir: join('/sys/fs/cgroup/unified', path) }
      : { controllers: 'memory,pids', path, dir: join('/sys/fs/cgroup', path) };
  });
}
