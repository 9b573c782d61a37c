/** Which files say that a process is frozen, and what they say. */
import { describe, expect, test } from 'vitest';
import { type CgroupMount, parseCgroupMounts } from '../../src/kernel/cgroup.js';
import { freezerFiles, saysFrozen } from '../../src/kernel/freezer.js';

const freezerMounts = (mountinfo: string): CgroupMount[] => parseCgroupMounts(mountinfo, 'freezer');

const MOUNTS = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 26 0:27 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw,mode=755
32 31 0:28 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
33 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
34 31 0:30 /of/me /sys/fs/cgroup/the\\040freezer rw,relatime shared:10 master:1 - cgroup cgroup rw,freezer,x
`;

test('finds the hierarchies that can freeze, with any optional fields before the dash', () => {
  expect(freezerMounts(MOUNTS)).toEqual([
    { version: 2, mountPoint: '/sys/fs/cgroup/unified', root: '/' },
    { version: 1, mountPoint: '/sys/fs/cgroup/the freezer', root: '/of/me' },
  ]);
  expect(freezerMounts('')).toEqual([]);
  expect(freezerMounts('nonsense - cgroup2\n')).toEqual([]);
});

describe('the files of a process', () => {
  const mounts = freezerMounts(MOUNTS);
  const [unified, freezer] = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/the freezer'];

  test.for<[string, string[]]>([
    ['0::/a/b\n', [`${unified}/a/b/cgroup.events`]],
    ['4:freezer:/of/me/c\n0::/\n', [`${unified}/cgroup.events`, `${freezer}/c/freezer.state`]],
    ['4:x,freezer:/of/me\n', [`${freezer}/freezer.state`]],
    ['0::/a:b:c\n', [`${unified}/a:b:c/cgroup.events`]],
    // Outside of what is mounted, or above our own cgroup namespace.
    ['4:freezer:/of/another\n0::/../up\n', []],
    ['4:freezer:/of/mean\n', []],
    ['2:cpu:/c\n', []],
    ['', []],
  ])('%j: %j', ([cgroups, expected]) => {
    expect(freezerFiles(cgroups, mounts)).toEqual(expected);
  });
});

test.for<[string, boolean]>([
  ['FROZEN\n', true],
  ['FREEZING\n', false],
  ['THAWED\n', false],
  ['populated 1\nfrozen 1\n', true],
  ['populated 1\nfrozen 0\n', false],
  ['populated 1\nfrozen 10\n', false],
  ['', false],
])('%j is frozen: %j', ([text, expected]) => {
  expect(saysFrozen(text)).toBe(expected);
});
