/**
 * Hears of OOM kills in a container's memory cgroup. What counts is the kernel's count of them; the events (v1: an
 * eventfd, v2: inotify) only say when to look, and so does the end of the container's first process, since the runtime
 * removes the cgroup soon after it. Only where v1's cgroup went before it could be looked at, its events count instead.
 */
import { type FSWatcher, closeSync, openSync, watch, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type MemoryCgroup, memoryCgroup, membershipOf, parentOf } from '../kernel/cgroup.js';
import { hasCode } from '../base/errors.js';
import { OomCounter } from './counter.js';
import * as posix from '../posix/index.js';

/** v1 tells before the kill is done and counted: so often, and so long, the counter is looked at again. */
const LOOK_AGAIN_MS = 5;
const LOOK_AGAIN_TIMES = 40;

/** The kernel signals a removed v1 cgroup's eventfd from a work queue, which takes a moment. */
const REMOVAL_SIGNAL_MS = 200;

/** `kills`: how many since the last call; `total`: in the cgroup's life. */
export type OnOomKills = (kills: number, total: number) => void;

/**
 * The memory cgroup that is a container's own: that of its first process, unless its shim lies in it too. A process of
 * the host runtime stays in its supervisor's cgroup, whose OOM kills say nothing of it.
 */
export function containerCgroup(initPid: number): MemoryCgroup | undefined {
  const membership = membershipOf(initPid);
  const shim = membership === undefined ? undefined : parentOf(initPid);
  if (membership === undefined || shim === undefined || membership.path === '/') return undefined;
  const others = [membershipOf(shim), membershipOf('self')];
  return others.some((other) => other?.path === membership.path) ? undefined : memoryCgroup(membership);
}

export class OomWatch {
  readonly #onKills: OnOomKills;
  readonly #counter: OomCounter;
  #total: number;
  /** v1 only. */
  #eventFd = -1;
  #pidFd = -1;
  readonly #watches = new Map<number, posix.Watch>();
  #watcher: FSWatcher | undefined;
  #again: NodeJS.Timeout | undefined;
  /** What the eventfd told of that the counter has not shown: an OOM, or the cgroup's removal. */
  #unexplained = 0;
  #onSignal = (): void => undefined;
  #closed = false;

  private constructor(cgroup: MemoryCgroup, seen: number, onKills: OnOomKills) {
    this.#counter = new OomCounter(cgroup);
    this.#total = seen;
    this.#onKills = onKills;
  }

  /**
   * Watches a cgroup. Kills above `seen` that it counts already are told before this returns.
   * @param initPid whose end is a moment to look; 0 for none.
   * @returns undefined when the cgroup is gone by now.
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

  /** Tells of what was killed since the last look. @returns whether the cgroup is there. */
  look(): boolean {
    if (this.#closed) return false;
    const counted = this.#counter.read();
    // In this order: what the kernel has counted it has told of before.
    const told = this.#eventFd < 0 ? 0 : takeCount(this.#eventFd);
    this.#unexplained += told;
    if (counted === 'gone') return false;
    if (counted === undefined) {
      // A kernel that does not count: each event is taken for a kill. The cgroup is there, so none is its removal.
      this.#unexplained = 0;
      this.#tell(this.#total + told);
    } else if (counted > this.#total) {
      this.#unexplained = 0;
      this.#tell(counted);
    }
    return true;
  }

  /** The last look, before the end of a process is told. When the cgroup has gone, v1's events decide. */
  async lastLook(): Promise<void> {
    if (this.look() || this.#closed || this.#eventFd < 0) return;
    // One event is the removal or an OOM whose removal is still to be told; two are both. None: there was no OOM,
    // which is signalled before the kill, unlike the removal.
    if (this.#unexplained === 1) await this.#nextSignal();
    if (this.#unexplained > 1) this.#tell(this.#total + 1);
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
    for (const fd of [this.#eventFd, this.#pidFd]) if (fd >= 0) closeSync(fd);
    this.#counter.close();
  }

  /** v1: `<eventfd> <fd of memory.oom_control>` into cgroup.event_control. */
  #register(cgroup: string): void {
    this.#eventFd = posix.eventfd(0);
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

  /** v2: the kernel says of memory.events that it was modified, to inotify(7). */
  #listen(): void {
    this.#watcher = watch(this.#counter.path, { persistent: false }, () => this.look());
    // A cgroup that goes is no error.
    this.#watcher.on('error', () => undefined);
  }

  #followEnd(initPid: number): void {
    try {
      this.#pidFd = posix.pidfdOpen(initPid);
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

  /** Looks now, and again until the kill that was announced is counted. */
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

  #tell(total: number): void {
    const kills = total - this.#total;
    this.#total = total;
    if (kills > 0) this.#onKills(kills, total);
  }
}

function takeCount(fd: number): number {
  const bytes = Buffer.alloc(8);
  return posix.tryRead(fd, bytes) === undefined ? 0 : Number(new BigUint64Array(bytes.buffer)[0]);
}
