/** Options that several verbs share, and their values: variables, labels, users, times. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import type { User } from '../index.js';
import { UsageError } from './failure.js';

const MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Adds the options on the program that run and exec start. */
export function addProgramOptions(command: Command): Command {
  return command
    .option(
      '-e, --env <name[=value]>',
      'set a variable; without a value: as it is here; may be repeated',
      addVariable,
      {},
    )
    .option('-w, --workdir <dir>', 'its working directory')
    .option('-u, --user <user[:group]>', 'names or numbers');
}

/** Adds one `-e`: `name=value`, or `name` for our own value. */
function addVariable(text: string, before: Record<string, string | undefined>): Record<string, string | undefined> {
  const [name, value = process.env[name]] = split(text);
  if (name === '') throw new UsageError(`-e ${text}: must be name=value or name`);
  return { ...before, [name]: value };
}

/** Adds one `--label`: `name=value`, or `name` for an empty value. */
export function addLabel(text: string, before: Record<string, string>): Record<string, string> {
  const [name, value = ''] = split(text);
  if (name === '') throw new UsageError(`--label ${text}: must be name=value or name`);
  return { ...before, [name]: value };
}

function split(text: string): [name: string, value: string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** A span of time in milliseconds: `90`, `1.5` (seconds), `500ms`, `10m`, `1h30m`; undefined if the text is none. */
export function readSpan(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/([\d.]+)([a-z]+)/g)];
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (MS[unit] ?? NaN), 0);
}

/** A point in time in milliseconds since 1970: seconds since 1970, a date of ISO 8601, or a span before now. */
export function readTime(text: string, nowMs = Date.now()): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const timeMs = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : nowMs - (readSpan(text) ?? NaN);
  if (Number.isFinite(timeMs)) return timeMs;
  throw new UsageError(
    `--since ${text}: must be a time (2026-07-26T10:15:00Z, 1785060900) or how long ago (10m, 1h30m)`,
  );
}

/**
 * The user and groups of `-u`: names and numbers, `user` or `user:group`.
 * @param isHost whether names are those of this machine. In a container they are not known: there it takes numbers, and the group is 0
 *   if none is given.
 */
export async function readUser(text: string, isHost: boolean): Promise<User> {
  const [, user = '', group] = /^([^:]+)(?::([^:]+))?$/.exec(text) ?? [];
  const [uid, gid] = [user, group ?? ''].map((word) => (/^\d+$/.test(word) ? Number(word) : undefined));
  if (uid !== undefined && gid !== undefined) return { uid, gid };
  if (user === '') throw new UsageError(`-u ${text}: must be user or user:group`);
  if (isHost) return hostUser(user, group);
  if (uid !== undefined && group === undefined) return { uid, gid: 0 };
  throw new UsageError(`-u ${text}: in a container of a bundle it must be numbers, uid or uid:gid`);
}

async function hostUser(user: string, group: string | undefined): Promise<User> {
  const isNumber = /^\d+$/.test(user);
  if (isNumber && group !== undefined) return { uid: Number(user), gid: await groupId(group) };
  const nobody = isNumber ? 'no user has this number: give uid:gid' : 'there is no such user';
  const [uid = NaN] = await ask('id', ['-u', '--', user], `-u ${user}: ${nobody}`);
  if (group !== undefined) return { uid, gid: await groupId(group) };
  const unknown = `-u ${user}: this user has no group: give user:group`;
  const [gid = NaN] = await ask('id', ['-g', '--', user], unknown);
  return { uid, gid, additionalGids: await ask('id', ['-G', '--', user], unknown) };
}

async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const { stdout } = await call('getent', ['group', group], `-u: there is no group ${group}`);
  return Number(stdout.split(':')[2]);
}

async function ask(program: string, args: string[], otherwise: string): Promise<number[]> {
  return (await call(program, args, otherwise)).stdout.trim().split(' ').map(Number);
}

async function call(program: string, args: string[], otherwise: string): Promise<{ stdout: string }> {
  try {
    return await promisify(execFile)(program, args);
  } catch {
    throw new UsageError(otherwise);
  }
}
