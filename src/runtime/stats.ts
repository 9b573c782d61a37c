/**
 * What a container uses, from what runc's `events --stats` prints. Pure. What the runtime does not tell is undefined,
 * never 0: runc leaves out what is 0 as well as what the kernel does not count.
 */

/** Numbers above 2^53 are rounded to what a double holds. */
export interface ContainerStats {
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly pids: PidsStats;
  readonly blockIo: BlockIoStats;
  /** By page size, as `'2MB'`. */
  readonly hugetlb: Readonly<Record<string, HugetlbStats>>;
  readonly networkInterfaces: readonly NetworkInterfaceStats[];
  /** All that the runtime told, in its own words and units. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface CpuStats {
  /** Processor time since the container began, in nanoseconds. */
  readonly totalUsageNs: number | undefined;
  /** In the kernel, in nanoseconds. */
  readonly kernelUsageNs: number | undefined;
  /** In user mode, in nanoseconds. */
  readonly userUsageNs: number | undefined;
  /** In nanoseconds, a number for each processor; cgroup v1 only. */
  readonly perCpuUsageNs: readonly number[] | undefined;
  /** Periods of the CPU quota that have passed. */
  readonly periods: number | undefined;
  /** Those in which the quota was used up. */
  readonly throttledPeriods: number | undefined;
  /** How long it was held back, in nanoseconds. */
  readonly throttledTimeNs: number | undefined;
}

/** A counter of memory. */
export interface MemoryUsage {
  readonly usageBytes: number | undefined;
  /** The most that it ever was. */
  readonly maxUsageBytes: number | undefined;
  /** Infinity when there is no limit. */
  readonly limitBytes: number | undefined;
  /** How often the limit was hit. */
  readonly failCount: number | undefined;
}

export interface MemoryStats extends MemoryUsage {
  /** Page cache, in bytes. */
  readonly cacheBytes: number | undefined;
  /** Memory and swap together (cgroup v1), or swap alone (v2). */
  readonly swap: MemoryUsage;
  readonly kernel: MemoryUsage;
  /** The kernel's TCP buffers. */
  readonly kernelTcp: MemoryUsage;
  /** `memory.stat` of the cgroup: names and units are the kernel's, and differ between cgroup v1 and v2. */
  readonly detail: Readonly<Record<string, number>>;
}

export interface PidsStats {
  /** Processes and threads. */
  readonly current: number | undefined;
  /** How many there may be; undefined also when there is no limit. */
  readonly limit: number | undefined;
}

/** A number of one device and one kind of operation. */
export interface BlockIoEntry {
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** `'Read'`, `'Write'`, `'Total'` …, as the kernel says it. */
  readonly operation: string | undefined;
  readonly value: number | undefined;
}

/** Each list is empty when the runtime told none. */
export interface BlockIoStats {
  readonly serviceBytes: readonly BlockIoEntry[];
  /** Operations. */
  readonly serviced: readonly BlockIoEntry[];
  readonly queued: readonly BlockIoEntry[];
  readonly serviceTimeNs: readonly BlockIoEntry[];
  readonly waitTimeNs: readonly BlockIoEntry[];
  readonly merged: readonly BlockIoEntry[];
  /** Time that the device was given to it, in milliseconds. */
  readonly timeMs: readonly BlockIoEntry[];
  /** Sectors of 512 bytes. */
  readonly sectors: readonly BlockIoEntry[];
}

export interface HugetlbStats {
  readonly usageBytes: number | undefined;
  readonly maxUsageBytes: number | undefined;
  readonly failCount: number | undefined;
}

export interface NetworkInterfaceStats {
  readonly name: string | undefined;
  readonly rxBytes: number | undefined;
  readonly rxPackets: number | undefined;
  readonly rxErrors: number | undefined;
  readonly rxDropped: number | undefined;
  readonly txBytes: number | undefined;
  readonly txPackets: number | undefined;
  readonly txErrors: number | undefined;
  readonly txDropped: number | undefined;
}

/** The kernel's word for "no limit" is the largest number that it has: 2^64-1, or on cgroup v1 2^63-1 in whole pages. */
const NO_LIMIT_BYTES = 2 ** 63 - 2 ** 17;

