/**
 * What `supervisor.events()` gives: finds the first event that the options ask for, and keeps the rest for as long as the
 * iteration lasts. reader.ts reads the files.
 */
import { checkInteger } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { type EventConsumers, checkConsumer } from './consumers.js';
import { EventsDroppedError, type LoggedEvent } from './events.js';
import { type EventsOptions, checkEventsOptions } from './options.js';
import { readEvents } from './reader.js';
import type { SupervisorLog } from './recorder.js';

/** As `supervisor.events()`. The log is open. */
export function replay(
  log: SupervisorLog,
  consumers: EventConsumers,
  options: EventsOptions,
): AsyncGenerator<LoggedEvent> {
  checkEventsOptions(options);
  const { since, consumer } = options;
  const from = consumer === undefined ? firstSince(log, since) : firstFor(log, consumers, consumer, since);
  if (from < log.oldest) throw new EventsDroppedError(from, log.oldest);
  return read(log, consumers, from, options);
}

function firstSince(log: SupervisorLog, since: number | Date | undefined): number {
  if (since === undefined) return log.oldest;
  if (since instanceof Date) {
    if (Number.isNaN(since.getTime())) throw invalidArgValue('options.since', since, 'must be a valid date');
    return log.oldest;
  }
  checkInteger('options.since', since, 0, Number.MAX_SAFE_INTEGER - 1);
  return since + 1;
}

function firstFor(log: SupervisorLog, consumers: EventConsumers, consumer: string, since: unknown): number {
  checkConsumer(consumer);
  if (since !== undefined) throw invalidArgValue('options.since', since, 'must not be given with a consumer');
  if (consumers.position(consumer) === undefined) consumers.acknowledge(consumer, log.oldest - 1);
  return (consumers.position(consumer) ?? 0) + 1;
}

async function* read(
  log: SupervisorLog,
  consumers: EventConsumers,
  from: number,
  { since, follow = false, signal }: EventsOptions,
): AsyncGenerator<LoggedEvent, undefined> {
  // Check again: this runs at the first next(), and the event may have been removed since events() was called.
  if (from < log.oldest) throw new EventsDroppedError(from, log.oldest);
  const sinceMs = since instanceof Date ? since.getTime() : 0;
  const place = consumers.enter(from);
  const onPosition = (next: number): void => {
    place.next = next;
  };
  try {
    for await (const event of readEvents(log, from, { follow, signal, onPosition })) {
      if (event.loggedAtMs >= sinceMs) yield event;
    }
  } finally {
    consumers.leave(place);
  }
  return undefined;
}
