/** The output of runc's `events --stats` becomes numbers with units; what it does not contain is undefined. */
import { expect, test } from 'vitest';
import { parseStats } from '../../src/runtime/stats.js';

const stats = (data: object): NonNullable<ReturnType<typeof parseStats>> => {
  const parsed = parseStats({ type: 'stats', id: 'c', data });
  if (parsed === undefined) throw new Error('no statistics');
  return parsed;
};

test('processor time in nanoseconds, and throttling', () => {
  const usage = { total: 11823957, percpu: [5504204, 6319753], percpu_kernel: [1, 2], kernel: 10000000, user: 0 };
  const throttling = { periods: 5, throttledPeriods: 2, throttledTime: 4000 };
  expect(stats({ cpu: { usage, throttling } }).cpu).toEqual({
    totalUsageNs: 11823957,
    kernelUsageNs: 10000000,
    userUsageNs: 0,
    perCpuUsageNs: [5504204, 6319753],
    periods: 5,
    throttledPeriods: 2,
    throttledTimeNs: 4000,
  });
});

test('memory in bytes; the kernel’s value for no limit becomes Infinity, on both cgroup versions', () => {
  const none = { usageBytes: undefined, maxUsageBytes: undefined, limitBytes: undefined, failCount: undefined };
  const memory = {
    cache: 7,
    usage: { limit: 67108864, usage: 2408448, max: 2793472, failcnt: 3 },
    swap: { limit: JSON.parse('9223372036854771712') as number, usage: 5, failcnt: 0 },
    kernel: { limit: JSON.parse('18446744073709551615') as number, failcnt: 0 },
    raw: { rss: 1785856, cache: 0, odd: 'x' },
  };
  expect(stats({ memory }).memory).toEqual({
    usageBytes: 2408448,
    maxUsageBytes: 2793472,
    limitBytes: 67108864,
    failCount: 3,
    cacheBytes: 7,
    swap: { ...none, usageBytes: 5, limitBytes: Infinity, failCount: 0 },
    kernel: { ...none, limitBytes: Infinity, failCount: 0 },
    kernelTcp: none,
    detail: { rss: 1785856, cache: 0 },
  });
  // The largest limit that can be set is a limit.
  expect(stats({ memory: { usage: { limit: 2 ** 62 } } }).memory.limitBytes).toBe(2 ** 62);
});

test('pids, block devices, huge pages and networks', () => {
  const parsed = stats({
    pids: { current: 5, limit: 20 },
    blkio: {
      ioServiceBytesRecursive: [{ major: 8, minor: 16, op: 'Read', value: 4096 }, { major: 8 }, 'x'],
      ioQueueRecursive: [{ value: 1 }],
      sectorsRecursive: null,
    },
    hugetlb: { '2MB': { usage: 1, max: 2, failcnt: 0 }, '1GB': null },
    network_interfaces: [{ Name: 'eth0', RxBytes: 10, TxDropped: 3 }],
  });
  expect(parsed.pids).toEqual({ current: 5, limit: 20 });
  expect(parsed.blockIo.serviceBytes).toEqual([
    { major: 8, minor: 16, operation: 'Read', value: 4096 },
    { major: 8, minor: undefined, operation: undefined, value: undefined },
  ]);
  expect(parsed.blockIo.queued).toMatchObject([{ value: 1 }]);
  expect(parsed.blockIo.sectors).toEqual([]);
  expect(parsed.hugetlb['2MB']).toEqual({ usageBytes: 1, maxUsageBytes: 2, failCount: 0 });
  expect(parsed.hugetlb['1GB']).toEqual({ usageBytes: undefined, maxUsageBytes: undefined, failCount: undefined });
  expect(parsed.networkInterfaces).toMatchObject([
    { name: 'eth0', rxBytes: 10, rxPackets: undefined, txDropped: 3, txBytes: undefined },
  ]);
});

test('a value that is missing or of another type is undefined, never 0', () => {
  const odd = {
    cpu: 5,
    memory: [],
    pids: { current: '5', limit: -1 },
    blkio: null,
    hugetlb: 7,
    network_interfaces: null,
  };
  for (const data of [{}, odd]) {
    const { cpu, memory, pids, blockIo, hugetlb, networkInterfaces, raw } = stats(data);
    expect(Object.values(cpu).every((value) => value === undefined)).toBe(true);
    expect(memory.usageBytes).toBeUndefined();
    expect(memory.swap.limitBytes).toBeUndefined();
    expect(memory.detail).toEqual({});
    expect(pids).toEqual({ current: undefined, limit: undefined });
    expect(Object.values(blockIo).every((list) => Array.isArray(list) && list.length === 0)).toBe(true);
    expect(hugetlb).toEqual({});
    expect(networkInterfaces).toEqual([]);
    expect(raw).toEqual(data);
  }
  expect(stats({ cpu: { usage: { percpu: [1, 'x'] } } }).cpu.perCpuUsageNs).toBeUndefined();
});

test('data without an envelope is accepted; other events and values that are no object are not', () => {
  expect(parseStats({ pids: { current: 1 } })?.pids.current).toBe(1);
  for (const event of [{ type: 'oom', id: 'c' }, { type: 'stats', data: null }, null, [], 'x', 5]) {
    expect(parseStats(event)).toBeUndefined();
  }
});
