// Errors for bad arguments, shaped as Node's own: class, `code`, message and stack.
// Owns the three codes of Node's that the library throws itself; which argument is bad is the caller's business.
// Behaviour: lib/internal/errors of Node, seen from outside (nodejs.org/api/errors.html).
import { inspect } from 'node:util';

type NodeError<E extends Error> = E & { code: string };

/** An error whose stack names the code, as Node's do: `TypeError [ERR_X]: …`. */
function withCode<E extends Error>(error: E, code: string, caller: (...args: never[]) => Error): NodeError<E> {
  const { name } = error;
  error.name = `${name} [${code}]`;
  Error.captureStackTrace(error, caller);
  // V8 composes the stack, name and all, when it is read.
  const { stack } = error;
  Reflect.deleteProperty(error, 'name');
  return Object.assign(error, { code, stack });
}

/** The words for an argument (`path`) or a property (`options.cwd`). */
function kind(name: string): string {
  return name.includes('.') ? 'property' : 'argument';
}

function received(actual: unknown): string {
  if (actual === undefined || actual === null) return `Received ${String(actual)}`;
  if (typeof actual === 'function') return `Received function ${actual.name}`;
  if (typeof actual === 'object') {
    const constructorName = (actual as { constructor?: { name?: unknown } }).constructor?.name;
    return typeof constructorName === 'string' && constructorName !== ''
      ? `Received an instance of ${constructorName}`
      : `Received ${inspect(actual, { depth: -1 })}`;
  }
  let shown = inspect(actual, { colors: false });
  if (shown.length > 28) shown = `${shown.slice(0, 25)}...`;
  return `Received type ${typeof actual} (${shown})`;
}

/**
 * Makes Node's `ERR_INVALID_ARG_TYPE`.
 * @param name The argument's name, or a property's as `options.cwd`.
 * @param expected What it must be, as in "of type string or an instance of Buffer".
 * @param actual The value that was given.
 * @see https://nodejs.org/api/errors.html#err_invalid_arg_type
 */
export function invalidArgType(name: string, expected: string, actual: unknown): NodeError<TypeError> {
  const message = `The "${name}" ${kind(name)} must be ${expected}. ${received(actual)}`;
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_TYPE', invalidArgType);
}

/**
 * Makes Node's `ERR_INVALID_ARG_VALUE`.
 * @param name The argument's name, or a property's as `options.cwd`.
 * @param value The value that was given.
 * @param reason What is wrong with it, as in "must be a string without null bytes".
 * @see https://nodejs.org/api/errors.html#err_invalid_arg_value
 */
export function invalidArgValue(name: string, value: unknown, reason = 'is invalid'): NodeError<TypeError> {
  let shown = inspect(value);
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`;
  return withCode(
    new TypeError(`The ${kind(name)} '${name}' ${reason}. Received ${shown}`),
    'ERR_INVALID_ARG_VALUE',
    invalidArgValue,
  );
}

/**
 * Makes Node's `ERR_OUT_OF_RANGE`.
 * @param name The argument's name, or a property's as `options.setpgid`.
 * @param range What it must be, as in ">= 0 && <= 255".
 * @param actual The value that was given.
 * @see https://nodejs.org/api/errors.html#err_out_of_range
 */
export function outOfRange(name: string, range: string, actual: unknown): NodeError<RangeError> {
  const big = Number.isInteger(actual) && Math.abs(actual as number) > 2 ** 32;
  const shown = big ? String(actual).replace(/\B(?=(\d{3})+$)/g, '_') : inspect(actual);
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`;
  return withCode(new RangeError(message), 'ERR_OUT_OF_RANGE', outOfRange);
}
