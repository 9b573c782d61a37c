// linux.resources: what is written to which file of a cgroup v2, what is refused, and below which cgroup it is done. The
// machine's controllers differ; hugetlb is one that few others use, so these tests set its limits where it is.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type HostResources, makeStdioFifos, posix } from '../../src/index.js';
import { type Scratch, test } from '../support/scratch.js';
import { shimPid } from '../support/shims.js';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';
import { cgroupsWork, ownCgroup } from './cgroups.js';
import { Host, shell } from './harness.js';

const tool = resolve(import.meta.dirname, '../../build/Release/outlive-cgroup-tool');

describe('what is written', () => {
  test.for<[object, string[]]>([
    [{}, []],
    [{ memory: null, cpu: { cpus: '' }, pids: {}, unified: {} }, []],
    [{ memory: { limit: 5000 } }, ['memory.max = 5000']],
    [
      { memory: { limit: -1, swap: -1, reservation: -1 } },
      ['memory.max = max', 'memory.swap.max = max', 'memory.low = max'],
    ],
    [{ memory: { limit: 3, swap: 10, reservation: 0 } }, ['memory.max = 3', 'memory.swap.max = 7', 'memory.low = 0']],
    [{ memory: { limit: 3, swap: 3 } }, ['memory.max = 3', 'memory.swap.max = 0']],
    [{ memory: { swap: -1 } }, ['memory.swap.max = max']],
    [{ memory: { limit: 2 ** 53 - 1, swap: 2 ** 53 - 1 } }, ['memory.max = 9007199254740991', 'memory.swap.max = 0']],
    [{ cpu: { quota: 1000 } }, ['cpu.max = 1000']],
    [{ cpu: { quota: -1 } }, ['cpu.max = max']],
    [{ cpu: { quota: 50_000, period: 100_000 } }, ['cpu.max = 50000 100000']],
    [{ cpu: { quota: -1, period: 1000 } }, ['cpu.max = max 1000']],
    [{ cpu: { period: 1_000_000 } }, ['cpu.max + 1000000']],
    [{ cpu: { shares: 2 } }, ['cpu.weight = 1']],
    [{ cpu: { shares: 1024 } }, ['cpu.weight = 39']],
    [{ cpu: { shares: 262_144 } }, ['cpu.weight = 10000']],
    [{ cpu: { cpus: '0-3,7', mems: '0' } }, ['cpuset.cpus = 0-3,7', 'cpuset.mems = 0']],
    [{ pids: { limit: 7 } }, ['pids.max = 7']],
    [{ pids: { limit: 0 } }, ['pids.max = max']],
    [{ pids: { limit: -1 } }, ['pids.max = max']],
    [
      { unified: { 'memory.high': '5', 'hugetlb.2MB.max': 'max' }, pids: { limit: 1 } },
      ['pids.max = 1', 'memory.high = 5', 'hugetlb.2MB.max = max'],
    ],
    [{ unified: { 'cgroup.max.depth': '3' } }, ['cgroup.max.depth = 3']],
  ])('%j', ([resources, lines], { scratch }) => {
    const file = join(scratch.dir, 'resources.json');
    writeFileSync(file, JSON.stringify(resources));
    expect(execFileSync(tool, ['limits', file], { encoding: 'utf8' }).split('\n').slice(0, -1)).toEqual(lines);
  });
});

