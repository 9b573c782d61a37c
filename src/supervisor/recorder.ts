/**
 * Writes each event to the log exactly once. The record, which follows from the written events, tells what is written.
 * The key of a container or process distinguishes it from a later one with its id.
 *
 * Race: writing an event against the end of the supervisor. If the event were written before the change that it
 * reports, a supervisor that ends in between would leave an event of something that did not happen. So the change comes
 * first: the shim has written the exit status, the container is removed. If the supervisor ends in between, the state
 * root differs from the record, and the next supervisor writes the event. If it ends after both, they do not differ.
 */
import { join } from 'node:path';
import type { EventLog } from './log.js';
import { Queue } from '../base/queue.js';
import { readIfThere } from '../disk/files.js';
import type { SupervisorEvent } from './events.js';
import type { RecordedContainer, SnapshotContainer, SupervisorRecord } from './record.js';

export type SupervisorLog = EventLog<SnapshotContainer, SupervisorEvent>;

/** The delay, in milliseconds, before an event that could not be written (a full disk) is tried again. */
const RETRY_MS = 250;

/** How long events are written in one turn of the event loop, in milliseconds: after a full disk there may be many. */
const FLUSH_MS = 5;

const OLD_KEY_FILE = '.key';
const MAX_KEY_BYTES = 64;

export class SupervisorRecorder {
  readonly #log: SupervisorLog;
  readonly #record: SupervisorRecord;
  readonly #pending = new Queue<SupervisorEvent>();
  /**
   * The keys of what has an `exit` or `delete` that could not be written yet, each with whether the process is to be removed
   * from the record after it.
   */
  readonly #ending = new Map<string, boolean>();
  #retry: NodeJS.Timeout | undefined;
  #problem: Error | undefined;
  #closed = false;

  /** @param log open. @param record what results from its events. */
  constructor(log: SupervisorLog, record: SupervisorRecord) {
    this.#log = log;
    this.#record = record;
  }

  /** Why events can't be written at the moment, or no segment can be begun; undefined if all is well. */
  get problem(): Error | undefined {
    return this.#problem ?? this.#log.problem;
  }

  /** The record of a container; undefined if none is written or it was deleted. */
  container(id: string): RecordedContainer | undefined {
    return this.#record.get(id);
  }

  containerIds(): string[] {
    return this.#record.partNames();
  }

  /** Whether the exit of the process with this id and key is written, or waits for that. */
  hasExited(containerId: string, processId: string, processKey: string): boolean {
    const known = this.#record.get(containerId)?.processes.get(processId);
    return this.#ending.has(processKey) || (known?.key === processKey && known.exited);
  }

  /**
   * Writes an event after those that could not be written yet. If it can't be written, it is kept and tried again. After
   * close() it does nothing: the next supervisor finds the difference between record and state root, and writes the event.
   */
  write(event: SupervisorEvent): void {
    if (this.#closed) return;
    this.#pending.push(event);
    const key = endingKey(event);
    if (key !== undefined) this.#ending.set(key, false);
    // If there are others, they are tried again soon.
    if (this.#pending.size === 1) this.#flush();
  }

  /** Removes a process from the record if its exit is written, or when it is. Call it after the process was removed. */
  forget(containerId: string, processId: string): void {
    const processes = this.#record.get(containerId)?.processes;
    const known = processes?.get(processId);
    if (known === undefined) return;
    if (known.exited) processes?.delete(processId);
    else if (this.#ending.has(known.key)) this.#ending.set(known.key, true);
  }

  /** Writes `delete` for a container that is gone, and before it the missing exits of its processes. */
  conclude(containerId: string): void {
    const container = this.#record.get(containerId);
    if (container === undefined || this.#ending.has(container.key)) return;
    for (const processId of [...container.processes.keys()]) this.concludeProcess(containerId, processId);
    this.write({ type: 'delete', containerId, containerKey: container.key, timeMs: Date.now(), recovered: true });
  }

  /** Writes the exit of a process that is gone, unless it is written. */
  concludeProcess(containerId: string, processId: string): void {
    const container = this.#record.get(containerId);
    const known = container?.processes.get(processId);
    if (container === undefined || known === undefined) return;
    if (this.hasExited(containerId, processId, known.key)) return;
    this.write({
      type: 'exit',
      containerId,
      containerKey: container.key,
      processId,
      processKey: known.key,
      timeMs: Date.now(),
      exit: { status: undefined, lost: 'it was removed while no supervisor was watching' },
      recovered: true,
    });
  }

  /** Writes what it can in a few milliseconds; the next supervisor finds what is missing. */
  close(): void {
    this.#flush();
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  #flush(): void {
    const endsMs = performance.now() + FLUSH_MS;
    for (let event = this.#pending.peek(); event !== undefined; event = this.#pending.peek()) {
      try {
        this.#log.append(event);
      } catch (error) {
        this.#problem = error as Error;
        this.#flushAfter(RETRY_MS);
        return;
      }
      this.#pending.take();
      this.#record.update(event);
      this.#noteWritten(event);
      if (this.#pending.size === 0 || performance.now() < endsMs) continue;
      this.#flushAfter(0);
      return;
    }
    this.#problem = undefined;
  }

  #noteWritten(event: SupervisorEvent): void {
    const key = endingKey(event);
    if (key === undefined) return;
    const isToForget = this.#ending.get(key) === true;
    this.#ending.delete(key);
    if (isToForget && event.processId !== undefined) this.forget(event.containerId, event.processId);
  }

  #flushAfter(delayMs: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#flush(), delayMs).unref();
  }
}

/** The key of the process or container that an event is the last one of. */
function endingKey({ type, containerKey, processKey }: SupervisorEvent): string | undefined {
  if (type === 'exit') return processKey;
  return type === 'delete' ? containerKey : undefined;
}

/**
 * The key under which a container or process is recorded: its own (state.json, process.json), unless an older release made
 * it and recorded it under the key that it wrote into a file of its own.
 */
export function recordedKey(dir: string, key: string): string {
  const old = readIfThere(join(dir, OLD_KEY_FILE), MAX_KEY_BYTES)?.trim();
  return old === undefined || old === '' ? key : old;
}
