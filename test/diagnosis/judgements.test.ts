/** What each look concludes from what it finds: the machines are made up. */
import { describe, expect, it } from 'vitest';
import { judgeCgroups, judgeLimits } from '../../src/diagnosis/cgroups.js';
import { judgeFiles, judgeTasks, limitOf } from '../../src/diagnosis/resources.js';
import { judgeRoot, judgeSpace, mountIn } from '../../src/diagnosis/state-root.js';
import { judgeInit, judgeProc, lacksOf } from '../../src/diagnosis/system.js';
import { judgeScopes, judgeSession, judgeUnit } from '../../src/diagnosis/systemd.js';
import { parseMounts } from '../../src/kernel/cgroup.js';

const line = (mountPoint: string, type: string, options = 'rw'): string =>
  `30 20 0:1 / ${mountPoint} rw,relatime - ${type} ${type} ${options}`;
const mounts = (...lines: string[]): ReturnType<typeof parseMounts> => parseMounts(lines.join('\n'));

describe('kernel', () => {
  it.each([
    ['5.4.0-1-amd64', 2],
    ['5.7.0', 1],
    ['5.13.19', 1],
    ['5.14.0', 0],
    ['6.1.0-13-amd64', 0],
  ])('%s lacks %d things', (release, count) => expect(lacksOf(release)).toHaveLength(count));
});

describe('/proc', () => {
  it.each([
    ['rw', false, 'ok'],
    ['rw,hidepid=0', false, 'ok'],
    ['rw,hidepid=off', false, 'ok'],
    ['rw,hidepid=2', false, 'warning'],
    ['rw,gid=5,hidepid=invisible', false, 'warning'],
    ['rw,hidepid=2', true, 'ok'],
  ])('with %s, root: %s: %s', (options, isRoot, level) => {
    expect(judgeProc(mounts(line('/', 'ext4'), line('/proc', 'proc', options)), isRoot).level).toBe(level);
  });
  it('of several, the last mount is seen', () => {
    const both = mounts(line('/proc', 'proc', 'rw,hidepid=2'), line('/proc', 'proc', 'rw'));
    expect(judgeProc(both, false).level).toBe('ok');
  });
});

describe('pid 1', () => {
  const init = { name: 'systemd', program: 'systemd', isUs: false, unreaped: 0 };
  it.each([
    ['systemd', {}, 'ok'],
    ['one whose zombies stay', { unreaped: 2 }, 'warning'],
    ['Node.js under its name', { name: 'node', program: '' }, 'warning'],
    ['Node.js under another name', { name: 'server', program: 'node' }, 'warning'],
    ['this program', { name: 'node', program: 'node', isUs: true }, 'warning'],
  ])('%s', (_, facts, level) => {
    const found = judgeInit({ ...init, ...facts });
    expect(found.level).toBe(level);
    expect(found.advice?.includes('--init') ?? false).toBe(level === 'warning');
  });
});

describe('cgroups', () => {
  it.each([
    ['v2 alone', [line('/sys/fs/cgroup', 'cgroup2')], 'ok', 'cgroup v2'],
    [
      'mixed',
      [line('/a', 'cgroup', 'rw,memory'), line('/b', 'cgroup2')],
      'ok',
      'cgroup v2, and controllers of v1 (mixed)',
    ],
    [
      'v2 and a hierarchy of v1 without controllers',
      [line('/a', 'cgroup', 'rw,name=systemd'), line('/b', 'cgroup2')],
      'ok',
      'cgroup v2',
    ],
  ])('%s', (_, lines, level, found) => expect(judgeCgroups(mounts(...lines))).toEqual({ level, found }));
  it.each([
    ['v1', [line('/a', 'cgroup', 'rw,memory')], /^cgroup v1 alone: /],
    ['none', [line('/', 'ext4')], /^none are mounted: /],
  ])('%s', (_, lines, found) => {
    expect(judgeCgroups(mounts(...lines))).toMatchObject({
      level: 'warning',
      found: expect.stringMatching(found) as string,
    });
  });
});

describe('limits', () => {
  const facts = {
    own: '/sys/fs/cgroup/jobs/a',
    isUnit: false,
    hasManager: true,
    parent: '/sys/fs/cgroup/jobs',
    controllers: ['cpuset', 'cpu', 'memory', 'pids'],
    obstacle: undefined,
  };
  it('all controllers', () =>
    expect(judgeLimits(facts)).toEqual({ level: 'ok', found: 'cpuset, cpu, memory, pids, in /sys/fs/cgroup/jobs' }));
  it('in a unit: by scopes', () =>
    expect(judgeLimits({ ...facts, isUnit: true })).toMatchObject({
      level: 'ok',
      found: expect.stringContaining('scope') as string,
    }));
  it.each([
    ['no cgroup v2', { own: undefined, parent: undefined }, 'no cgroup v2', 'unified_cgroup_hierarchy'],
    ['in a unit, without a manager', { isUnit: true, hasManager: false }, 'no manager', 'enable-linger'],
    ['no right', { obstacle: 'no cgroup can be made in /x (EACCES)' }, '/x', 'systemd-run'],
    [
      'controllers of v1',
      { controllers: ['hugetlb'] },
      'limits of memory, cpu, pids are refused',
      'unified_cgroup_hierarchy',
    ],
    [
      "a user's scopes without cpu",
      { isUnit: true, controllers: ['memory', 'pids'] },
      'limits of cpu are refused',
      'Delegate=',
    ],
  ])('%s', (_, some, found, advice) => {
    const judged = judgeLimits({ ...facts, ...some });
    expect(judged.level).toBe('warning');
    expect(judged.found).toContain(found);
    expect(judged.advice).toContain(advice);
  });
});

