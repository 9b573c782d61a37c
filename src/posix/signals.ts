// Converts signal names to numbers and back, real-time signals included. Sends no signal. Behaviour: signal(7).
import { constants } from 'node:os';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import { integerArgument } from './args.js';

/** A signal's name (`'SIGTERM'`, `'SIGRTMIN+3'`) or number. 0 sends nothing: it checks if a signal could be sent. */
export type Signal = NodeJS.Signals | `SIGRT${string}` | number;

// The C library's range: it keeps the kernel's first two real-time signals, 32 and 33, for itself.
const SIGRTMIN = 34;
const SIGRTMAX = 64;

const numbers = new Map<string, number>(Object.entries(constants.signals));
// Reversed, so that the first name of a number wins; it is the usual one: SIGABRT comes before SIGIOT.
const names = new Map([...numbers].reverse().map(([name, number]) => [number, name]));

function realTimeSignal(name: string): number | undefined {
  const match = /^SIGRT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name);
  if (match === null) return undefined;
  const number = name.startsWith('SIGRTMIN') ? SIGRTMIN + Number(match[1] ?? 0) : SIGRTMAX - Number(match[2] ?? 0);
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}

/** The number of a signal. A number is not looked up: the kernel refuses one that is no signal (EINVAL). */
export function signalNumber(value: unknown, name = 'signal'): number {
  if (typeof value === 'number') return integerArgument(value, name, -0x80000000, 0x7fffffff);
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string or number', value);
  const number = numbers.get(value) ?? realTimeSignal(value);
  if (number === undefined) throw invalidArgValue(name, value, "must be the name of a signal, as 'SIGTERM'");
  return number;
}

/** The name of a signal, which signalNumber() accepts: 15 is `'SIGTERM'`, 37 is `'SIGRTMIN+3'`. */
export function signalName(number: number): string {
  const name = names.get(number);
  if (name !== undefined) return name;
  if (number < SIGRTMIN || number > SIGRTMAX) return `SIG${number}`;
  return number === SIGRTMIN ? 'SIGRTMIN' : `SIGRTMIN+${number - SIGRTMIN}`;
}
