/** Parses JSON files so that a broken one is told by file, line and column. */
import { parse as locate } from '@humanwhocodes/momoa';
import { OutliveError, messageOf } from '../base/errors.js';

/**
 * Parses the text of a JSON file that must hold an object.
 * @throws {OutliveError} `ERR_INVALID_STATE`, with `<path>:<line>:<column>` in the message.
 */
export function parseJsonObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}${position(text)}: ${messageOf(cause)}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}: must hold a JSON object`);
  }
  return value as Record<string, unknown>;
}

/**
 * The text of an object with an OCI process in it. "No limit" is 2^64 - 1, which a JavaScript number can't hold:
 * JSON.stringify makes it 18446744073709552000, which no runtime takes. (A quote within a string is escaped, so that only
 * members match.)
 */
export function stringifyProcess(value: object): string {
  return JSON.stringify(value).replace(/"(soft|hard)":18446744073709552000(?=[,}])/g, '"$1":18446744073709551615');
}

/** `:line:column` of the first error. V8's own message does not always have it. */
function position(text: string): string {
  try {
    locate(text, { mode: 'json' });
  } catch (error) {
    if (error instanceof Error && 'line' in error && 'column' in error)
      return `:${String(error.line)}:${String(error.column)}`;
  }
  return '';
}

/** @throws {OutliveError} `ERR_INVALID_STATE` when a member has another type. */
export function expectType(path: string, value: Record<string, unknown>, key: string, type: string): void {
  if (typeof value[key] !== type) throw new OutliveError('ERR_INVALID_STATE', `${path}: ${key} must be a ${type}`);
}

/** As expectType(), for an array of strings; a missing member is fine. */
export function expectStrings(path: string, value: Record<string, unknown>, key: string): void {
  const list = value[key] ?? [];
  if (!Array.isArray(list) || list.some((item) => typeof item !== 'string')) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}: ${key} must be an array of strings`);
  }
}
