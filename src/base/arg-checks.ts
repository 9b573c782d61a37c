/**
 * Checks of argument types and ranges, used by every folder but posix/.
 * A failed check throws one of Node's own errors: `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
 * Each `name` is the argument's name as the message shows it: `root`, `options.timeoutMs`.
 */
import { invalidArgType, invalidArgValue, outOfRange } from './arg-errors.js';

/**
 * Whether a text can be passed to a program unchanged. A null byte would end it; a lone surrogate has no UTF-8 bytes, and
 * would become U+FFFD.
 */
export function isPassable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** A string without null bytes and lone surrogates. It may be empty. */
export function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value);
  if (!isPassable(value)) throw invalidArgValue(name, value, 'must be a string without null bytes and lone surrogates');
}

/** As checkText(), but not empty. */
export function checkString(name: string, value: unknown): asserts value is string {
  checkText(name, value);
  if (value === '') throw invalidArgValue(name, value, 'must not be empty');
}

/** An array of strings without null bytes and lone surrogates; the array and its strings may be empty. */
export function checkStrings(name: string, value: unknown): asserts value is string[] {
  if (!Array.isArray(value)) throw invalidArgType(name, 'an instance of Array', value);
  // Not by forEach(), which passes over the holes of a sparse array.
  for (const [i, item] of value.entries()) checkText(`${name}[${i}]`, item);
}

/** A program and its arguments: an array of strings, of which the first is not empty. */
export function checkArgs(name: string, value: unknown): asserts value is [string, ...string[]] {
  checkStrings(name, value);
  if (value.length === 0) throw invalidArgValue(name, value, 'must not be empty');
  checkString(`${name}[0]`, value[0]);
}

export function checkBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
}

/** An object that is neither null nor an array. */
export function checkObject(name: string, value: unknown): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgType(name, 'of type object', value);
}

/** An object without other keys than these: a misspelt one would be ignored. */
export function checkKeys(name: string, value: unknown, keys: readonly string[]): asserts value is object {
  checkObject(name, value);
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    throw invalidArgValue(`${name}.${unknown}`, value[unknown], `is unknown; ${name} may have ${keys.join(', ')}`);
  }
}

/** A value that can be written as JSON, and whose texts and keys have no null bytes and lone surrogates. */
export function checkJson(name: string, value: unknown): void {
  jsonText(name, value);
}

/** As checkJson(). @returns a copy: so it does not matter what the caller does with its own before ours is used. */
export function jsonCopy<T>(name: string, value: T): T {
  const text = jsonText(name, value);
  return text === undefined ? value : (JSON.parse(text) as T);
}

function jsonText(name: string, value: unknown): string | undefined {
  let unpassable: string | undefined;
  let notFinite: number | undefined;
  const check = (key: string, item: unknown): unknown => {
    unpassable ??= [key, item].find((text): text is string => typeof text === 'string' && !isPassable(text));
    // It would be written as null, which means none.
    if (typeof item === 'number' && !Number.isFinite(item)) notFinite ??= item;
    return item;
  };
  let text: string | undefined;
  try {
    text = JSON.stringify(value, check);
  } catch (cause) {
    // A circle, or a BigInt.
    throw Object.assign(invalidArgValue(name, value, 'must be writable as JSON'), { cause });
  }
  if (notFinite !== undefined) throw outOfRange(name, 'finite in all its numbers', notFinite);
  if (unpassable !== undefined) {
    throw invalidArgValue(name, unpassable, 'must have strings without null bytes and lone surrogates');
  }
  return text;
}

/** An AbortSignal, or an object that is used as one, as Node's own functions take it; or undefined. */
export function checkAbortSignal(name: string, value: unknown): asserts value is AbortSignal | undefined {
  if (value === undefined) return;
  if (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value) return;
  throw invalidArgType(name, 'an instance of AbortSignal', value);
}

/** An integer from `min` to `max`, both included. */
export function checkInteger(name: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

/** A timer's delay in milliseconds: 1 to 2147483647. setTimeout() fires at once if the delay is longer. */
export function checkTimeout(name: string, value: unknown): asserts value is number {
  checkInteger(name, value, 1, 2_147_483_647);
}
