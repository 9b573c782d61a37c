/**
 * Converts the output of runc's `events --stats` to a container's resource usage. Pure.
 * A number that the runtime does not print is undefined, never 0: runc omits zeros, but also what is not counted.
 * Behaviour: runc-events(8).
 */

/** A container's resource usage. A number above 2^53 is rounded to a double. */
export interface ContainerStats {
  /** When the runtime had printed it. */
  readonly timestamp: Date;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly pids: PidsStats;
  readonly blockIo: BlockIoStats;
  /** Huge pages by page size, as `'2MB'`. */
  readonly hugetlb: Readonly<Record<string, HugetlbStats>>;
  readonly networkInterfaces: readonly NetworkInterfaceStats[];
  /** Everything that the runtime printed, with its names and units. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface CpuStats {
  /** Processor time since the container started, in nanoseconds. */
  readonly totalUsageNs: number | undefined;
  /** Processor time in the kernel, in nanoseconds. */
  readonly kernelUsageNs: number | undefined;
  /** Processor time in user mode, in nanoseconds. */
  readonly userUsageNs: number | undefined;
  /** Processor time of each processor, in nanoseconds; cgroup v1 only. */
  readonly perCpuUsageNs: readonly number[] | undefined;
  /** How many periods of the CPU quota have passed. */
  readonly periods: number | undefined;
  /** In how many periods the quota was used up. */
  readonly throttledPeriods: number | undefined;
  /** How long the container was throttled, in nanoseconds. */
  readonly throttledTimeNs: number | undefined;
}

/** The usage and the limit of one kind of memory. */
export interface MemoryUsage {
  readonly usageBytes: number | undefined;
  /** The highest usage so far. */
  readonly maxUsageBytes: number | undefined;
  /** Infinity if there is no limit. */
  readonly limitBytes: number | undefined;
  /** How often the limit was reached. */
  readonly failCount: number | undefined;
}

export interface MemoryStats extends MemoryUsage {
  /** The page cache, in bytes. */
  readonly cacheBytes: number | undefined;
  /** Memory and swap together (cgroup v1), or swap alone (v2). */
  readonly swap: MemoryUsage;
  readonly kernel: MemoryUsage;
  /** The kernel's TCP buffers. */
  readonly kernelTcp: MemoryUsage;
  /** The cgroup's `memory.stat`, with the kernel's names and units, which differ between cgroup v1 and v2. */
  readonly detail: Readonly<Record<string, number>>;
}

export interface PidsStats {
  /** The number of tasks: processes and threads. */
  readonly current: number | undefined;
  /** The largest number of tasks; undefined also if there is no limit. */
  readonly limit: number | undefined;
}

/** A count for one device and one kind of operation. */
export interface BlockIoEntry {
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** The kernel's name of the operation: `'Read'`, `'Write'`, `'Total'` … */
  readonly operation: string | undefined;
  readonly value: number | undefined;
}

/** Block I/O by device and operation. A list is empty if the runtime prints none. */
export interface BlockIoStats {
  /** Bytes transferred. */
  readonly serviceBytes: readonly BlockIoEntry[];
  /** Operations completed. */
  readonly serviced: readonly BlockIoEntry[];
  /** Operations queued. */
  readonly queued: readonly BlockIoEntry[];
  /** Time from dispatch to completion, in nanoseconds. */
  readonly serviceTimeNs: readonly BlockIoEntry[];
  /** Time spent in queues, in nanoseconds. */
  readonly waitTimeNs: readonly BlockIoEntry[];
  /** Operations merged into others. */
  readonly merged: readonly BlockIoEntry[];
  /** Time for which the container had the device, in milliseconds. */
  readonly timeMs: readonly BlockIoEntry[];
  /** Sectors transferred, of 512 bytes each. */
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

/** "No limit" is the kernel's largest number: 2^64 - 1, or in cgroup v1 2^63 - 1 rounded down to whole pages. */
const NO_LIMIT_BYTES = 2 ** 63 - 2 ** 17;

type Json = Record<string, unknown>;

/**
 * Converts one event of `events --stats`, or only its `data`.
 * @param event the result of JSON.parse().
 * @returns undefined if it is no object or an event of another type than `stats`.
 */
export function parseStats(event: unknown): Omit<ContainerStats, 'timestamp'> | undefined {
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
