/**
 * The record: the state of all containers that results from the events that are written in the log. It tells the recorder
 * what is missing there, and each segment of the log begins with it. Pure.
 */
import { OutliveError } from '../base/errors.js';
import type { SupervisorEvent } from './events.js';
import type { LogState, SnapshotParts } from './next-segment.js';

/** What the written events say about a process. */
export interface RecordedProcess {
  readonly key: string;
  readonly exited: boolean;
  readonly oomKills: number;
  /** True if `container.create()` made it and its program was not started yet. */
  readonly awaitsStart?: true;
}

/** What the written events say about a container that was not deleted; its processes by id. */
export interface RecordedContainer {
  readonly key: string;
  readonly processes: Map<string, RecordedProcess>;
}

/** A container in a snapshot. */
export interface SnapshotContainer {
  readonly key: string;
  readonly processes: [id: string, process: RecordedProcess][];
}

export class SupervisorRecord implements LogState<SnapshotContainer, SupervisorEvent> {
  readonly #containers = new Map<string, RecordedContainer>();

  /** A container; undefined if none is written or it was deleted. */
  get(id: string): RecordedContainer | undefined {
    return this.#containers.get(id);
  }

  /** Takes note of an event that is written. */
  update(event: SupervisorEvent): void {
    const { type, containerId, containerKey, processId, processKey } = event;
    if (type === 'delete') this.#containers.delete(containerId);
    else if (type === 'create') this.#containers.set(containerId, { key: containerKey, processes: new Map() });
    const processes = this.#containers.get(containerId)?.processes;
    if (processes === undefined || processId === undefined) return;
    const known = processes.get(processId) ?? { key: processKey, exited: false, oomKills: 0 };
    processes.set(processId, processAfter(known, event, processKey));
  }

  /** Takes over containers of a snapshot. @throws {OutliveError} `ERR_INVALID_STATE` if they are broken. */
  addSnapshot(containers: SnapshotParts<SnapshotContainer>): void {
    try {
      for (const [id, container] of containers) {
        if (container === null) this.#containers.delete(id);
        else this.#containers.set(id, { key: container.key, processes: new Map(container.processes) });
      }
    } catch (cause) {
      throw new OutliveError('ERR_INVALID_STATE', 'the snapshot in the event log is broken', { cause });
    }
  }

  /** The ids of the containers. */
  partNames(): string[] {
    return [...this.#containers.keys()];
  }

  part(id: string): SnapshotContainer | undefined {
    const container = this.#containers.get(id);
    return container === undefined ? undefined : { key: container.key, processes: [...container.processes] };
  }

  partOf({ containerId }: SupervisorEvent): string {
    return containerId;
  }
}

function processAfter(known: RecordedProcess, { type, totalKills = 0 }: SupervisorEvent, key: string): RecordedProcess {
  if (type === 'exit') return { ...known, exited: true };
  if (type === 'oom') return { ...known, oomKills: totalKills };
  return { key, exited: false, oomKills: 0, ...(type === 'created' ? { awaitsStart: true } : {}) };
}
