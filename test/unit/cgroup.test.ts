/** Where a memory cgroup is, and what its files say: the kernel's formats; and an OOM watch on a made-up v2 cgroup. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { locate, parseCgroupMounts, parseMembership } from '../../src/kernel/cgroup.js';
import { parseOomKills } from '../../src/monitor/counter.js';
import { OomWatch } from '../../src/monitor/oom.js';
import { until } from '../support/until.js';

describe('/proc/<pid>/cgroup', () => {
  it.each([
    ['v1 only', '4:memory:/a/b\n3:cpu,cpuacct:/\n', { version: 1, path: '/a/b' }],
    ['both, memory in v1', '4:memory:/a:b\n0::/unified\n', { version: 1, path: '/a:b' }],
    ['both, memory in v2', '1:name=systemd:/x\n0::/user.slice/y\n', { version: 2, path: '/user.slice/y' }],
    ['joined controllers', '2:hugetlb,memory:/j\n', { version: 1, path: '/j' }],
    ['a name that only looks like it', '2:name=memory:/j\n', undefined],
    ['nothing', '', undefined],
  ])('%s', (_, text, expected) => {
    expect(parseMembership(text)).toEqual(expected);
  });
});

describe('/proc/<pid>/mountinfo', () => {
  const text = [
    '30 24 0:26 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory',
    '31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct',
    '32 24 0:28 /box /mnt/a\\040b rw shared:1 master:2 - cgroup2 cgroup2 rw,nsdelegate',
    '33 24 0:29 / / rw - ext4 /dev/sda rw',
    '',
  ].join('\n');

  it('gives the mounts of the memory hierarchies', () => {
    expect(parseCgroupMounts(text, 'memory')).toEqual([
      { version: 1, root: '/', mountPoint: '/sys/fs/cgroup/memory' },
      { version: 2, root: '/box', mountPoint: '/mnt/a b' },
    ]);
  });

  it.each([
    [1, '/c', '/sys/fs/cgroup/memory/c'],
    [2, '/box/c', '/mnt/a b/c'],
    [2, '/box', '/mnt/a b'],
    [2, '/boxes', undefined],
    [2, '/', undefined],
  ] as const)('a v%i cgroup %s is at %s', (version, path, expected) => {
    expect(locate({ version, path }, parseCgroupMounts(text, 'memory'))).toBe(expected);
  });
});

describe('the count of OOM kills', () => {
  it.each([
    ['oom_kill_disable 0\nunder_oom 0\noom_kill 3\n', 3],
    ['low 0\nhigh 0\nmax 7\noom 2\noom_kill 12\noom_group_kill 1\n', 12],
    ['oom_kill_disable 0\nunder_oom 0\n', undefined],
  ])('%j', (text, expected) => {
    expect(parseOomKills(text)).toBe(expected);
  });
});

describe('a watch of a v2 cgroup', () => {
  it('tells what was counted before it above what is known, and what comes, each once', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'outlive-cgroup-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const file = join(dir, 'memory.events');
    writeFileSync(file, 'oom 4\noom_kill 3\n');
    const told: number[][] = [];
    const watch = OomWatch.open({ version: 2, path: dir }, 0, 1, (kills, total) => told.push([kills, total]));
    onTestFinished(() => watch?.close());
    expect(told).toEqual([[2, 3]]);
    writeFileSync(file, 'oom 6\noom_kill 5\n');
    await until('the change is told', () => told.length === 2);
    expect(told[1]).toEqual([2, 5]);
    appendFileSync(file, 'oom_group_kill 0\n');
    expect(watch?.look()).toBe(true);
    await watch?.lastLook();
    expect(told).toHaveLength(2);
  });

  it('is none where there is no such cgroup', () => {
    expect(OomWatch.open({ version: 2, path: '/nowhere' }, 0, 0, () => undefined)).toBeUndefined();
  });
});
