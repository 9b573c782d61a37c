/** Where a supervisor's log is, and how its parts are opened. */
import { join } from 'node:path';
import type { LoadFailure } from '../container/options.js';
import { EventConsumers } from './consumers.js';
import type { EventLogLock } from './lock.js';
import { EventLog } from './log.js';
import type { SupervisorOptions } from './options.js';
import { SupervisorRecord } from './record.js';
import { type SupervisorLog, SupervisorRecorder } from './recorder.js';

/** What `Supervisor.open()` makes before the object. */
export interface SupervisorParts {
  readonly lock: EventLogLock;
  readonly failures: LoadFailure[];
  readonly consumers: EventConsumers;
  readonly log: SupervisorLog;
  readonly recorder: SupervisorRecorder;
}

/** Opens the log of a root whose lock is held. @throws as `Supervisor.open()`. */
export async function openLog(
  root: string,
  options: SupervisorOptions,
): Promise<Omit<SupervisorParts, 'lock' | 'failures'>> {
  const { maxLogBytes = 64 << 20, maxLogAgeMs = 30 * 86_400_000, segmentBytes = 1 << 20 } = options;
  const dir = eventsDirectory(root);
  const consumers = await EventConsumers.open(dir);
  const retention = { maxBytes: maxLogBytes, maxAgeMs: maxLogAgeMs, segmentBytes };
  const record = new SupervisorRecord();
  const log = new EventLog(dir, retention, (sequence) => consumers.wants(sequence), record);
  await log.open({
    snapshot: (containers) => record.addSnapshot(containers),
    event: (event) => record.update(event),
  });
  return { consumers, log, recorder: new SupervisorRecorder(log, record) };
}

export function eventsDirectory(root: string): string {
  return join(root, '.events');
}
