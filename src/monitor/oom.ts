/**
 * Watches a container's memory cgroup for OOM kills. The kernel's counter says how many there are. The kernel's
 * notifications (v1: an eventfd, v2: inotify) only say when to read it. So does the end of the container's first
 * process, as the runtime removes the cgroup soon after. If a v1 cgroup was removed before the counter could be read,
 * the notifications are counted in its place. Behaviour: the kernel's cgroup-v1/memory.rst and cgroup-v2.rst.
 */
import { type FSWatcher, closeSync, openSync, watch, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type MemoryCgroup, memoryCgroup, membershipOf, parentOf } from '../kernel/cgroup.js';
import { hasCode } from '../base/errors.js';
import { OomCounter } from './counter.js';
import * as posix from '../posix/index.js';
import { closeOwned, eventfdOwned, pidfdOpenOwned } from '../posix/owned.js';

/** v1 notifies before the kill is counted, so the counter is read again: at this interval, at most this many times. */
const LOOK_AGAIN_MS = 5;
const LOOK_AGAIN_TIMES = 40;

/** How long to wait for the notification that a v1 cgroup was removed, which the kernel sends from a work queue. */
const REMOVAL_SIGNAL_MS = 200;

/** `kills` is the number since the last call, `total` the number since the cgroup was made. */
export type OnOomKills = (kills: number, total: number) => void;

/**
 * The memory cgroup of a container's first process; undefined if its shim or this process is in the same cgroup. A
 * process of the host runtime may be in its supervisor's cgroup, whose OOM kills may be of other processes.
 */
export function containerCgroup(initPid: number): MemoryCgroup | undefined {
  const membership = membershipOf(initPid);
  if (membership === undefined || membership.path === '/') return undefined;
  // First what most of them have in common, if the container has no cgroup: that costs least.
  if (membershipOf('self')?.path === membership.path) return undefined;
  const shim = parentOf(initPid);
  if (shim === undefined || membershipOf(shim)?.path === membership.path) return undefined;
  return memoryCgroup(membership);
}

export class OomWatch {
  readonly #onKills: OnOomKills;
  readonly #counter: OomCounter;
  #total: number;
  /** The eventfd of v1's notifications; -1 for v2. */
  #eventFd = -1;
  #pidFd = -1;
  readonly #watches = new Map<number, posix.Watch>();
  #watcher: FSWatcher | undefined;
  #again: NodeJS.Timeout | undefined;
  /** v1 notifications that the counter has not explained yet: each is an OOM or the cgroup's removal. */
  #unexplained = 0;
  #onSignal = (): void => undefined;
  #closed = false;

  private constructor(cgroup: MemoryCgroup, seen: number, onKills: OnOomKills) {
    this.#counter = new OomCounter(cgroup);
    this.#total = seen;
    this.#onKills = onKills;
  }

  /**
   * Watches a cgroup. Kills that happened before are reported before this returns.
   * @param initPid the container's first process, at whose end the counter is read; 0 for none.
   * @param seen how many kills were reported earlier.
   * @returns undefined if the cgroup is gone.
   * @throws a system error (EMFILE, ENFILE …).
   */
  static open(cgroup: MemoryCgroup, initPid: number, seen: number, onKills: OnOomKills): OomWatch | undefined {
    let watch: OomWatch | undefined;
    try {
      watch = new OomWatch(cgroup, seen, onKills);
      if (cgroup.version === 1) watch.#register(cgroup.path);
      else watch.#listen();
      if (initPid > 0) watch.#followEnd(initPid);
      watch.look();
      return watch;
    } catch (error) {
      watch?.close();
      if (hasCode(error, 'ENOENT', 'ENODEV', 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  /** Reads the counter and reports the kills since the last time. @returns whether the cgroup still exists. */
  look(): boolean {
    if (this.#closed) return false;
    const counted = this.#counter.read();
    // Race: this read against an OOM kill. The kernel notifies before it counts. If we took the notifications first, a
    // kill could be notified and counted in between, and its notification would stay unexplained although its count was
    // reported. Reading the counter first is safe: the notification of every counted kill is there by now.
    const notified = this.#eventFd < 0 ? 0 : takeCount(this.#eventFd);
    this.#unexplained += notified;
    if (counted === 'gone') return false;
    if (counted === undefined) {
      // The kernel does not count: each notification is a kill. None is the removal, as the cgroup still exists.
      this.#unexplained = 0;
      this.#report(this.#total + notified);
    } else if (counted > this.#total) {
      this.#unexplained = 0;
      this.#report(counted);
    }
    return true;
  }

  /** Reads the counter before a process's exit is reported. If a v1 cgroup is gone, its notifications decide. */
  async lastLook(): Promise<void> {
    if (this.look() || this.#closed || this.#eventFd < 0) return;
    // The kernel notifies of an OOM before the kill, and of the removal some time after it. No notification: there was
    // no OOM. One: the removal, or an OOM whose removal notification is still to come. Two or more: an OOM and the
    // removal.
    if (this.#unexplained === 1) await this.#nextSignal();
    if (this.#unexplained > 1) this.#report(this.#total + 1);
    this.#unexplained = 0;
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    this.#onSignal();
    this.#watcher?.close();
    for (const watch of this.#watches.values()) watch.stop();
    for (const fd of [this.#eventFd, this.#pidFd]) if (fd >= 0) closeOwned(fd);
    this.#counter.close();
  }

  /** v1: writes `<eventfd> <fd of memory.oom_control>` to cgroup.event_control. */
  #register(cgroup: string): void {
    this.#eventFd = eventfdOwned(0);
    const control = openSync(join(cgroup, 'cgroup.event_control'), 'w');
    try {
      writeSync(control, `${this.#eventFd} ${this.#counter.fd}`);
    } finally {
      closeSync(control);
    }
    this.#arm(this.#eventFd, () => {
      this.#lookAgain(LOOK_AGAIN_TIMES);
      this.#onSignal();
    });
  }

  /** v2: the kernel reports a change of memory.events as a modification to inotify(7). */
  #listen(): void {
    this.#watcher = watch(this.#counter.path, { persistent: false }, () => this.look());
    // Ignore: the removal of the cgroup is no error.
    this.#watcher.on('error', () => undefined);
  }

  #followEnd(initPid: number): void {
    try {
      this.#pidFd = pidfdOpenOwned(initPid);
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
      return;
    }
    this.#arm(this.#pidFd, () => this.look(), 'once');
  }

  #arm(fd: number, onEvent: () => void, times: 'once' | 'always' = 'always'): void {
    const watching = posix.watchReadable(fd, () => {
      onEvent();
      if (times === 'always' && !this.#closed) this.#arm(fd, onEvent, times);
    });
    this.#watches.set(fd, watching.unref());
  }

  /** Reads the counter now, and again until the notified kill is counted. */
  #lookAgain(times: number): void {
    clearTimeout(this.#again);
    if (!this.look() || this.#unexplained === 0 || times === 0) return;
    this.#again = setTimeout(() => this.#lookAgain(times - 1), LOOK_AGAIN_MS).unref();
  }

  async #nextSignal(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, REMOVAL_SIGNAL_MS);
      this.#onSignal = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onSignal = () => undefined;
  }

  #report(total: number): void {
    const kills = total - this.#total;
    this.#total = total;
    if (kills > 0) this.#onKills(kills, total);
  }
}

function takeCount(fd: number): number {
  const bytes = Buffer.alloc(8);
  return posix.tryRead(fd, bytes) === undefined ? 0 : Number(new BigUint64Array(bytes.buffer)[0]);
}
