/** The events of a supervisor's log, and what they add up to: pure. Source: the event types of containerd 0.2. */
import { OutliveError } from '../base/errors.js';
import type { Numbered } from './log.js';
import type { Exit } from '../state/exit.js';

export type SupervisorEventType =
  'create' | 'created' | 'start' | 'exec-started' | 'exit' | 'oom' | 'pause' | 'resume' | 'delete';

/** What happened, as a supervisor writes it down. */
export interface SupervisorEvent {
  readonly type: SupervisorEventType;
  readonly containerId: string;
  /** Tells this container from earlier and later ones with its id. */
  readonly containerKey: string;
  /** When it happened, in milliseconds since 1970; for what happened unseen, when it was found, unless its shim knew. */
  readonly timeMs: number;
  /** It happened while no supervisor watched, and was found by the next one. */
  readonly recovered?: true;
  /** Of `created`, `start`, `exec-started`, `exit` and `oom` (`init`, whose cgroup it is). */
  readonly processId?: string;
  /** Tells this process from earlier and later ones with its id. */
  readonly processKey?: string;
  /** Of `created`, `start` and `exec-started`: the pid on the host. */
  readonly systemPid?: number;
  /** Of `exit`. */
  readonly exit?: Exit;
  /** Of `oom`: how many kills since the last one, and in the life of the cgroup. */
  readonly kills?: number;
  readonly totalKills?: number;
}

/** An event in the log. */
export type LoggedEvent = SupervisorEvent & Numbered;

/** The events that were asked for are kept no more. `code` is `ERR_EVENTS_DROPPED`. */
export class EventsDroppedError extends OutliveError {
  /** The oldest sequence that there is; `since` one less gives it. */
  readonly oldestSequence: number;

  constructor(wanted: number, oldestSequence: number) {
    super('ERR_EVENTS_DROPPED', `event ${wanted} is kept no more; the oldest one is ${oldestSequence}`);
    this.oldestSequence = oldestSequence;
  }
}

/** What is written down of a process. */
export interface RecordedProcess {
  readonly key: string;
  readonly exited: boolean;
  readonly oomKills: number;
  /** Made by `container.create()`, and its program not let run yet. */
  readonly awaitsStart?: true;
}

/** What is written down of a container that was not deleted; processes by id. */
export interface RecordedContainer {
  readonly key: string;
  readonly processes: Map<string, RecordedProcess>;
}

/** By container id. */
export type SupervisorRecord = Map<string, RecordedContainer>;

/** A record as it stands at the head of a segment. */
export type Snapshot = [id: string, { key: string; processes: [id: string, RecordedProcess][] }][];

/** Adds an event to the record. */
export function record(to: SupervisorRecord, event: SupervisorEvent): void {
  const { type, containerId, containerKey, processId, processKey } = event;
  if (type === 'delete') to.delete(containerId);
  else if (type === 'create') to.set(containerId, { key: containerKey, processes: new Map() });
  const processes = to.get(containerId)?.processes;
  if (processes === undefined || processId === undefined || processKey === undefined) return;
  const known = processes.get(processId) ?? { key: processKey, exited: false, oomKills: 0 };
  processes.set(processId, processAfter(known, event, processKey));
}

export function toSnapshot(from: SupervisorRecord): Snapshot {
  return [...from].map(([id, { key, processes }]) => [id, { key, processes: [...processes] }]);
}

export function fromSnapshot(snapshot: Snapshot): SupervisorRecord {
  return new Map(snapshot.map(([id, { key, processes }]) => [id, { key, processes: new Map(processes) }]));
}

function processAfter(known: RecordedProcess, { type, totalKills = 0 }: SupervisorEvent, key: string): RecordedProcess {
  if (type === 'exit') return { ...known, exited: true };
  if (type === 'oom') return { ...known, oomKills: totalKills };
  return { key, exited: false, oomKills: 0, ...(type === 'created' ? { awaitsStart: true } : {}) };
}
