/**
 * The processes of one container that a monitor follows, and the order of their events: an OOM kill before the exit
 * that it caused, the first process's exit after those of the others, which die with it.
 */
import type { Container, ContainerProcess } from '../container/container.js';
import type { Exit } from '../state/exit.js';
import { OomWatch, containerCgroup } from './oom.js';
import { within } from '../base/promises.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';

/** @internal */
export interface GroupConfig {
  readonly container: Container;
  /** How long the first process's exit may be held back for those of the others, in milliseconds. */
  readonly initHoldMs: number;
  /** OOM kills in its cgroup that were told in an earlier life. */
  readonly oomKillsTold: number;
  readonly onExit: (process: ContainerProcess, exit: Exit, timeMs: number) => void;
  readonly onOom: (init: ContainerProcess, kills: number, total: number) => void;
}

interface Followed {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export class MonitorGroup {
  readonly #config: GroupConfig;
  readonly #followed = new Map<ContainerProcess, Followed>();
  /** So that a process added twice is told once. */
  readonly #seen = new WeakSet<ContainerProcess>();
  #oom: OomWatch | undefined;

  constructor(config: GroupConfig) {
    this.#config = config;
  }

  /** Whether a process is followed. */
  get isEmpty(): boolean {
    return this.#followed.size === 0;
  }

  /** Follows a started process to its end; one that has ended already ends at once. Once for each process. */
  follow(process: ContainerProcess): void {
    if (this.#seen.has(process)) return;
    this.#seen.add(process);
    const abort = new AbortController();
    const done = this.#toTheEnd(process, abort.signal).finally(() => this.#followed.delete(process));
    this.#followed.set(process, { abort, done });
    // Last: what it throws is not to cost the exit. The wait above has not gone on yet.
    if (process.id === INIT_PROCESS_ID) this.#watchMemory(process);
  }

  /** Nothing more is told of it. It may be followed again, and then has the same end again. */
  forget(process: ContainerProcess): void {
    this.#seen.delete(process);
    this.#followed.get(process)?.abort.abort();
    this.#followed.delete(process);
    if (process.id === INIT_PROCESS_ID) this.#closeMemory();
  }

  /** Resolves when all that has ended by now is told. */
  async allTold(): Promise<void> {
    await Promise.all([...this.#followed.values()].map(({ done }) => done));
  }

  close(): void {
    for (const process of [...this.#followed.keys()]) this.forget(process);
    this.#closeMemory();
  }

  async #toTheEnd(process: ContainerProcess, signal: AbortSignal): Promise<void> {
    let exit: Exit;
    try {
      exit = await process.wait({ signal });
    } catch {
      // Forgotten, or its object was closed: nobody can say any more how it ends.
      return;
    }
    const timeMs = exit.record?.endedAtMs ?? Date.now();
    await this.#oom?.lastLook();
    if (process.id === INIT_PROCESS_ID) {
      const others = [...this.#followed].filter(([other]) => other !== process).map(([, { done }]) => done);
      await within(Promise.all(others), this.#config.initHoldMs);
      this.#closeMemory();
    }
    if (!signal.aborted) this.#config.onExit(process, exit, timeMs);
  }

  #watchMemory(init: ContainerProcess): void {
    const pid = init.hasEnded ? 0 : init.systemPid;
    const cgroup = pid === 0 ? undefined : containerCgroup(pid);
    // Asked after the look: a later process that got its pid would have been looked at otherwise.
    if (cgroup === undefined || init.hasEnded) return;
    const { oomKillsTold, onOom } = this.#config;
    this.#oom = OomWatch.open(cgroup, pid, oomKillsTold, (kills, total) => onOom(init, kills, total));
  }

  #closeMemory(): void {
    this.#oom?.close();
    this.#oom = undefined;
  }
}
