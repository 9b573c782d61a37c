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
const own = ownCgroup().replace(/\/$/, '');
const mayMake = cgroupsWork();
/** The root of the hierarchy may have controllers enabled for the cgroups below it, and processes. */
const hasHugetlb = mayMake && isRoot && controllers(own).includes('hugetlb') && !existsSync(join(own, 'cgroup.type'));

const LIMITS: HostResources = { unified: { 'hugetlb.2MB.max': '4194304' } };
const cgroupOf = (pid: number): string => {
  const mount = /^\S+ \S+ \S+ \/ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1] ?? '';
  return join(mount, /^0::(\/.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '');
};
const limitOf = (cgroup: string): string => readFileSync(join(cgroup, 'hugetlb.2MB.max'), 'utf8').trim();

describe.runIf(wantRight('the root of a cgroup v2 with the controller hugetlb', hasHugetlb))('limits', () => {
  const options = (scratch: Scratch, cgroup: string): { runtime: string; runtimeArgs: string[] } => {
    // Enters the cgroup with its shim, and goes on as the host runtime.
    const runtime = join(scratch.dir, 'runtime');
    const enter = `echo $PPID >'${cgroup}/cgroup.procs'; echo 0 >'${cgroup}/cgroup.procs'`;
    const host = posix.nativeExecutable('outlive-host');
    writeFileSync(runtime, `#!/bin/sh\ncase "$*" in *\\ run\\ *) ${enter};; esac\nexec '${host}' "$@"\n`, {
      mode: 0o700,
    });
    return { runtime, runtimeArgs: ['--root', join(scratch.dir, 'host')] };
  };
  const start = { args: ['sleep', '1000'], resources: LIMITS };

  test('are set before the process runs, hold for an exec, are changed, and go with the cgroup', async ({
    scratch,
  }) => {
    const args = ['sh', '-c', `cat ${own}$(sed -n s/0:://p /proc/self/cgroup)/hugetlb.2MB.max; sleep 1000`];
    const container = await scratch.container('host', { args, resources: LIMITS });
    const init = await container.start({ stdio: makeStdioFifos(scratch.mkdir('stdio')) });
    const [first] = (await init.openStdout().take(1).toArray()) as Buffer[];
    expect(String(first)).toBe('4194304\n');
    const cgroup = cgroupOf(init.systemPid);
    expect(dirname(cgroup)).toBe(own);
    await container.updateResources({ unified: { 'hugetlb.2MB.max': 'max', 'cgroup.max.depth': '2' } });
    expect(limitOf(cgroup)).toBe('max');
    expect(readFileSync(join(cgroup, 'cgroup.max.depth'), 'utf8')).toBe('2\n');
    const more = await container.exec('more', { args: ['sleep', '1000'] });
    expect(cgroupOf(more.systemPid)).toBe(cgroup);
    const wrong = container.updateResources({ unified: { 'hugetlb.2MB.max': 'many' } });
    const message = expect.stringContaining('unified.hugetlb.2MB.max: the kernel refuses "many"') as string;
    const cause = { code: 'EINVAL', syscall: 'write', path: 'hugetlb.2MB.max' };
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME', message, cause });
    await container.delete();
    expect(existsSync(cgroup)).toBe(false);
  });

  test('are added to a container without', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const { systemPid } = await container.start();
    await container.updateResources(LIMITS);
    expect(limitOf(cgroupOf(systemPid))).toBe('4194304');
  });

  test('a value that the kernel refuses, and a file that it does not have: nothing runs or is left', async ({
    scratch,
  }) => {
    const names = readdirSync(own);
    for (const [code, unified] of [
      ['ERR_OCI_RUNTIME', { 'hugetlb.2MB.max': 'many' }],
      ['ERR_LIMITS_UNAVAILABLE', { 'hugetlb.3MB.max': '1' }],
    ] as const) {
      const ran = join(scratch.dir, 'ran');
      const container = await scratch.container('host', { args: ['touch', ran], resources: { unified } });
      const message = expect.stringContaining(`linux.resources.unified.${Object.keys(unified)[0]}`) as string;
      await expect(container.start()).rejects.toMatchObject({ code, message });
      expect(existsSync(ran)).toBe(false);
      expect(readdirSync(own).filter((name) => name.includes(container.id) && !names.includes(name))).toEqual([]);
    }
  });

  test.for([
    ['a scope of the library: its shim is moved away', 'outlive-x-0.scope', '', 'own'],
    ['a cgroup that is no unit: beside it', 'unit', '', 'above'],
    ['a service with Delegate=yes that has processes', 'unit.service', 'user.delegate=1', 'has processes'],
    ['a service without Delegate=yes', 'unit.service', '', 'has no Delegate=yes'],
    ["a container's cgroup", 'outlive-x-0', '', 'has processes'],
  ] as const)('in %s', async ([, name, mark, where], { scratch }) => {
    const outer = join(own, `test-${process.pid}-limits`);
    const cgroup = join(outer, name);
    mkdirSync(cgroup, { recursive: true });
    writeFileSync(join(own, 'cgroup.subtree_control'), '+hugetlb');
    writeFileSync(join(outer, 'cgroup.subtree_control'), '+hugetlb');
    scratch.atEnd(async () => {
      await container.delete();
      const dirs = [join(cgroup, 'shim'), cgroup, outer].filter((dir) => existsSync(dir));
      // The shim leaves its cgroup when it has deleted the container.
      for (const dir of dirs) {
        await until(`${dir} is empty`, () => readFileSync(join(dir, 'cgroup.events'), 'utf8').includes('populated 0'));
        rmdirSync(dir);
      }
    });
    if (mark !== '') {
      const code = 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())';
      execFileSync('python3', ['-c', code, cgroup, ...mark.split('=')]);
    }
    const container = await scratch.container('host', start, options(scratch, cgroup));
    if (where !== 'own' && where !== 'above') {
      const message = expect.stringMatching(
        new RegExp(`linux\\.resources\\.unified\\.hugetlb\\.2MB\\.max cannot be set: .*${where}.*scope: 'systemd'`),
      ) as string;
      await expect(container.start()).rejects.toMatchObject({ code: 'ERR_LIMITS_UNAVAILABLE', message });
      expect(readdirSync(cgroup).filter((entry) => entry.startsWith('outlive-'))).toEqual([]);
      return;
    }
    const { systemPid } = await container.start();
    expect(dirname(cgroupOf(systemPid))).toBe(where === 'own' ? cgroup : outer);
    expect(limitOf(cgroupOf(systemPid))).toBe('4194304');
    if (where === 'own') {
      expect(readFileSync(join(cgroup, 'cgroup.procs'), 'utf8')).toBe('');
      expect(basename(cgroupOf(shimPid(scratch, container.id)))).toBe('shim');
    }
  });
});

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
