/**
 * Checkpoints on disk: each is a directory `<dir>/<name>` with criu's images and a config.json, which has the flags.
 * Does not run the runtime; the caller does.
 * Behaviour: `Checkpoint`, `Checkpoints` and `DeleteCheckpoint` of containerd's runtime package (June 2016).
 */
import {
  type Stats,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { checkBoolean, checkKeys, checkStrings, checkText } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { makeDirectory, readIfThere, writeFileAtomic } from '../disk/files.js';
import { parseJsonObject } from '../disk/json.js';
import type { CheckpointFlags } from './args.js';
import { runtimeError } from './call.js';
import { checkId, isId } from '../oci/ids.js';

const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_LOG_BYTES = 16 * 1024 * 1024;

/** Options of `container.checkpoint()`. */
export interface CheckpointOptions {
  /** The checkpoint's name, new in its directory: `[A-Za-z0-9][A-Za-z0-9_.+-]*`, at most 255 bytes. */
  name: string;
  /** Whether to end the container. Default false: it continues. */
  exit?: boolean | undefined;
  /** Whether to allow established TCP connections. Default false: the checkpoint fails if there is one. */
  tcp?: boolean | undefined;
  /** Whether to allow Unix sockets that are connected to processes outside the container. Default false. */
  unixSockets?: boolean | undefined;
  /** Whether to allow a session or a terminal of a process outside the container. Default false. */
  shell?: boolean | undefined;
  /** Namespaces that the restore makes empty, without their old contents, as `'network'`. Default: none. */
  emptyNs?: string[] | undefined;
}

/** A finished checkpoint. */
export interface Checkpoint extends CheckpointFlags {
  readonly name: string;
  /** When making it began; undefined if its config.json has no valid time. */
  readonly created: Date | undefined;
}

/** The default directory of a bundle's checkpoints. */
export function defaultCheckpointDir(bundle: string): string {
  return join(bundle, 'checkpoints');
}

/**
 * Checks the options and adds the defaults.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`.
 */
export function checkCheckpointOptions(options: CheckpointOptions): CheckpointFlags & { name: string } {
  checkKeys('options', options, ['name', 'exit', 'tcp', 'unixSockets', 'shell', 'emptyNs']);
  const { name, exit = false, tcp = false, unixSockets = false, shell = false, emptyNs = [] } = options;
  checkId('options.name', name);
  for (const [key, value] of Object.entries({ exit, tcp, unixSockets, shell })) checkBoolean(`options.${key}`, value);
  checkStrings('options.emptyNs', emptyNs);
  return { name, exit, tcp, unixSockets, shell, emptyNs: [...emptyNs] };
}

/**
 * Makes a checkpoint: its directory, then the images, then its config.json, which marks it as finished.
 * @param dir the directory of the checkpoints. It is made with mode 0700 if it is missing; its parent must exist.
 * @param dump writes the images to the directory that it gets. If it fails, its error is thrown, and the directory is
 *   removed. But if criu wrote a log, its first error is thrown, with dump's error as the cause; both name the log, which
 *   stays where it is until the name is used again.
 * @throws {OutliveError} `ERR_CHECKPOINT_EXISTS`; a system error if the directory can't be made.
 */
export async function makeCheckpoint(
  dir: string,
  { name, ...flags }: CheckpointFlags & { name: string },
  dump: (path: string) => Promise<unknown>,
): Promise<Checkpoint> {
  const madeDir = makeIfMissing(dir);
  const path = join(dir, name);
  const created = new Date();
  // Write the config before the dump, and only rename it after: with `exit` the container has ended by then, and a full
  // disk must not make its checkpoint unusable.
  const config = join(path, 'config.json');
  const unfinished = `${config}.new`;
  try {
    makeCheckpointDirectory(path, name);
    try {
      writeFileAtomic(unfinished, configJson(created, name, flags));
      await dump(path);
    } catch (cause) {
      const reason = criuError(path);
      await removeAllButLog(path);
      if (reason === undefined) throw cause;
      throw runtimeError(['checkpoint'], `${reason} (log file: ${criuLog(path)})`, cause);
    }
  } catch (error) {
    if (madeDir) removeIfEmpty(dir);
    throw error;
  }
  renameSync(unfinished, config);
  return { name, created, ...flags };
}

/**
 * The finished checkpoints in a directory, sorted by name; none if the directory does not exist.
 * @throws {OutliveError} `ERR_INVALID_STATE` if a config.json is broken; a system error if a file can't be read.
 */
export function listCheckpoints(dir: string): Checkpoint[] {
  return namesIn(dir).flatMap((name) => {
    const path = join(dir, name, 'config.json');
    const text = readIfThere(path, MAX_CONFIG_BYTES);
    return text === undefined ? [] : [checkpointIn(name, parseJsonObject(text, path))];
  });
}

/**
 * Removes a checkpoint, even an unfinished one.
 * @throws {OutliveError} `ERR_CHECKPOINT_NOT_EXISTS`; a system error if it can't be removed.
 */
export async function removeCheckpoint(dir: string, name: string): Promise<void> {
  const path = join(dir, name);
  requireCheckpoint(lstatSync(path, { throwIfNoEntry: false }), name);
  // First: without its config.json it is no finished checkpoint, even if the rest can't be removed.
  rmSync(join(path, 'config.json'), { force: true });
  await rm(path, { recursive: true, force: true });
}

/**
 * Checks the option `checkpoint` of `container.start()`.
 * @param checkpoint a name in the default directory, or an absolute path; `''` means none.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; {OutliveError} `ERR_CHECKPOINT_NOT_EXISTS`.
 */
export function checkStartCheckpoint(bundle: string, checkpoint: string): void {
  if (checkpoint === '') return;
  checkText('options.checkpoint', checkpoint);
  if (!isAbsolute(checkpoint) && !isId(checkpoint)) {
    throw invalidArgValue('options.checkpoint', checkpoint, "must be a checkpoint's name or absolute path");
  }
  const path = isAbsolute(checkpoint) ? checkpoint : join(defaultCheckpointDir(bundle), checkpoint);
  requireCheckpoint(statSync(path, { throwIfNoEntry: false }), checkpoint);
}

/** The directory of criu's own files in a checkpoint's; docs/protocol.md, `--work-path`. */
const WORK = 'criu.work';

function criuLog(path: string): string {
  return join(path, WORK, 'dump.log');
}

/** Criu's first error. The runtime only names the log that has it. */
function criuError(path: string): string | undefined {
  try {
    const log = readIfThere(criuLog(path), MAX_LOG_BYTES, 'truncate');
    return /^.*?(Error \(criu\/.*)$/m.exec(log ?? '')?.[1];
  } catch {
    return undefined;
  }
}

function requireCheckpoint(stat: Stats | undefined, name: string): void {
  if (stat?.isDirectory() !== true) throw new OutliveError('ERR_CHECKPOINT_NOT_EXISTS', `no checkpoint ${name}`);
}

/** Removes a failed checkpoint. Criu's log stays, if there is one. */
async function removeAllButLog(path: string): Promise<void> {
  const others = (dir: string, kept: string): string[] =>
    namesOf(dir).flatMap((name) => (name === kept ? [] : [join(dir, name)]));
  const hasLog = existsSync(criuLog(path));
  const removed = hasLog ? [...others(path, WORK), ...others(join(path, WORK), 'dump.log')] : [path];
  // The images may have gigabytes.
  for (const each of removed) await rm(each, { recursive: true, force: true });
}

/**
 * Removes what removeAllButLog() left of an earlier checkpoint with this name. Only by rmdir(2), which fails if another
 * program is making that checkpoint now.
 */
function removeOldLog(path: string): void {
  if (namesOf(path).join() !== WORK || namesOf(join(path, WORK)).join() !== 'dump.log') return;
  rmSync(criuLog(path), { force: true });
  removeIfEmpty(join(path, WORK));
  removeIfEmpty(path);
}

/** The names in a directory; none if it is missing, or is no directory. */
function namesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

function makeCheckpointDirectory(path: string, name: string): void {
  removeOldLog(path);
  try {
    makeDirectory(path);
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause;
    throw new OutliveError('ERR_CHECKPOINT_EXISTS', `checkpoint ${name} exists`, { cause });
  }
}

/** Makes a directory with mode 0700. Returns false if it exists. */
function makeIfMissing(dir: string): boolean {
  try {
    mkdirSync(dir, { mode: 0o700 });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Removes a directory, unless another checkpoint is in it by now. */
function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw error;
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isId(entry.name))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** The keys and their order are those of containerd (June 2016). The shim reads the flags at a restore. */
function configJson(created: Date, name: string, { tcp, unixSockets, shell, exit, emptyNs }: CheckpointFlags): string {
  const config = { created, name, tcp, unixSockets, shell, exit, ...(emptyNs.length > 0 ? { emptyNS: emptyNs } : {}) };
  return JSON.stringify(config) + '\n';
}

function checkpointIn(name: string, config: Record<string, unknown>): Checkpoint {
  const { created, tcp, unixSockets, shell, exit, emptyNS } = config;
  const date = new Date(typeof created === 'string' ? created : NaN);
  return {
    name,
    created: Number.isNaN(date.getTime()) ? undefined : date,
    exit: exit === true,
    tcp: tcp === true,
    unixSockets: unixSockets === true,
    shell: shell === true,
    emptyNs: Array.isArray(emptyNS) ? emptyNS.filter((item) => typeof item === 'string') : [],
  };
}
