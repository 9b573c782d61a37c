/**
 * Checks of argument types and ranges, used by every folder but posix/.
 * A failed check throws one of Node's own errors: `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
 * Each `name` is the argument's name as the message shows it: `root`, `options.timeoutMs`.
 */
import { invalidArgType, invalidArgValue, outOfRange } from './arg-errors.js';

/** A non-empty string without null bytes. */
export function checkString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value);
  if (value === '' || value.includes('\0')) {
    throw invalidArgValue(name, value, 'must be a non-empty string without null bytes');
  }
}

/** An array of strings without null bytes; the array and its strings may be empty. */
export function checkStrings(name: string, value: unknown): asserts value is string[] {
  if (!Array.isArray(value)) throw invalidArgType(name, 'an instance of Array', value);
  value.forEach((item: unknown, i) => {
    if (typeof item !== 'string') throw invalidArgType(`${name}[${i}]`, 'of type string', item);
    if (item.includes('\0')) throw invalidArgValue(`${name}[${i}]`, item, 'must be a string without null bytes');
  });
}

export function checkBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
}

/** An object that is neither null nor an array. */
export function checkObject(name: string, value: unknown): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgType(name, 'of type object', value);
}

/** An integer from `min` to `max`, both included. */
export function checkInteger(name: string, value: unknown, min: number, max: number): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

/** An AbortSignal, or an object that is used as one. */
export function checkSignal(name: string, value: unknown): asserts value is AbortSignal {
  const isSignal =
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    'addEventListener' in value &&
    'reason' in value;
  if (!isSignal) throw invalidArgType(name, 'an instance of AbortSignal', value);
}

/** A timer's delay in milliseconds: 1 to 2147483647. setTimeout() fires at once if the delay is longer. */
export function checkTimeout(name: string, value: unknown): asserts value is number {
  checkInteger(name, value, 1, 2_147_483_647);
}
