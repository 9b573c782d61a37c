/**
 * The events of a supervisor's log, and the record: the state of all containers that follows from these events.
 * Pure; recorder.ts writes events, log.ts stores them. Behaviour: the event types of containerd 0.2.
 */
import { OutliveError } from '../base/errors.js';
import type { Numbered } from './log.js';
import type { Exit } from '../state/exit.js';

export type SupervisorEventType =
  'create' | 'created' | 'start' | 'exec-started' | 'exit' | 'oom' | 'pause' | 'resume' | 'delete';

interface EventOfContainer {
  readonly containerId: string;
  /** Distinguishes this container from earlier and later ones with the same id. */
  readonly containerKey: string;
  /**
   * When it happened, in milliseconds since 1970. If `recovered` is true: when a supervisor found out, except for an
   * exit whose time the shim recorded.
   */
  readonly timeMs: number;
  /** True if it happened while no supervisor was watching, and a later one found out. */
  readonly recovered?: true;
}

interface EventOfProcess extends EventOfContainer {
  /** For `created`, `start`, `exec-started`, `exit` and `oom`; always `init` for `oom`. */
  readonly processId: string;
  /** Distinguishes this process from earlier and later ones with the same id. */
  readonly processKey: string;
}

/** Members that only other types of event have. They are declared, so that `event.exit?.status` compiles for any event. */
type Without<Member extends string> = Readonly<Partial<Record<Member, undefined>>>;

interface ContainerChanged
  extends EventOfContainer, Without<'processId' | 'processKey' | 'systemPid' | 'exit' | 'kills' | 'totalKills'> {
  readonly type: 'create' | 'pause' | 'resume' | 'delete';
}

interface ProcessStarted extends EventOfProcess, Without<'exit' | 'kills' | 'totalKills'> {
  readonly type: 'created' | 'start' | 'exec-started';
  /** For `created`, `start` and `exec-started`: the pid on the host. */
  readonly systemPid: number;
}

interface ProcessExited extends EventOfProcess, Without<'systemPid' | 'kills' | 'totalKills'> {
  readonly type: 'exit';
  /** For `exit`: how the process ended. */
  readonly exit: Exit;
}

interface OomKilled extends EventOfProcess, Without<'systemPid' | 'exit'> {
  readonly type: 'oom';
  /** For `oom`: the number of kills since the last `oom` event. */
  readonly kills: number;
  /** For `oom`: the number of kills since the cgroup was made. */
  readonly totalKills: number;
}

/**
 * What happened to a container or process. A union by `type`: if that is `'exit'`, `exit` is there; if it is another, `exit` is
 * undefined.
 */
export type SupervisorEvent = ContainerChanged | ProcessStarted | ProcessExited | OomKilled;

/** An event in the log. */
export type LoggedEvent = SupervisorEvent & Numbered;

/** Thrown if requested events are not kept any more. `code` is `ERR_EVENTS_DROPPED`. */
export class EventsDroppedError extends OutliveError {
  /** The sequence of the oldest event in the log. To read from there, pass a `since` of one less. */
  readonly oldestSequence: number;

  constructor(wanted: number, oldestSequence: number) {
    super('ERR_EVENTS_DROPPED', `event ${wanted} is not kept any more; the oldest event is ${oldestSequence}`);
    this.oldestSequence = oldestSequence;
  }
}

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

/** The containers by id. */
export type SupervisorRecord = Map<string, RecordedContainer>;

/** A record as JSON, in the first line of a segment. */
export type Snapshot = [id: string, { key: string; processes: [id: string, RecordedProcess][] }][];

/** Updates the record with an event. */
export function record(to: SupervisorRecord, event: SupervisorEvent): void {
  const { type, containerId, containerKey, processId, processKey } = event;
  if (type === 'delete') to.delete(containerId);
  else if (type === 'create') to.set(containerId, { key: containerKey, processes: new Map() });
  const processes = to.get(containerId)?.processes;
  if (processes === undefined || processId === undefined) return;
  const known = processes.get(processId) ?? { key: processKey, exited: false, oomKills: 0 };
  processes.set(processId, processAfter(known, event, processKey));
}

export function toSnapshot(from: SupervisorRecord): Snapshot {
  return [...from].map(([id, { key, processes }]) => [id, { key, processes: [...processes] }]);
}

/** @throws {OutliveError} `ERR_INVALID_STATE` if it is no snapshot. */
export function fromSnapshot(snapshot: Snapshot): SupervisorRecord {
  try {
    return new Map(snapshot.map(([id, { key, processes }]) => [id, { key, processes: new Map(processes) }]));
  } catch (cause) {
    throw new OutliveError('ERR_INVALID_STATE', 'the snapshot in the event log is broken', { cause });
  }
}

function processAfter(known: RecordedProcess, { type, totalKills = 0 }: SupervisorEvent, key: string): RecordedProcess {
  if (type === 'exit') return { ...known, exited: true };
  if (type === 'oom') return { ...known, oomKills: totalKills };
  return { key, exited: false, oomKills: 0, ...(type === 'created' ? { awaitsStart: true } : {}) };
}
