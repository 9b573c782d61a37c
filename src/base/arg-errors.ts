// Errors for bad arguments with the class, `code`, message and stack of Node's own errors.
// Owns the three Node codes that the library throws itself. Does not check arguments: arg-checks.ts does.
// Behaviour: the public behaviour of Node's lib/internal/errors (nodejs.org/api/errors.html).
import { inspect } from 'node:util';

type NodeError<E extends Error> = E & { code: string };

/** Adds `code` to an error, and makes its stack begin with `TypeError [ERR_X]: …`, as Node's stacks do. */
function withCode<E extends Error>(error: E, code: string, caller: (...args: never[]) => Error): NodeError<E> {
  const { name } = error;
  error.name = `${name} [${code}]`;
  Error.captureStackTrace(error, caller);
  // V8 formats the stack at the first read, and takes `name` from the error at that moment.
  const { stack } = error;
  Reflect.deleteProperty(error, 'name');
  return Object.assign(error, { code, stack });
}

/** Node's word for a name: "property" for `options.cwd`, "argument" for `path`. */
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
 * @param name The argument's name (`path`) or the property's name (`options.cwd`).
 * @param expected What it must be: "of type string or an instance of Buffer".
 * @param actual The rejected value.
 * @see https://nodejs.org/api/errors.html#err_invalid_arg_type
 */
export function invalidArgType(name: string, expected: string, actual: unknown): NodeError<TypeError> {
  const message = `The "${name}" ${kind(name)} must be ${expected}. ${received(actual)}`;
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_TYPE', invalidArgType);
}

/**
 * Makes Node's `ERR_INVALID_ARG_VALUE`.
 * @param name The argument's name (`path`) or the property's name (`options.cwd`).
 * @param value The rejected value.
 * @param reason What is wrong with it: "must be a string without null bytes".
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
 * @param name The argument's name (`fd`) or the property's name (`options.setpgid`).
 * @param range What it must be: ">= 0 && <= 255".
 * @param actual The rejected value.
 * @see https://nodejs.org/api/errors.html#err_out_of_range
 */
export function outOfRange(name: string, range: string, actual: unknown): NodeError<RangeError> {
  const big = Number.isInteger(actual) && Math.abs(actual as number) > 2 ** 32;
  const shown = big ? String(actual).replace(/\B(?=(\d{3})+$)/g, '_') : inspect(actual);
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`;
  return withCode(new RangeError(message), 'ERR_OUT_OF_RANGE', outOfRange);
}
