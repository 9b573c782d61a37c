// Checks the arguments of spawn() and packs them for the addon: each list of strings becomes one block of
// NUL-terminated strings. Lists the paths to try for a program's name; the addon tries them. Makes no system call.
// Behaviour: execvp(3), execve(2), setpgid(2), setsid(2).
import { Buffer } from 'node:buffer';
import { invalidArgType, invalidArgValue, outOfRange } from '../base/arg-errors.js';
import {
  type PathArgument,
  booleanArgument,
  fdArgument,
  objectArgument,
  pathArgument,
  pidArgument,
  wellFormed,
} from './args.js';

/** Options of spawn(). */
export interface SpawnOptions {
  /** The child's working directory; default: this process's. A `file` with a relative path is relative to it. */
  cwd?: PathArgument | undefined;
  /** The child's whole environment; default: `process.env`. A name whose value is `undefined` is left out. */
  env?: Readonly<Record<string, string | Uint8Array | undefined>> | undefined;
  /** The child's `argv[0]`; default: `file`. */
  argv0?: string | Uint8Array | undefined;
  /**
   * The descriptors that become the child's 0, 1, 2, …; it gets no others. At most 1024. `null` means /dev/null, and so
   * does a missing one of the first three. They are duplicated during the call: the caller may close its own once
   * spawn() has returned its promise.
   */
  stdio?: readonly (number | null)[] | undefined;
  /** `true` or 0: the child leads a new process group; another number: it joins that group, of the same session. */
  setpgid?: boolean | number | undefined;
  /** Whether the child leads a new session, and so a new process group. Not together with `setpgid`. Default false. */
  setsid?: boolean | undefined;
  /** `true`: see DetachedSpawnOptions. Default false. */
  detach?: false | undefined;
}

/** Options of spawn() for a child that is not this process's: its parent is init, or the nearest subreaper. */
export interface DetachedSpawnOptions extends Omit<SpawnOptions, 'setpgid' | 'setsid' | 'detach'> {
  /** The child has another parent once spawn() has resolved. It leads a new session, and so a new process group. */
  detach: true;
  /** Implied by `detach`. */
  setsid?: true | undefined;
}

/** Options that are not checked yet. */
type AnyOptions = SpawnOptions | (DetachedSpawnOptions & { setpgid?: undefined });

/** The arguments of spawn() as the addon takes them; `file`, `args` and `cwdText` are for error messages. */
export interface SpawnRequest {
  file: string;
  args: string[];
  cwdText: string | undefined;
  candidates: Block;
  argv: Block;
  env: Block;
  /** One string, or none: the caller's. */
  cwd: Block;
  stdio: Int32Array;
  newSession: boolean;
  processGroup: number;
  detach: boolean;
}

const KEEP_GROUP = -1;
const STDIO_MAX = 1024;
const PATH_MAX = 4096;
// The directories that execvp(3) searches if PATH is not set.
const DEFAULT_PATH = '/bin:/usr/bin';
const NUL = Buffer.of(0);

/** Strings as the addon takes them: each one followed by a NUL. A string stands for its UTF-8 bytes. */
type Block = string | Buffer;

/** A text stays one as long as it can: each Buffer costs more than the addon's own encoding of all. */
function block(strings: readonly (string | Uint8Array)[]): Block {
  if (strings.every((string) => typeof string === 'string'))
    return strings.reduce((all, text) => `${all}${text}\0`, '');
  return Buffer.concat(strings.flatMap((string) => [Buffer.from(string), NUL]));
}

/** A path without its NUL. */
function path(value: unknown, name: string): string | Buffer {
  const { native } = pathArgument(value, name);
  return typeof native === 'string' ? native : native.subarray(0, -1);
}

function stringArgument(value: unknown, name: string): string | Uint8Array {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw invalidArgType(name, 'of type string or an instance of Buffer', value);
  }
  if (typeof value === 'string') wellFormed(value, name);
  const hasNul = typeof value === 'string' ? value.includes('\0') : value.includes(0);
  if (hasNul) throw invalidArgValue(name, value, 'must be a string without null bytes');
  return value;
}

