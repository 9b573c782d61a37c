/**
 * The events of a supervisor's log. recorder.ts writes them, log.ts stores them, record.ts has the state that results.
 * Behaviour: the event types of containerd 0.2.
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
