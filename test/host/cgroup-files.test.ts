// How the host runtime finds a cgroup v2, and how `events --stats` reads its files. The test writes what the kernel says
// (proc(5), cgroup-v2.rst), since few test machines have all of it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const tool = resolve(import.meta.dirname, '../../build/Release/outlive-cgroup-tool');

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'outlive-stats-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function statsOf(files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return execFileSync(tool, ['stats', dir], { encoding: 'utf8' });
}

const nothing = '"hugetlb":{},"intel_rdt":{},"network_interfaces":null}';

it('all controllers, with limits', () => {
  const stats = statsOf({
    'cpu.stat':
      'usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\nnr_periods 7\nnr_throttled 2\nthrottled_usec 50\nnr_bursts 0\n',
    'memory.current': '8192\n',
    'memory.max': '1048576\n',
    'memory.peak': '16384\n',
    'memory.swap.current': '4096\n',
    'memory.swap.max': '1000\n',
    'memory.stat': 'anon 4096\nfile 2048\n',
    'pids.current': '3\n',
    'pids.max': '100\n',
    'io.stat':
      '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n259:1 rbytes=7 wbytes=8 rios=9 wios=10 dbytes=0 dios=0\n',
  });
  const entry = (major: number, minor: number, op: string, value: number): object => ({ major, minor, op, value });
  expect(JSON.parse(stats)).toEqual({
    cpu: {
      usage: { total: 3_000_000, kernel: 1_000_000, user: 2_000_000 },
      throttling: { periods: 7, throttledPeriods: 2, throttledTime: 50_000 },
    },
    memory: {
      cache: 2048,
      usage: { limit: 1_048_576, usage: 8192, max: 16_384 },
      swap: { limit: 1_049_576, usage: 12_288 },
      raw: { anon: 4096, file: 2048 },
    },
    pids: { current: 3, limit: 100 },
    blkio: {
      ioServiceBytesRecursive: [
        entry(8, 0, 'Read', 1),
        entry(8, 0, 'Write', 2),
        entry(259, 1, 'Read', 7),
        entry(259, 1, 'Write', 8),
      ],
      ioServicedRecursive: [
        entry(8, 0, 'Read', 3),
        entry(8, 0, 'Write', 4),
        entry(259, 1, 'Read', 9),
        entry(259, 1, 'Write', 10),
      ],
    },
    hugetlb: {},
    intel_rdt: {},
    network_interfaces: null,
  });
});

it('memory without a limit has the greatest number as its limit, pids have none', () => {
  const stats = statsOf({
    'memory.current': '1\n',
    'memory.max': 'max\n',
    'memory.swap.current': '2\n',
    'memory.swap.max': '5\n',
    'memory.stat': '',
    'pids.current': '1\n',
    'pids.max': 'max\n',
  });
  const none = '18446744073709551615';
  expect(stats).toBe(
    `{"cpu":{"usage":{},"throttling":{}},"memory":{"usage":{"limit":${none},"usage":1},"swap":{"limit":${none},"usage":3}},` +
      `"pids":{"current":1},"blkio":{},${nothing}`,
  );
});

it('without controllers there is only the processor time', () => {
  const stats = statsOf({ 'cpu.stat': 'usage_usec 3\nuser_usec 2\nsystem_usec 1\nnice_usec 0\n' });
  expect(stats).toBe(
    `{"cpu":{"usage":{"total":3000,"kernel":1000,"user":2000},"throttling":{}},"memory":{"usage":{}},"pids":{},"blkio":{},${nothing}`,
  );
});

/** A mountinfo with these mounts, `<root> <mount point> <type>`, whose ids count from 30. */
function mountinfo(...mounts: string[]): string {
  const lines = mounts.map((mount, i) => {
    const [root = '', mountPoint = '', type = ''] = mount.split(' ');
    return `${30 + i} 29 0:26 ${root} ${mountPoint} rw,nosuid shared:4 - ${type} ${type} rw,nsdelegate\n`;
  });
  const file = join(dir, 'mountinfo');
  writeFileSync(file, lines.join(''));
  return file;
}

/** Where a cgroup is by these mounts. */
function placeOf(cgroup: string, ...mounts: string[]): string {
  return execFileSync(tool, ['find', mountinfo(...mounts), cgroup], { encoding: 'utf8' });
}

/** The path from the root of the hierarchy that a directory in the mount with this id has. */
function pathOf(id: number, directory: string, ...mounts: string[]): string {
  return execFileSync(tool, ['path', mountinfo(...mounts), String(id), directory], { encoding: 'utf8' });
}

const enoent = String(-constants.errno.ENOENT);