describe('what is refused in a config.json', () => {
  it.each<[string, unknown]>([
    ['must be an object', []],
    ['.memory must be an object', { memory: [] }],
    ['.memory.limit must be an integer', { memory: { limit: '5' } }],
    ['.memory.limit must be an integer', { memory: { limit: 1.5 } }],
    ['.memory.limit must be -1 or at least 1', { memory: { limit: 0 } }],
    ['.memory.limit must be -1 or at least 1', { memory: { limit: -2 } }],
    ['.memory.reservation must be -1 or at least 0', { memory: { reservation: -2 } }],
    ['.memory.swap includes memory.limit, which must be given too', { memory: { swap: 5 } }],
    ['.memory.swap includes memory.limit, which must be given too', { memory: { swap: 5, limit: -1 } }],
    ['.memory.swap must be at least memory.limit, which it includes', { memory: { swap: 5, limit: 6 } }],
    ['.memory.swappiness is not supported by the host runtime', { memory: { limit: 6, swappiness: 0 } }],
    ['.memory.kernel is not supported by the host runtime', { memory: { kernel: -1 } }],
    ['.memory.disableOOMKiller is not supported by the host runtime', { memory: { disableOOMKiller: true } }],
    ['.cpu.shares must be from 2 to 262144', { cpu: { shares: 1 } }],
    ['.cpu.shares must be from 2 to 262144', { cpu: { shares: 262_145 } }],
    ['.cpu.quota must be -1 or at least 1000', { cpu: { quota: 999 } }],
    ['.cpu.period must be from 1000 to 1000000', { cpu: { period: 1_000_001 } }],
    ['.cpu.period must be from 1000 to 1000000', { cpu: { quota: 1000, period: -1 } }],
    ['.cpu.cpus must be a string', { cpu: { cpus: 1 } }],
    ['.cpu.realtimePeriod is not supported by the host runtime', { cpu: { realtimePeriod: 5 } }],
    ['.pids.limit must be -1 or at least 0', { pids: { limit: -2 } }],
    ['.unified.high must be the name of a controller’s file, as memory.high', { unified: { high: '1' } }],
    [
      '.unified.../memory.high must be the name of a controller’s file, as memory.high',
      { unified: { '../memory.high': '1' } },
    ],
    ['.unified.cgroup.procs is not supported by the host runtime', { unified: { 'cgroup.procs': '1' } }],
    ['.unified.memory.high must be a string', { unified: { 'memory.high': 5 } }],
    ['.unified.memory.high must be a string that is not empty', { unified: { 'memory.high': '' } }],
    ['.devices is not supported by the host runtime', { devices: [{ allow: false }] }],
    ['.blockIO is not supported by the host runtime', { blockIO: { weight: 10 } }],
    ['.hugepageLimits is not supported by the host runtime', { hugepageLimits: [{ pageSize: '2MB', limit: 1 }] }],
    ['.network is not supported by the host runtime', { network: { classID: 1 } }],
    ['.rdma is not supported by the host runtime', { rdma: { mlx: { hcaHandles: 1 } } }],
    ['.later is not supported by the host runtime', { later: 1 }],
  ])('linux.resources%s: %j', async (text, resources) => {
    await using host = new Host();
    const bundle = host.bundle('r', { process: shell('true'), linux: { resources } });
    const { status, errors } = await host.tryRun('r', bundle);
    expect(status).toBe(1);
    const what = text.replace('’', "'");
    expect(errors).toEqual([`${bundle}/config.json: linux.resources${what.startsWith('.') ? '' : ' '}${what}`]);
    expect(existsSync(host.root)).toBe(false);
  });
});

const controllers = (cgroup: string): string[] => {
  const file = join(cgroup, 'cgroup.controllers');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
};
const mount = /^\S+ \S+ \S+ \/ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1] ?? '';
/** The root of the hierarchy may have controllers enabled for the cgroups below it, and processes. It alone has no type. */
const hasHugetlb = isRoot && controllers(mount).includes('hugetlb') && !existsSync(join(mount, 'cgroup.type'));

const LIMITS: HostResources = { unified: { 'hugetlb.2MB.max': '4194304' } };
const cgroupOf = (pid: number): string =>
  join(mount, /^0::(\/.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '');
const limitOf = (cgroup: string): string => readFileSync(join(cgroup, 'hugetlb.2MB.max'), 'utf8').trim();

/** A cgroup that can have limits below it, and one in it from which containers are run. */
interface Cgroups {
  readonly outer: string;
  readonly inner: string;
  readonly options: { runtime: string; runtimeArgs: string[] };
}

/** Makes them. @param mark an extended attribute of the inner one, `name=value`; '': none */
function makeCgroups(scratch: Scratch, name: string, mark = ''): Cgroups {
  const outer = join(mount, `test-${process.pid}-limits`);
  const inner = join(outer, name);
  mkdirSync(inner, { recursive: true });
  scratch.atEnd(async () => {
    // The shim leaves its cgroup when it has deleted the container.
    for (const dir of [join(inner, 'shim'), inner, outer].filter((one) => existsSync(one))) {
      await until(`${dir} is empty`, () => readFileSync(join(dir, 'cgroup.events'), 'utf8').includes('populated 0'));
      rmdirSync(dir);
    }
  });
  for (const dir of [mount, outer]) writeFileSync(join(dir, 'cgroup.subtree_control'), '+hugetlb');
  if (mark !== '') {
    const code = 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())';
    execFileSync('python3', ['-c', code, inner, ...mark.split('=')]);
  }
  // Enters the cgroup with its shim, and goes on as the host runtime.
  const runtime = join(scratch.dir, 'runtime');
  const enter = `echo $PPID >'${inner}/cgroup.procs'; echo 0 >'${inner}/cgroup.procs'`;
  const host = posix.nativeExecutable('outlive-host');
  const script = `#!/bin/sh\ncase "$*" in *\\ run\\ *) ${enter};; esac\nexec '${host}' "$@"\n`;
  writeFileSync(runtime, script, { mode: 0o700 });
  return { outer, inner, options: { runtime, runtimeArgs: ['--root', join(scratch.dir, 'host')] } };
}

