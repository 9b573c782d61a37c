/** Where a supervisor's log is, and how its parts are opened. */
import { join } from 'node:path';
import type { LoadFailure } from '../container/options.js';
import { EventConsumers } from './consumers.js';
import type { Snapshot, SupervisorEvent } from './events.js';
import type { EventLogLock } from './lock.js';
import { EventLog } from './log.js';
import type { SupervisorOptions } from './options.js';
import { SupervisorRecorder } from './recorder.js';

/** What `Supervisor.open()` makes before the object. */
export interface SupervisorParts {
  readonly lock: EventLogLock;
  readonly failures: LoadFailure[];
  readonly consumers: EventConsumers;
  readonly log: EventLog<Snapshot, SupervisorEvent>;
  readonly recorder: SupervisorRecorder;
}

/** Opens the log of a root whose lock is held. @throws as `Supervisor.open()`. */
export async function openLog(
  root: string,
  options: SupervisorOptions,
): Promise<Omit<SupervisorParts, 'lock' | 'failures'>> {
  const { maxLogBytes = 64 << 20, maxLogAgeMs = 30 * 86_400_000, segmentBytes = 1 << 20 } = options;
  const dir = eventsDirectory(root);
  const consumers = new EventConsumers(dir);
  const retention = { maxBytes: maxLogBytes, maxAgeMs: maxLogAgeMs, segmentBytes };
  const log = new EventLog<Snapshot, SupervisorEvent>(dir, retention, (sequence) => consumers.wants(sequence));
  return { consumers, log, recorder: await SupervisorRecorder.open(log) };
}

export function eventsDirectory(root: string): string {
  return join(root, '.events');
}
