/**
 * Follows the processes of one container for a monitor, and orders their events: an OOM kill comes before the exit that
 * it caused, and the first process's exit comes after those of the other processes, which end with it.
 * Does not deliver the events; monitor.ts does. Behaviour: containerd 0.2's supervisor.
 */
import type { Container, ContainerProcess } from '../container/container.js';
import type { Exit } from '../state/exit.js';
import { OomWatch, containerCgroup } from './oom.js';
import { type Deferred, type Waiter, deferred, within } from '../base/promises.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';

/**
 * How long to wait for the end of a first process whose cgroup is gone, in milliseconds. Its shim has only to write it,
 * unless it was killed.
 */
const RECORD_LIMIT_MS = 1000;

/** @internal */
export interface GroupConfig {
  readonly container: Container;
  /** How long the first process's exit event waits at most for those of the others, in milliseconds. */
  readonly initHoldMs: number;
  /** The number of OOM kills in its cgroup that were reported before. */
  readonly oomKillsTold: number;
  /** The processes of the container that were followed before: they are not followed again. */
  readonly seen: WeakSet<ContainerProcess>;
  readonly onExit: (process: ContainerProcess, exit: Exit, timeMs: number) => void;
  readonly onOom: (init: ContainerProcess, kills: number, total: number) => void;
  /** Called when no process is followed any more. */
  readonly onIdle: (container: Container) => void;
}

/** A process that is followed. There may be thousands, so a promise is made only for who asks. */
class Followed implements Waiter<Exit> {
  readonly process: ContainerProcess;
  /** Whether nothing more of it is to be reported. */
  isForgotten = false;
  /** Set while its report waits for the end of another process. */
  abort: AbortController | undefined;
  readonly #group: FollowedListener;
  #isTold = false;
  #isDone = false;
  #done: Deferred<undefined> | undefined;

  constructor(process: ContainerProcess, group: FollowedListener) {
    this.process = process;
    this.#group = group;
  }