describe.runIf(wantRight('the root of a cgroup v2 with the controller hugetlb', hasHugetlb))('limits', () => {
  const SLEEP = { args: ['sleep', '1000'] };

  test('are set before the process runs, hold for an exec, are changed, go with the cgroup', async ({ scratch }) => {
    const { outer, options } = makeCgroups(scratch, 'unit');
    const script = `cat ${mount}$(sed -n s/0:://p /proc/self/cgroup)/hugetlb.2MB.max; sleep 1000`;
    const container = await scratch.container('host', { args: ['sh', '-c', script], resources: LIMITS }, options);
    const init = await container.start({ stdio: makeStdioFifos(scratch.mkdir('stdio')) });
    const [first] = (await init.openStdout().take(1).toArray()) as Buffer[];
    expect(String(first)).toBe('4194304\n');
    const cgroup = cgroupOf(init.systemPid);
    expect(dirname(cgroup)).toBe(outer);
    await container.updateResources({ unified: { 'hugetlb.2MB.max': 'max', 'cgroup.max.depth': '2' } });
    expect(limitOf(cgroup)).toBe('max');
    expect(readFileSync(join(cgroup, 'cgroup.max.depth'), 'utf8')).toBe('2\n');
    const more = await container.exec('more', SLEEP);
    expect(cgroupOf(more.systemPid)).toBe(cgroup);
    const wrong = container.updateResources({ unified: { 'hugetlb.2MB.max': 'many' } });
    const message = expect.stringContaining('unified.hugetlb.2MB.max: the kernel refuses "many"') as string;
    const cause = { code: 'EINVAL', syscall: 'write', path: 'hugetlb.2MB.max' };
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME', message, cause });
    await container.delete();
    expect(existsSync(cgroup)).toBe(false);
  });

  test('an exec that cannot enter their cgroup is not started', async ({ scratch }) => {
    const { outer, options } = makeCgroups(scratch, 'unit');
    const container = await scratch.container('host', { ...SLEEP, resources: LIMITS }, options);
    const { systemPid } = await container.start();
    const cgroup = cgroupOf(systemPid);
    // With controllers enabled below it, a cgroup takes no process.
    writeFileSync(join(outer, 'unit', 'cgroup.procs'), String(systemPid));
    mkdirSync(join(cgroup, 'below'));
    writeFileSync(join(cgroup, 'cgroup.subtree_control'), '+hugetlb');
    const ran = join(scratch.dir, 'ran');
    const message = expect.stringContaining("cannot enter the cgroup with the container's limits: ") as string;
    const refused = container.exec('more', { args: ['touch', ran] });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME', message });
    expect(existsSync(ran)).toBe(false);
    await container.delete();
  });

  test.for([
    ['a value that the kernel refuses', 'ERR_OCI_RUNTIME', { 'hugetlb.2MB.max': 'many' }],
    ['a file that it does not have', 'ERR_LIMITS_UNAVAILABLE', { 'hugetlb.3MB.max': '1' }],
  ] as const)('%s: nothing runs or is left', async ([, code, unified], { scratch }) => {
    const { outer, options } = makeCgroups(scratch, 'unit');
    const ran = join(scratch.dir, 'ran');
    const container = await scratch.container('host', { args: ['touch', ran], resources: { unified } }, options);
    const message = expect.stringContaining(`linux.resources.unified.${Object.keys(unified)[0]}`) as string;
    await expect(container.start()).rejects.toMatchObject({ code, message });
    expect(existsSync(ran)).toBe(false);
    expect(readdirSync(outer).filter((name) => name.startsWith('outlive-'))).toEqual([]);
  });

  test.for([
    ['a scope of the library: its shim is moved away', 'outlive-x-0.scope', 'inner', LIMITS],
    ['a scope of the library, by an update', 'outlive-x-1.scope', 'inner', undefined],
    ['a cgroup that is no unit: beside it', 'unit', 'outer', LIMITS],
  ] as const)('in %s', async ([, name, where, resources], { scratch }) => {
    const cgroups = makeCgroups(scratch, name);
    const { inner, options } = cgroups;
    const container = await scratch.container('host', { ...SLEEP, ...(resources && { resources }) }, options);
    const { systemPid } = await container.start();
    if (resources === undefined) await container.updateResources(LIMITS);
    expect(dirname(cgroupOf(systemPid))).toBe(cgroups[where]);
    expect(limitOf(cgroupOf(systemPid))).toBe('4194304');
    if (where === 'inner') {
      expect(readFileSync(join(inner, 'cgroup.procs'), 'utf8')).toBe('');
      expect(basename(cgroupOf(shimPid(scratch, container.id)))).toBe('shim');
    }
    await container.delete();
  });

  test.for([
    ['a service with Delegate=yes that has processes', 'unit.service', 'user.delegate=1', 'has processes'],
    ['a service without Delegate=yes', 'unit.service', '', 'has no Delegate=yes'],
    ["a container's cgroup", 'outlive-x-0', '', 'has processes'],
  ] as const)('are refused in %s', async ([, name, mark, why], { scratch }) => {
    const { inner, options } = makeCgroups(scratch, name, mark);
    const container = await scratch.container('host', { ...SLEEP, resources: LIMITS }, options);
    const field = 'linux\\.resources\\.unified\\.hugetlb\\.2MB\\.max';
    const message = expect.stringMatching(new RegExp(`${field} cannot be set: .*${why}.*scope: 'systemd'`)) as string;
    await expect(container.start()).rejects.toMatchObject({ code: 'ERR_LIMITS_UNAVAILABLE', message });
    expect(readdirSync(inner).filter((entry) => entry.startsWith('outlive-'))).toEqual([]);
  });
});