/** The paths that execvp(3) would try, in order. An empty element of PATH means the working directory. */
export function pathCandidates(file: string | Buffer, path = DEFAULT_PATH): (string | Buffer)[] {
  if (file.length === 0) return [];
  if (file.includes('/')) return [file];
  const inDirectory = (directory: string): string | Buffer => {
    if (directory === '') return file;
    return typeof file === 'string' ? `${directory}/${file}` : Buffer.concat([Buffer.from(`${directory}/`), file]);
  };
  return path
    .split(':')
    .filter((directory) => Buffer.byteLength(directory) < PATH_MAX)
    .map(inDirectory);
}

function environment(env: SpawnOptions['env']): Block {
  if (env === undefined) {
    // Each access to process.env is slow, as it calls into Node: access each name once, and encode all in one step.
    // Object.keys() would ask for each name whether it is enumerable.
    const { env: own } = process;
    return block(Object.getOwnPropertyNames(own).map((name) => `${name}=${own[name] ?? ''}`));
  }
  objectArgument(env, 'options.env');
  const entries: (string | Uint8Array)[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (name === '' || name.includes('=') || name.includes('\0')) {
      throw invalidArgValue('options.env', name, 'must have names without "=" and null bytes, and none that is empty');
    }
    wellFormed(name, 'options.env');
    const checked = stringArgument(value, `options.env.${name}`);
    entries.push(
      typeof checked === 'string' ? `${name}=${checked}` : Buffer.concat([Buffer.from(`${name}=`), checked]),
    );
  }
  return block(entries);
}

function stdioDescriptors(stdio: SpawnOptions['stdio'] = []): Int32Array {
  if (!Array.isArray(stdio)) throw invalidArgType('options.stdio', 'an instance of Array', stdio);
  if (stdio.length > STDIO_MAX) throw outOfRange('options.stdio.length', `<= ${STDIO_MAX}`, stdio.length);
  const descriptors = new Int32Array(Math.max(3, stdio.length)).fill(-1);
  for (const [index, fd] of stdio.entries()) {
    if (fd !== null) descriptors[index] = fdArgument(fd, `options.stdio[${index}]`);
  }
  return descriptors;
}

function processGroup(setpgid: SpawnOptions['setpgid'] = false): number {
  if (typeof setpgid === 'boolean') return setpgid ? 0 : KEEP_GROUP;
  return pidArgument(setpgid, 'options.setpgid', 0);
}

/** What the child leads or joins, and whose child it is. */
function relations(options: AnyOptions): Pick<SpawnRequest, 'newSession' | 'processGroup' | 'detach'> {
  const { detach = false, setsid = detach, setpgid } = options;
  booleanArgument(detach, 'options.detach');
  const newSession = booleanArgument(setsid, 'options.setsid');
  const group = processGroup(setpgid);
  if (detach && !newSession) throw invalidArgValue('options.setsid', setsid, 'must not be false together with detach');
  if (newSession && group !== KEEP_GROUP) {
    throw invalidArgValue('options.setpgid', setpgid, 'must not be given together with setsid or detach');
  }
  return { newSession, processGroup: group, detach };
}

/**
 * Checks the arguments of spawn() and packs them.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
 */
export function spawnRequest(
  file: PathArgument,
  args: readonly (string | Uint8Array)[],
  options: SpawnOptions | DetachedSpawnOptions,
): SpawnRequest {
  const program = path(file, 'file');
  if (!Array.isArray(args)) throw invalidArgType('args', 'an instance of Array', args);
  objectArgument(options, 'options');
  // Not by map(), which passes over the holes of a sparse array.
  const argv = Array.from(args, (arg: unknown, index) => stringArgument(arg, `args[${index}]`));
  const argv0 = options.argv0 === undefined ? program : stringArgument(options.argv0, 'options.argv0');
  const cwd = options.cwd === undefined ? undefined : path(options.cwd, 'options.cwd');
  const asked = relations(options);
  return {
    file: program.toString(),
    args: argv.map((arg) => (typeof arg === 'string' ? arg : Buffer.from(arg).toString())),
    cwdText: cwd?.toString(),
    candidates: block(pathCandidates(program, process.env.PATH)),
    argv: block([argv0, ...argv]),
    env: environment(options.env),
    cwd: cwd === undefined ? '' : block([cwd]),
    stdio: stdioDescriptors(options.stdio),
    ...asked,
  };
}
