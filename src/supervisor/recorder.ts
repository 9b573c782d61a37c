/**
 * Writes down what happens, once for each thing: the record (what the log adds up to) says what is written already. A
 * thing's identity is a key, a file beside it that goes with it; so an id may be used again.
 *   Order: what has happened is on the disk before its line is (the shim wrote the status, the container is removed). A
 * supervisor that dies between the two leaves a difference between root and record, of which the next one makes the
 * line. One that dies after the line leaves none. So each event has one line, whenever we die.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../base/errors.js';
import type { EventLog } from './log.js';
import { readIfThere, writeFileAtomic } from '../disk/files.js';
import {
  type RecordedContainer,
  type Snapshot,
  type SupervisorEvent,
  type SupervisorRecord,
  fromSnapshot,
  record,
  toSnapshot,
} from './events.js';

/** How long to wait, in milliseconds, before a line that could not be written (a full disk) is tried again. */
const RETRY_MS = 250;

const KEY_FILE = '.key';
const MAX_KEY_BYTES = 64;

export class SupervisorRecorder {
  readonly #log: EventLog<Snapshot, SupervisorEvent>;
  readonly #record: SupervisorRecord;
  readonly #pending: SupervisorEvent[] = [];
  #retry: NodeJS.Timeout | undefined;
  #problem: Error | undefined;

  /** Opens the log. */
  constructor(log: EventLog<Snapshot, SupervisorEvent>) {
    this.#log = log;
    const { snapshot, events } = log.open();
    this.#record = fromSnapshot(snapshot ?? []);
    for (const event of events) record(this.#record, event);
  }

  /** Why events are not written just now; undefined when all are. */
  get problem(): Error | undefined {
    return this.#problem;
  }

  /** What is written of a container that was not deleted. */
  container(id: string): RecordedContainer | undefined {
    return this.#record.get(id);
  }

  containerIds(): string[] {
    return [...this.#record.keys()];
  }

  /** Whether the end of exactly this process is written. */
  hasExited(containerId: string, processId: string, processKey: string): boolean {
    const known = this.#record.get(containerId)?.processes.get(processId);
    return known?.key === processKey && known.exited;
  }

  /** Writes an event, behind those that could not be written yet. */
  write(event: SupervisorEvent): void {
    this.#pending.push(event);
    this.#flush();
  }

  /** A process that was removed, and whose end is written, need not be remembered. */
  forget(containerId: string, processId: string): void {
    const processes = this.#record.get(containerId)?.processes;
    if (processes?.get(processId)?.exited === true) processes.delete(processId);
  }

  /** The container's end, and before it that of each of its processes whose end nobody saw. */
  conclude(containerId: string): void {
    const container = this.#record.get(containerId);
    if (container === undefined) return;
    for (const processId of [...container.processes.keys()]) this.concludeProcess(containerId, processId);
    this.write({ type: 'delete', containerId, containerKey: container.key, timeMs: Date.now(), recovered: true });
  }

  /** The end of a process that is not there any more, unless it is written. */
  concludeProcess(containerId: string, processId: string): void {
    const container = this.#record.get(containerId);
    const known = container?.processes.get(processId);
    if (container === undefined || known === undefined || known.exited) return;
    this.write({
      type: 'exit',
      containerId,
      containerKey: container.key,
      processId,
      processKey: known.key,
      timeMs: Date.now(),
      exit: { status: undefined, lost: 'it was removed while no supervisor watched' },
      recovered: true,
    });
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#flush();
    clearTimeout(this.#retry);
  }

  #flush(): void {
    for (let event = this.#pending[0]; event !== undefined; event = this.#pending[0]) {
      try {
        this.#log.append(event, () => toSnapshot(this.#record));
      } catch (error) {
        this.#problem = error as Error;
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.#flush(), RETRY_MS).unref();
        return;
      }
      this.#pending.shift();
      record(this.#record, event);
    }
    this.#problem = undefined;
  }
}

/** The key of a container's or process's directory, which is made if it has none; undefined when the directory is gone. */
export function keyOf(dir: string): string | undefined {
  const path = join(dir, KEY_FILE);
  const known = readIfThere(path, MAX_KEY_BYTES)?.trim();
  if (known !== undefined && known !== '') return known;
  if (!existsSync(dir)) return undefined;
  const key = randomUUID();
  try {
    writeFileAtomic(path, key + '\n');
  } catch (error) {
    // The process runs; its events are told under a key that the next supervisor can't know.
    if (!hasCode(error, 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EROFS')) throw error;
  }
  return key;
}
