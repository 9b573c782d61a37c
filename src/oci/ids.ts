/**
 * The ids of containers and processes. An id is also a file name in the state directory: it contains no slash and does
 * not begin with a dot. Behaviour: docs/protocol.md. (The global crypto is loaded at its first use, node:crypto at the import.)
 */
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';

/** The id of a container's first process. */
export const INIT_PROCESS_ID = 'init';

/**
 * Checks the id of a container or process: `[A-Za-z0-9][A-Za-z0-9_.+-]*`, at most 255 bytes.
 * @param name the argument's name in the message.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`.
 */
export function checkId(name: string, id: unknown): asserts id is string {
  if (typeof id !== 'string') throw invalidArgType(name, 'of type string', id);
  if (!isId(id)) {
    throw invalidArgValue(name, id, 'must match [A-Za-z0-9][A-Za-z0-9_.+-]* and have at most 255 characters');
  }
}

/** Whether a name is a valid id. */
export function isId(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.+-]*$/.test(name) && name.length <= 255;
}

/** A new id that sorts by the time (UTC, milliseconds) at which it was made: `20260726T101500.123-5f0c2a9e`. */
export function newId(): string {
  return `${new Date().toISOString().replace(/[-:Z]/g, '')}-${crypto.randomUUID().slice(0, 8)}`;
}
