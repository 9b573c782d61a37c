/**
 * Parses JSON files so that an error names the file, line and column, and writes an OCI process object's large numbers.
 * Reads and writes no file; files.ts does.
 */
import { createRequire } from 'node:module';
import type * as momoa from '@humanwhocodes/momoa';
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
 * The JSON text of an object that contains an OCI process. A resource limit of 2^64 - 1 means "no limit". A JavaScript
 * number can't hold it: JSON.stringify writes 18446744073709552000, which runtimes refuse. This writes it exactly. The
 * pattern does not match inside a string, where a quote is escaped.
 */
export function stringifyProcess(value: object): string {
  return JSON.stringify(value).replace(/"(soft|hard)":18446744073709552000(?=[,}])/g, '"$1":18446744073709551615');
}

/** `:line:column` of the first error, which V8's message does not always contain; empty if it can't be found. */
function position(text: string): string {
  try {
    // Loaded only now: most programs never need it.
    const { parse } = createRequire(import.meta.url)('@humanwhocodes/momoa') as typeof momoa;
    parse(text, { mode: 'json' });
  } catch (error) {
    if (error instanceof Error && 'line' in error && 'column' in error)
      return `:${String(error.line)}:${String(error.column)}`;
  }
  return '';
}

/** Checks the type of a member. @throws {OutliveError} `ERR_INVALID_STATE` if it is missing or has another type. */
export function expectType(path: string, value: Record<string, unknown>, key: string, type: string): void {
  if (typeof value[key] !== type) throw new OutliveError('ERR_INVALID_STATE', `${path}: ${key} must be a ${type}`);
}

/** As expectType(), for an array of strings, which may be missing. */
export function expectStrings(path: string, value: Record<string, unknown>, key: string): void {
  const list = value[key] ?? [];
  if (!Array.isArray(list) || list.some((item) => typeof item !== 'string')) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}: ${key} must be an array of strings`);
  }
}
