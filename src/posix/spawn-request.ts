// What spawn() was asked for, checked and packed for the addon: argv and its like as one block of NUL-terminated
// strings each, the search of PATH done as far as it can be without the file system. Makes no system call.
// Behaviour: execvp(3), execve(2), setpgid(2), setsid(2).
import { Buffer } from 'node:buffer';
import { invalidArgType, invalidArgValue, outOfRange } from '../base/arg-errors.js';
import { fdArgument, pathArgument, pidArgument, type PathArgument } from './args.js';

/** Options of spawn(). */
export interface SpawnOptions {
  /** The child's working directory; default: this process's. A relative `file` counts from it. */
  cwd?: PathArgument | undefined;
  /** The child's whole environment; default: `process.env`. A value `undefined` leaves the name out. */
  env?: Readonly<Record<string, string | Uint8Array | undefined>> | undefined;
  /** What the child finds as `argv[0]`; default: `file`. */
  argv0?: string | Uint8Array | undefined;
  /**
   * The descriptors that become the child's 0, 1, 2, …, and the only ones it gets; `null` is /dev/null, as is what is
   * missing of the first three. At most 1024. They are duplicated: the caller may close its own as soon as the call
   * returned.
   */
  stdio?: readonly (number | null)[] | undefined;
  /** `true` (or 0): a process group of its own; a number: that group, which must be of the same session. */
  setpgid?: boolean | number | undefined;
  /** Whether the child leads a session (and so a group) of its own. Not together with `setpgid`. */
  setsid?: boolean | undefined;
}

/** A request in the addon's terms. */
export interface SpawnRequest {
  file: string;
  args: string[];
  cwdText: string | undefined;
  candidates: Buffer;
  argv: Buffer;
  env: Buffer;
  cwd: Buffer;
  stdio: Int32Array;
  newSession: boolean;
  processGroup: number;
}

const KEEP_GROUP = -1;
const STDIO_MAX = 1024;
const PATH_MAX = 4096;
// What execvp(3) searches without PATH.
const DEFAULT_PATH = '/bin:/usr/bin';
const NUL = Buffer.of(0);
const COLON = 0x3a;
const SLASH = 0x2f;

/** Strings as one block, each ended by NUL. */
function block(strings: readonly Uint8Array[]): Buffer {
  return Buffer.concat(strings.flatMap((bytes) => [bytes, NUL]));
}

function stringArgument(value: unknown, name: string): Buffer {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw invalidArgType(name, 'of type string or an instance of Buffer', value);
  }
  const bytes = Buffer.from(value);
  if (bytes.includes(0)) throw invalidArgValue(name, value, 'must be a string without null bytes');
  return bytes;
}

function checkObject(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) throw invalidArgType(name, 'of type object', value);
}

function* pathElements(path: Buffer): Generator<Buffer> {
  let start = 0;
  for (let end = path.indexOf(COLON); end !== -1; end = path.indexOf(COLON, start)) {
    yield path.subarray(start, end);
    start = end + 1;
  }
  yield path.subarray(start);
}

/** The paths that execvp(3) would try, in order. An empty element of PATH is the working directory. */
export function pathCandidates(file: Buffer, path: string | undefined): Buffer[] {
  if (file.length === 0) return [];
  if (file.includes(SLASH)) return [file];
  return [...pathElements(Buffer.from(path ?? DEFAULT_PATH))]
    .filter((directory) => directory.length < PATH_MAX)
    .map((directory) => (directory.length === 0 ? file : Buffer.concat([directory, Buffer.of(SLASH), file])));
}

function environment(env: SpawnOptions['env']): Buffer {
  if (env === undefined) {
    // Each look into process.env is a call into Node; one look a name, and one conversion for all, is the least.
    return Buffer.from(
      Object.keys(process.env).reduce((all, name) => `${all}${name}=${process.env[name] ?? ''}\0`, ''),
    );
  }
  checkObject(env, 'options.env');
  const entries: Buffer[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (name === '' || name.includes('=') || name.includes('\0')) {
      throw invalidArgValue('options.env', name, 'must have names without "=" and null bytes, and none that is empty');
    }
    entries.push(Buffer.concat([Buffer.from(`${name}=`), stringArgument(value, `options.env.${name}`)]));
  }
  return block(entries);
}

function stdioDescriptors(stdio: SpawnOptions['stdio'] = []): Int32Array {
  if (!Array.isArray(stdio)) throw invalidArgType('options.stdio', 'an instance of Array', stdio);
  if (stdio.length > STDIO_MAX) throw outOfRange('options.stdio.length', `<= ${STDIO_MAX}`, stdio.length);
  const descriptors = new Int32Array(Math.max(3, stdio.length)).fill(-1);
  stdio.forEach((fd: unknown, index) => {
    if (fd !== null) descriptors[index] = fdArgument(fd, `options.stdio[${index}]`);
  });
  return descriptors;
}

function processGroup(setpgid: SpawnOptions['setpgid'] = false): number {
  if (typeof setpgid === 'boolean') return setpgid ? 0 : KEEP_GROUP;
  return pidArgument(setpgid, 'options.setpgid', 0);
}

function sessionFlag(setsid: SpawnOptions['setsid'] = false): boolean {
  if (typeof setsid !== 'boolean') throw invalidArgType('options.setsid', 'of type boolean', setsid);
  return setsid;
}

/** Checks the arguments of spawn() and packs them. */
export function spawnRequest(
  file: PathArgument,
  args: readonly (string | Uint8Array)[],
  options: SpawnOptions,
): SpawnRequest {
  const program = pathArgument(file, 'file');
  if (!Array.isArray(args)) throw invalidArgType('args', 'an instance of Array', args);
  checkObject(options, 'options');
  const programBytes = program.bytes.subarray(0, -1);
  const argv = args.map((arg: unknown, index) => stringArgument(arg, `args[${index}]`));
  const argv0 = options.argv0 === undefined ? programBytes : stringArgument(options.argv0, 'options.argv0');
  const cwd = options.cwd === undefined ? undefined : pathArgument(options.cwd, 'options.cwd');
  const newSession = sessionFlag(options.setsid);
  const group = processGroup(options.setpgid);
  if (newSession && group !== KEEP_GROUP) {
    throw invalidArgValue('options.setpgid', options.setpgid, 'must not be given together with setsid');
  }
  return {
    file: program.text,
    args: argv.map(String),
    cwdText: cwd?.text,
    candidates: block(pathCandidates(programBytes, process.env.PATH)),
    argv: block([argv0, ...argv]),
    env: environment(options.env),
    cwd: cwd?.bytes ?? Buffer.alloc(0),
    stdio: stdioDescriptors(options.stdio),
    newSession,
    processGroup: group,
  };
}
