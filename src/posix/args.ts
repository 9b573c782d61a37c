// Checks the arguments of the posix calls, and converts them for the addon (NUL-terminated bytes, 32-bit integers).
// Owns which values are refused and with which code: `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` or
// `ERR_OUT_OF_RANGE`. Makes no system call.
import { Buffer } from 'node:buffer';
import { fileURLToPath } from 'node:url';
import { invalidArgType, invalidArgValue, outOfRange } from '../base/arg-errors.js';

/** A path: a string (encoded as UTF-8), bytes, or a `file:` URL. */
export type PathArgument = string | Uint8Array | URL;

const INT32_MAX = 0x7fffffff;
const INT32_MIN = -0x80000000;

/** A path: `native` for the addon, a text or NUL-terminated bytes; `text` for the error message. */
export interface CheckedPath {
  native: string | Buffer;
  text: string;
}

/** The bytes of a `file:` URL's path. Unlike fileURLToPath(), it accepts percent-encoded bytes that are not UTF-8. */
function bytesOfFileUrl(url: URL): Buffer {
  // fileURLToPath() refuses such a URL: let it throw Node's own error.
  if (url.protocol !== 'file:' || url.hostname !== '' || /%2f/i.test(url.pathname)) {
    return Buffer.from(fileURLToPath(url));
  }
  const latin1 = url.pathname.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(latin1, 'latin1');
}

/** @throws `ERR_INVALID_ARG_VALUE` if a text has a lone surrogate, which UTF-8 lacks: U+FFFD would take its place. */
export function wellFormed(value: string, name: string): string {
  if (!value.isWellFormed()) throw invalidArgValue(name, value, 'must be a string without lone surrogates');
  return value;
}

function rawPath(value: unknown, name: string): Buffer {
  if (typeof value === 'string') return Buffer.from(wellFormed(value, name));
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value instanceof URL) return bytesOfFileUrl(value);
  throw invalidArgType(name, 'of type string or an instance of Buffer or URL', value);
}

/** A path without NUL bytes. It may be empty: the kernel refuses that itself (ENOENT). */
export function pathArgument(value: unknown, name: string): CheckedPath {
  if (typeof value === 'string' && !value.includes('\0')) {
    return { native: wellFormed(value, name), text: value };
  }
  const raw = rawPath(value, name);
  if (raw.includes(0)) {
    throw invalidArgValue(name, value, 'must be a string, Uint8Array, or URL without null bytes');
  }
  return { native: Buffer.concat([raw, Buffer.of(0)]), text: raw.toString() };
}

/** An integer from `min` to `max`, both included. */
export function integerArgument(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
  return value;
}

/** True or false. */
export function booleanArgument(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalidArgType(name, 'of type boolean', value);
}

/** An object of options. */
export function objectArgument<T extends object>(value: T, name: string): T {
  if (typeof value === 'object' && (value as unknown) !== null) return value;
  throw invalidArgType(name, 'of type object', value);
}

/** A pid_t as kill(2) takes it; a negative one names a process group. */
export function pidArgument(value: unknown, name = 'pid', min = INT32_MIN): number {
  return integerArgument(value, name, min, INT32_MAX);
}

/** A descriptor's number, 0 to 2147483647. The kernel checks whether it is open (EBADF). */
export function fdArgument(value: unknown, name = 'fd'): number {
  return integerArgument(value, name, 0, INT32_MAX);
}

/** Flags or a size: an integer from 0 to `max`. */
export function unsignedArgument(value: unknown, name: string, max = INT32_MAX): number {
  return integerArgument(value, name, 0, max);
}

/** Permission bits, 0 to 0o7777. */
export function modeArgument(value: unknown, name = 'mode'): number {
  return integerArgument(value, name, 0, 0o7777);
}

/** The memory to read into or write from. */
export function bufferArgument(value: unknown, name = 'buffer'): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw invalidArgType(name, 'an instance of Buffer or Uint8Array', value);
}

const BUFFERS_MAX = 64;

/** The buffers to read into, at most 64. */
export function buffersArgument(value: unknown, name = 'buffers'): readonly Uint8Array[] {
  if (!Array.isArray(value)) throw invalidArgType(name, 'an instance of Array', value);
  if (value.length > BUFFERS_MAX) throw outOfRange(`${name}.length`, `<= ${BUFFERS_MAX}`, value.length);
  // Not by map(), which passes over the holes of a sparse array.
  return Array.from(value, (buffer: unknown, index) => bufferArgument(buffer, `${name}[${index}]`));
}