  /** Settles when its exit is reported, or can't be known. */
  get done(): Promise<undefined> {
    if (this.#isDone) return Promise.resolve(undefined);
    this.#done ??= deferred();
    return this.#done.promise;
  }

  /** It has ended. */
  resolve(exit: Exit): void {
    if (this.#tell()) this.#group.onEnd(this, exit);
  }

  /** Its object was closed, or it was forgotten: its exit can't be known any more. */
  reject(): void {
    if (this.#tell()) this.#group.onUnknown(this);
  }

  forget(): void {
    this.isForgotten = true;
    this.abort?.abort();
    this.reject();
  }

  /** Call it after its exit was reported. */
  conclude(): void {
    this.#isDone = true;
    this.#done?.resolve(undefined);
  }

  #tell(): boolean {
    if (this.#isTold) return false;
    this.#isTold = true;
    this.process.lifecycle.unfollow(this);
    return true;
  }
}

/** Who is told by a {@link Followed}. */
interface FollowedListener {
  onEnd(followed: Followed, exit: Exit): void;
  onUnknown(followed: Followed): void;
}

export class MonitorGroup implements FollowedListener {
  readonly #config: GroupConfig;
  readonly #followed = new Map<ContainerProcess, Followed>();
  /** The container's first process, if it is or was followed. */
  #init: ContainerProcess | undefined;
  #oom: OomWatch | undefined;
  /** The number of OOM kills in the cgroup of `#init` that were reported. */
  #oomKillsTold: number;

  constructor(config: GroupConfig) {
    this.#config = config;
    this.#oomKillsTold = config.oomKillsTold;
  }

  /** Whether no process is followed. */
  get isEmpty(): boolean {
    return this.#followed.size === 0;
  }

  /** Reports the exit of a started process, also of one that has ended already. Does nothing if it did so before. */
  follow(process: ContainerProcess): void {
    if (this.#config.seen.has(process)) return;
    this.#config.seen.add(process);
    const followed = new Followed(process, this);
    this.#followed.set(process, followed);
    process.lifecycle.follow(followed);
    if (process.id !== INIT_PROCESS_ID) return;
    // A second init, after the first one was removed, has another cgroup.
    if (this.#init !== undefined) this.#oomKillsTold = 0;
    this.#init = process;
    // Do this last: an error here must not lose the exit event, which is never told synchronously: so no OOM kill can come
    // too late.
    this.#watchMemory(process);
  }

  /** Reports nothing more of a process. If it is followed again, its exit is reported again. */
  forget(process: ContainerProcess): void {
    this.#config.seen.delete(process);
    this.#followed.get(process)?.forget();
    this.#followed.delete(process);
    if (process.id === INIT_PROCESS_ID) this.#closeMemory();
  }

  /** Resolves when the exits of all followed processes are reported. */
  async allTold(): Promise<void> {
    await Promise.all([...this.#followed.values()].map(({ done }) => done));
  }

  close(): void {
    for (const process of [...this.#followed.keys()]) this.forget(process);
    this.#closeMemory();
  }

  onEnd(followed: Followed, exit: Exit): void {
    void this.#reportExit(followed, exit).then(() => this.#conclude(followed));
  }

  onUnknown(followed: Followed): void {
    this.#conclude(followed);
  }

  async #reportExit(followed: Followed, exit: Exit): Promise<void> {
    const { process } = followed;
    const timeMs = exit.record?.endedAtMs ?? Date.now();
    // Ignore a failure, for lack of descriptors: the exit is told.
    await this.#lookForKills(followed).catch(() => undefined);
    if (process.id === INIT_PROCESS_ID) {
      const others = [...this.#followed.values()].filter((other) => other !== followed).map(({ done }) => done);
      await within(Promise.all(others), this.#config.initHoldMs);
      this.#closeMemory();
    }
    if (!followed.isForgotten) this.#config.onExit(process, exit, timeMs);
  }

  #conclude(followed: Followed): void {
    // It may have been forgotten and followed again.
    if (this.#followed.get(followed.process) === followed) this.#followed.delete(followed.process);
    followed.conclude();
    if (this.isEmpty) this.#config.onIdle(this.#config.container);
  }

  /**
   * Reports the OOM kills that are not reported yet, before an exit that one of them may have caused. The cgroup's count
   * is preferred. If the cgroup is gone, all its processes have ended, and the shim of the first one has recorded the
   * count. If it has not (another make, an older release), what the kernel notified of decides.
   */
  async #lookForKills(followed: Followed): Promise<void> {
    const init = this.#init;
    if (init === undefined) return;
    const isThere = this.#oom?.look();
    if (isThere === true || (isThere === undefined && !init.hasEnded)) return;
    followed.abort = new AbortController();
    if (followed.isForgotten) followed.abort.abort();
    const end = await within(endOf(init, followed.abort.signal), RECORD_LIMIT_MS);
    followed.abort = undefined;
    const recorded = end?.record?.oomKills;
    if (recorded !== undefined) this.#reportKills(init, recorded);
    else await this.#oom?.lastLook();
  }

  #reportKills(init: ContainerProcess, total: number): void {
    const kills = total - this.#oomKillsTold;
    this.#oomKillsTold = Math.max(total, this.#oomKillsTold);
    if (kills > 0) this.#config.onOom(init, kills, total);
  }

  #watchMemory(init: ContainerProcess): void {
    const pid = init.hasEnded ? 0 : init.systemPid;
    const cgroup = pid === 0 ? undefined : containerCgroup(pid);
    // Race: the process against reuse of its pid. If we checked hasEnded only before, the process could end and its pid
    // be reused before containerCgroup() reads it, and we would watch another process's cgroup. If the process has not
    // ended at this check, the pid was its own at the read.
    if (cgroup === undefined || init.hasEnded) return;
    this.#oom = OomWatch.open(cgroup, pid, this.#oomKillsTold, (_, total) => this.#reportKills(init, total));
  }

  #closeMemory(): void {
    this.#oom?.close();
    this.#oom = undefined;
  }
}

/** How a process ended; undefined if that can't be known. */
async function endOf(process: ContainerProcess, signal: AbortSignal): Promise<Exit | undefined> {
  try {
    return await process.lifecycle.wait(signal);
  } catch {
    return undefined;
  }
}
