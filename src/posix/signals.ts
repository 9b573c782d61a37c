// Signals by name and number, the real-time ones too (signal(7)). Owns the names; sends nothing.
import { constants } from 'node:os';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import { integerArgument } from './args.js';

/** A signal's name (`'SIGTERM'`, `'SIGRTMIN+3'`) or number; 0 only asks whether a signal could be sent. */
export type Signal = NodeJS.Signals | `SIGRT${string}` | number;

// As the C library counts them: the kernel's first two are its own.
const SIGRTMIN = 34;
const SIGRTMAX = 64;

const numbers = new Map<string, number>(Object.entries(constants.signals));
// The first name of a number is the usual one: SIGABRT comes before SIGIOT.
const names = new Map([...numbers].reverse().map(([name, number]) => [number, name]));

function realTimeSignal(name: string): number | undefined {
  const match = /^SIGRT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name);
  if (match === null) return undefined;
  const number = name.startsWith('SIGRTMIN') ? SIGRTMIN + Number(match[1] ?? 0) : SIGRTMAX - Number(match[2] ?? 0);
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}

/** A signal's number; whether there is a signal of that number is the kernel's to say (EINVAL). */
export function signalNumber(value: unknown, name = 'signal'): number {
  if (typeof value === 'number') return integerArgument(value, name, -0x80000000, 0x7fffffff);
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string or number', value);
  const number = numbers.get(value) ?? realTimeSignal(value);
  if (number === undefined) throw invalidArgValue(name, value, 'must be the name of a signal');
  return number;
}

/** A signal's name, as signalNumber() reads it: 15 is `'SIGTERM'`, 37 `'SIGRTMIN+3'`. */
export function signalName(number: number): string {
  const name = names.get(number);
  if (name !== undefined) return name;
  if (number < SIGRTMIN || number > SIGRTMAX) return `SIG${number}`;
  return number === SIGRTMIN ? 'SIGRTMIN' : `SIGRTMIN+${number - SIGRTMIN}`;
}