describe('the unit', () => {
  const web = { name: 'web.service', manager: 'system' } as const;
  it.each([
    ['control-group', true, 'ok'],
    ['mixed', true, 'ok'],
    ['control-group', false, 'warning'],
    ['process', false, 'ok'],
    ['none', false, 'ok'],
    ['', true, 'warning'],
  ])('a service with KillMode=%s, scopes: %s: %s', (mode, isManaged, level) => {
    const judged = judgeUnit(web, mode, isManaged);
    expect([judged.level, judged.advice !== undefined]).toEqual([level, level !== 'ok']);
    expect(judged.found).toContain('web.service');
  });
  it('a scope has no KillMode that matters', () =>
    expect(judgeUnit({ name: 'a.scope', manager: 'user' }, '', false)).toEqual({ level: 'ok', found: 'a.scope' }));
  it.each([
    ['yes', 'warning'],
    ['no', 'ok'],
    ['', 'ok'],
  ])('a session, KillUserProcesses=%s: %s', (kills, level) => {
    expect(judgeSession({ name: 'session-3.scope', manager: 'system' }, kills).level).toBe(level);
  });
});

describe('scopes', () => {
  const facts = { uid: 1000, isBooted: true, hasProgram: true, managerDir: '/run/user/1000', lingers: true };
  it.each([
    ['no systemd', { isBooted: false }, 'ok', 'ERR_SCOPE_UNAVAILABLE'],
    ['no systemd-run', { hasProgram: false }, 'warning', 'systemd-run is not installed'],
    ['root', { uid: 0, managerDir: undefined, lingers: false }, 'ok', "the system's manager"],
    ['a user that lingers', {}, 'ok', 'lingering'],
    ['a user that does not', { lingers: false }, 'warning', 'logs out'],
    ['a user without a manager', { managerDir: undefined }, 'warning', 'has no manager'],
  ])('%s', (_, some, level, found) => {
    const judged = judgeScopes({ ...facts, ...some });
    expect(judged.level).toBe(level);
    expect(judged.found).toContain(found);
  });
});

describe('limits of this program', () => {
  it('are read by their names', () => {
    const text =
      'Max processes             96551                96551                processes \nMax open files            unlimited            4096                 files     \n';
    expect([limitOf(text, 'Max processes'), limitOf(text, 'Max open files'), limitOf('', 'Max open files')]).toEqual([
      96551,
      Infinity,
      Infinity,
    ]);
  });
  it.each([
    [Infinity, 'ok'],
    [1024, 'ok'],
    [100, 'warning'],
  ])('%d descriptors: %s', (limit, level) => expect(judgeFiles(limit).level).toBe(level));
  it('the limit that is nearest counts', () => {
    const far = { what: 'far', current: 10, limit: 5000 };
    const near = { what: 'near', current: 90, limit: 100 };
    expect(judgeTasks([]).found).toBe('no limit');
    expect(judgeTasks([far])).toMatchObject({
      level: 'ok',
      found: expect.stringContaining('10 of 5000 by far') as string,
    });
    expect(judgeTasks([far, near])).toMatchObject({
      level: 'warning',
      found: expect.stringContaining('90 of 100 by near') as string,
    });
  });
});

describe('the state root', () => {
  const facts = { path: '/var/lib/outlive', type: 'ext4', isThere: true, problem: undefined };
  it.each([
    ['a disk', {}, 'ok', 'outlive a reboot'],
    ['missing', { isThere: false }, 'ok', 'which the first start makes'],
    ['in memory', { type: 'tmpfs' }, 'ok', 'do not outlive a reboot'],
    ['over the network', { type: 'nfs4' }, 'warning', 'on nfs4'],
    ['by a user program', { type: 'fuse.sshfs' }, 'warning', 'on fuse.sshfs'],
    ['no right', { problem: 'belongs to another user' }, 'error', 'belongs to another user'],
  ])('%s', (_, some, level, found) => {
    const judged = judgeRoot({ ...facts, ...some });
    expect(judged.level).toBe(level);
    expect(judged.found).toContain(found);
    expect(judged.advice !== undefined).toBe(level !== 'ok');
  });
  it.each([
    [10 * 2 ** 30, Infinity, 'ok'],
    [2 ** 20, Infinity, 'warning'],
    [10 * 2 ** 30, 5, 'warning'],
  ])('%d bytes and %d inodes free: %s', (bytes, inodes, level) =>
    expect(judgeSpace('/', bytes, inodes).level).toBe(level),
  );
  it('is on the innermost and latest mount', () => {
    const all = mounts(line('/', 'ext4'), line('/var', 'xfs'), line('/var/lib', 'nfs4'), line('/var/lib', 'tmpfs'));
    expect(['/var/lib/outlive', '/var/libx', '/srv'].map((path) => mountIn(all, path).type)).toEqual([
      'tmpfs',
      'xfs',
      'ext4',
    ]);
  });
});
