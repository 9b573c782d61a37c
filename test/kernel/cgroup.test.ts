/** Where the memory cgroup of a process is, by the formats of /proc/<pid>/cgroup and /proc/<pid>/mountinfo. */
import { describe, expect, it } from 'vitest';
import { cgroupDirectories, locate, parseCgroupMounts, parseMembership } from '../../src/kernel/cgroup.js';

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

describe('the directories that a cgroup may have', () => {
  const mountinfo = [
    '30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '31 24 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd',
    '32 24 0:28 /box /mnt/two rw - cgroup2 cgroup2 rw',
    '33 24 0:29 / / rw - ext4 /dev/sda rw',
    '',
  ].join('\n');
  const cgroups = '4:memory:/own\n1:name=systemd:/\n0::/box/me\n';

  it.each([
    ['an absolute path', '/a/b', ['/sys/fs/cgroup/memory/a/b', '/sys/fs/cgroup/systemd/a/b']],
    [
      'a relative path: below the root and below the own cgroup',
      'id',
      ['/sys/fs/cgroup/memory/id', '/sys/fs/cgroup/memory/own/id', '/sys/fs/cgroup/systemd/id', '/mnt/two/me/id'],
    ],
    [
      'one in the part that is mounted',
      '/box/c',
      ['/sys/fs/cgroup/memory/box/c', '/sys/fs/cgroup/systemd/box/c', '/mnt/two/c'],
    ],
    ['the root', '/', []],
    ['the own cgroup itself', '.', []],
    [
      'one that leads out',
      '../../x',
      ['/sys/fs/cgroup/memory/x', '/sys/fs/cgroup/memory/own/x', '/sys/fs/cgroup/systemd/x', '/mnt/two/me/x'],
    ],
  ])('%s', (_, cgroup, expected) => {
    expect(cgroupDirectories(cgroup, mountinfo, cgroups)).toEqual(expected);
  });
});