type Json = Record<string, unknown>;

/**
 * Reads one event of `events --stats`, or its `data` alone.
 * @param event as JSON.parse() made it.
 * @returns undefined when it is no object, or another event than one of type `stats`.
 */
export function parseStats(event: unknown): ContainerStats | undefined {
  if (!isObject(event) || (event.type !== undefined && event.type !== 'stats')) return undefined;
  const raw = 'data' in event ? event.data : event;
  if (!isObject(raw)) return undefined;
  return {
    cpu: cpuStats(object(raw.cpu)),
    memory: memoryStats(object(raw.memory)),
    pids: { current: number(object(raw.pids).current), limit: number(object(raw.pids).limit) },
    blockIo: blockIoStats(object(raw.blkio)),
    hugetlb: Object.fromEntries(
      Object.entries(object(raw.hugetlb)).map(([pageSize, counter]) => [pageSize, hugetlbStats(object(counter))]),
    ),
    networkInterfaces: list(raw.network_interfaces).map(networkInterfaceStats),
    raw,
  };
}

function cpuStats({ usage, throttling }: Json): CpuStats {
  const { total, kernel, user, percpu } = object(usage);
  const { periods, throttledPeriods, throttledTime } = object(throttling);
  return {
    totalUsageNs: number(total),
    kernelUsageNs: number(kernel),
    userUsageNs: number(user),
    perCpuUsageNs: Array.isArray(percpu) && percpu.every(isNumber) ? percpu : undefined,
    periods: number(periods),
    throttledPeriods: number(throttledPeriods),
    throttledTimeNs: number(throttledTime),
  };
}

function memoryStats({ usage, cache, swap, kernel, kernelTCP, raw }: Json): MemoryStats {
  return {
    ...memoryUsage(usage),
    cacheBytes: number(cache),
    swap: memoryUsage(swap),
    kernel: memoryUsage(kernel),
    kernelTcp: memoryUsage(kernelTCP),
    detail: Object.fromEntries(
      Object.entries(object(raw)).filter((entry): entry is [string, number] => isNumber(entry[1])),
    ),
  };
}

function memoryUsage(counter: unknown): MemoryUsage {
  const { usage, max, limit, failcnt } = object(counter);
  const limitBytes = number(limit);
  return {
    usageBytes: number(usage),
    maxUsageBytes: number(max),
    limitBytes: limitBytes !== undefined && limitBytes >= NO_LIMIT_BYTES ? Infinity : limitBytes,
    failCount: number(failcnt),
  };
}

function blockIoStats(blkio: Json): BlockIoStats {
  const entries = (name: string): BlockIoEntry[] => list(blkio[name]).map(blockIoEntry);
  return {
    serviceBytes: entries('ioServiceBytesRecursive'),
    serviced: entries('ioServicedRecursive'),
    queued: entries('ioQueueRecursive'),
    serviceTimeNs: entries('ioServiceTimeRecursive'),
    waitTimeNs: entries('ioWaitTimeRecursive'),
    merged: entries('ioMergedRecursive'),
    timeMs: entries('ioTimeRecursive'),
    sectors: entries('sectorsRecursive'),
  };
}

function blockIoEntry({ major, minor, op, value }: Json): BlockIoEntry {
  return { major: number(major), minor: number(minor), operation: string(op), value: number(value) };
}

function hugetlbStats({ usage, max, failcnt }: Json): HugetlbStats {
  return { usageBytes: number(usage), maxUsageBytes: number(max), failCount: number(failcnt) };
}

function networkInterfaceStats(counters: Json): NetworkInterfaceStats {
  return {
    name: string(counters.Name),
    rxBytes: number(counters.RxBytes),
    rxPackets: number(counters.RxPackets),
    rxErrors: number(counters.RxErrors),
    rxDropped: number(counters.RxDropped),
    txBytes: number(counters.TxBytes),
    txPackets: number(counters.TxPackets),
    txErrors: number(counters.TxErrors),
    txDropped: number(counters.TxDropped),
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function number(value: unknown): number | undefined {
  return isNumber(value) ? value : undefined;
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