const own = ownCgroup().replace(/\/$/, '');
/** In a unit of systemd other things are missing first. */
const mayMake = cgroupsWork() && !/\.(?:service|scope)(?:\/|$)/.test(own);
const lacks = mayMake && !controllers(own).includes('memory');
describe.runIf(lacks)('where cgroup v2 has no controller memory', () => {
  test('a limit of it is refused by name, at the start and by an update', async ({ scratch }) => {
    const ran = join(scratch.dir, 'ran');
    const resources = { memory: { limit: 1 << 26 } };
    const container = await scratch.container('host', { args: ['touch', ran], resources });
    const refusal = (field: string): object => ({
      code: 'ERR_LIMITS_UNAVAILABLE',
      message: expect.stringContaining(
        `${field} cannot be set: cgroup v2 has no controller memory in ${own}`,
      ) as string,
    });
    await expect(container.start()).rejects.toMatchObject(refusal('linux.resources.memory.limit'));
    expect(existsSync(ran)).toBe(false);
    expect(container.processes()).toEqual([]);
    const other = await scratch.container('host', { args: ['sleep', '1000'] });
    await other.start();
    await expect(other.updateResources(resources)).rejects.toMatchObject(refusal('memory.limit'));
  });
});

describe.runIf(isRoot && mayMake)('a user who may not write to the cgroup', () => {
  it('is told so, with what to do, and nothing is left', async () => {
    await using host = new Host({ uid: 65534 });
    const resources = { unified: { 'cgroup.max.depth': '3' } };
    const bundle = host.bundle('r', { process: shell('true'), linux: { resources } });
    const { status, errors } = await host.tryRun('r', bundle);
    expect(status).toBe(1);
    const field = 'linux.resources.unified.cgroup.max.depth cannot be set';
    expect(errors).toEqual([
      expect.stringMatching(new RegExp(`^${field}: mkdir ${own}.*: permission denied: .*scope`)),
    ]);
    expect(readdirSync(host.root)).toEqual([]);
    await host.run('a', shell('exec sleep 1000'));
    const file = host.write('resources.json', JSON.stringify(resources));
    const { errors: second } = await host.command(['update', '--resources', file, 'a']);
    expect(second).toEqual([expect.stringContaining('depth cannot be set: the container has no cgroup of its own')]);
  });
});