it.each([
  ['/a/b', '/ /sys/fs/cgroup cgroup2', '/sys/fs/cgroup/a/b'],
  ['/', '/ /sys/fs/cgroup cgroup2', '/sys/fs/cgroup'],
  ['/a/b', '/a /mnt cgroup2', '/mnt/b'],
  ['/a', '/a /mnt cgroup2', '/mnt'],
  ['/ab', '/a /mnt cgroup2', enoent],
  ['/a', '/ /sys/fs/cgroup/memory cgroup', enoent],
  ['/a b/c', '/a\\040b /mnt cgroup2', '/mnt/c'],
  ['/a b', '/a\\040b /mnt cgroup2', '/mnt'],
  ['/a\\b/c d', '/a\\134b /m\\011t\\040x cgroup2', '/m\tt x/c d'],
  ['/a\\040b/c', '/a\\134040b /mnt cgroup2', '/mnt/c'],
  ['/a\\040b/c', '/a\\040b /mnt cgroup2', enoent],
])('the cgroup %s in the mount %s', (cgroup, mount, expected) => {
  expect(placeOf(cgroup, mount)).toBe(expected);
});

it('the first mount that has the cgroup counts', () => {
  const mounts = ['/x /one cgroup2', '/ /two cgroup', '/a /three cgroup2', '/ /four cgroup2'];
  expect(placeOf('/a/b', ...mounts)).toBe('/three/b');
});

it('is found behind thousands of mounts, and behind one with a line longer than a page', () => {
  const others = Array.from({ length: 3000 }, (_, i) => `/ /mnt/${i} tmpfs`);
  const long = `/ /${'x'.repeat(20_000)} overlay`;
  expect(placeOf('/a/b', ...others, long, '/ /sys/fs/cgroup cgroup2')).toBe('/sys/fs/cgroup/a/b');
  expect(placeOf('/a/b', ...others, long)).toBe(enoent);
});

/** Root and type of the mount at a path, as the kernel tells them for this path alone. */
const mountAt = (path: string): string => execFileSync(tool, ['at', path], { encoding: 'utf8' });

it('the mount at a path is the one that mountinfo has last for it', (context) => {
  context.skip(mountAt('/proc') === String(-constants.errno.ENOSYS), 'statmount(2) needs Linux 6.8');
  const mounts = new Map<string, string>();
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [, root, path, type] = /^\S+ \S+ \S+ (\S+) (\S+) .* - (\S+) /.exec(line) ?? [];
    if (path !== undefined && !`${root}${path}`.includes('\\')) mounts.set(path, `${root} ${type}`);
  }
  const places = [...mounts.keys()].filter((path) => path === '/proc' || path.startsWith('/sys'));
  expect(places.length).toBeGreaterThan(1);
  expect(places.map(mountAt)).toEqual(places.map((path) => mounts.get(path)));
  // No root of a mount, and nothing at all.
  expect(mountAt('/proc/self')).toBe(String(-constants.errno.EINVAL));
  expect(mountAt(join(dir, 'missing'))).toBe(enoent);
});

it('a line that does not end is no mount', () => {
  const file = join(dir, 'mountinfo');
  writeFileSync(file, '30 29 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw');
  expect(execFileSync(tool, ['find', file, '/a'], { encoding: 'utf8' })).toBe(enoent);
  writeFileSync(file, '');
  expect(execFileSync(tool, ['find', file, '/a'], { encoding: 'utf8' })).toBe(enoent);
});

it.each([
  ['/sys/fs/cgroup/a/b', '/ /sys/fs/cgroup cgroup2', '/a/b'],
  ['/sys/fs/cgroup', '/ /sys/fs/cgroup cgroup2', '/'],
  ['/mnt/b', '/a /mnt cgroup2', '/a/b'],
  ['/mnt', '/a /mnt cgroup2', '/a'],
  ['/mnts/b', '/a /mnt cgroup2', enoent],
  ['/m\tt x/c d', '/a\\134b /m\\011t\\040x cgroup2', '/a\\b/c d'],
  ['/a', '/ / cgroup2', '/a'],
])('the path of the directory %j in the mount %s', (directory, mount, expected) => {
  expect(pathOf(30, directory, mount)).toBe(expected);
});

it('the path of a directory is that in the mount with the id, whatever other mounts cover it', () => {
  const mounts = ['/ /mnt cgroup2', '/x /mnt cgroup2', '/y /mnt/a cgroup2'];
  expect(pathOf(31, '/mnt/a/b', ...mounts)).toBe('/x/a/b');
  expect(pathOf(32, '/mnt/a/b', ...mounts)).toBe('/y/b');
  expect(pathOf(33, '/mnt/a/b', ...mounts)).toBe(enoent);
});
