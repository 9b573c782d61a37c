/**
 * Follows the processes of one container for a monitor, and orders their events: an OOM kill comes before the exit that
 * it caused, and the first process's exit comes after those of the other processes, which end with it.
 * Does not deliver the events; monitor.ts does. Behaviour: containerd 0.2's supervisor.
 */
import type { Container, ContainerProcess } from '../container/container.js';
import type { Exit } from '../state/exit.js';
import { OomWatch, containerCgroup } from './oom.js';
import { within } from '../base/promises.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';

/** @internal */
export interface GroupConfig {
  readonly container: Container;
  /** How long the first process's exit event waits at most for those of the others, in milliseconds. */
  readonly initHoldMs: number;
  /** The number of OOM kills in its cgroup that were reported before. */
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
  /** All processes followed so far: one that is added twice is reported once. */
  readonly #seen = new WeakSet<ContainerProcess>();
  #oom: OomWatch | undefined;

  constructor(config: GroupConfig) {
    this.#config = config;
  }

  /** Whether no process is followed. */
  get isEmpty(): boolean {
    return this.#followed.size === 0;
  }

  /** Reports the exit of a started process, also of one that has ended already. Does nothing if it did so before. */
  follow(process: ContainerProcess): void {
    if (this.#seen.has(process)) return;
    this.#seen.add(process);
    const abort = new AbortController();
    const done = this.#reportExit(process, abort.signal).finally(() => this.#followed.delete(process));
    this.#followed.set(process, { abort, done });
    // Do this last: an error here must not lose the exit event. #reportExit() has not continued after its await yet, so
    // no OOM kill can come too late.
    if (process.id === INIT_PROCESS_ID) this.#watchMemory(process);
  }

  /** Reports nothing more of a process. If it is followed again, its exit is reported again. */
  forget(process: ContainerProcess): void {
    this.#seen.delete(process);
    this.#followed.get(process)?.abort.abort();
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

  async #reportExit(process: ContainerProcess, signal: AbortSignal): Promise<void> {
    let exit: Exit;
    try {
      exit = await process.lifecycle.wait(signal);
    } catch {
      // The process was forgotten or its object closed: its exit can't be known any more.
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
    // Race: the process against reuse of its pid. If we checked hasEnded only before, the process could end and its pid
    // be reused before containerCgroup() reads it, and we would watch another process's cgroup. If the process has not
    // ended at this check, the pid was its own at the read.
    if (cgroup === undefined || init.hasEnded) return;
    const { oomKillsTold, onOom } = this.#config;
    this.#oom = OomWatch.open(cgroup, pid, oomKillsTold, (kills, total) => onOom(init, kills, total));
  }

  #closeMemory(): void {
    this.#oom?.close();
    this.#oom = undefined;
  }
}
