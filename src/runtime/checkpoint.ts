/**
 * Checkpoints on disk: a directory for each, `<dir>/<name>`, with criu's images and a config.json that says what flags
 * they were made with. Knows no runtime. Seed: `Checkpoint`, `Checkpoints`, `DeleteCheckpoint` of containerd's runtime
 * package.
 */
import { type Stats, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { checkBoolean, checkObject, checkStrings } from '../base/arg-checks.js';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { makeDirectory, readIfThere, writeFileAtomic } from '../disk/files.js';
import { parseJsonObject } from '../disk/json.js';
import type { CheckpointFlags } from './args.js';
import { checkId, isId } from '../oci/ids.js';

const MAX_CONFIG_BYTES = 1024 * 1024;

export interface CheckpointOptions {
  /** As a container's id; new in the directory. */
  name: string;
  /** Whether the container ends with it. Default false: it runs on. */
  exit?: boolean;
  /** Whether established TCP connections may be part of it. Default false: then one fails it. */
  tcp?: boolean;
  /** Whether Unix sockets that are connected to the outside may be. Default false. */
  unixSockets?: boolean;
  /** Whether it may have a session or terminal from outside. Default false. */
  shell?: boolean;
  /** Namespaces that are made anew at the restore, without what was in them, as `'network'`. Default none. */
  emptyNs?: string[];
}

/** A checkpoint that was made. */
export interface Checkpoint extends CheckpointFlags {
  readonly name: string;
  /** When it was begun; undefined when its config.json does not say so legibly. */
  readonly created: Date | undefined;
}

/** Where a bundle's checkpoints are, unless the caller says otherwise. */
export function defaultCheckpointDir(bundle: string): string {
  return join(bundle, 'checkpoints');
}

/** Checks everything and fills in what is missing; throws Node's errors for bad arguments. */
export function checkCheckpointOptions(options: CheckpointOptions): CheckpointFlags & { name: string } {
  checkObject('options', options);
  const { name, exit = false, tcp = false, unixSockets = false, shell = false, emptyNs = [] } = options;
  checkId('options.name', name);
  for (const [key, value] of Object.entries({ exit, tcp, unixSockets, shell })) checkBoolean(`options.${key}`, value);
  checkStrings('options.emptyNs', emptyNs);
  return { name, exit, tcp, unixSockets, shell, emptyNs: [...emptyNs] };
}

/**
 * Makes a checkpoint's directory, has `dump` fill it, and only then lets it count as a checkpoint.
 * @param dir made, 0700, when only itself is missing.
 * @param dump gets the directory for the images. When it fails nothing stays, and its error is thrown.
 * @throws {OutliveError} `ERR_CHECKPOINT_EXISTS`; a system error when the directory can't be made.
 */
export async function makeCheckpoint(
  dir: string,
  { name, ...flags }: CheckpointFlags & { name: string },
  dump: (path: string) => Promise<unknown>,
): Promise<Checkpoint> {
  const madeDir = makeIfMissing(dir);
  const path = join(dir, name);
  const created = new Date();
  // Written before and only renamed after: a full disk must not lose a container that has ended with its checkpoint.
  const config = join(path, 'config.json');
  const unfinished = `${config}.new`;
  try {
    makeCheckpointDirectory(path, name);
    try {
      writeFileAtomic(unfinished, configJson(created, name, flags));
      await dump(path);
    } catch (error) {
      rmSync(path, { recursive: true, force: true });
      throw error;
    }
  } catch (error) {
    if (madeDir) removeIfEmpty(dir);
    throw error;
  }
  renameSync(unfinished, config);
  return { name, created, ...flags };
}

/**
 * The checkpoints in a directory, by name. One that is being made, or whose maker died, is none.
 * @throws {OutliveError} `ERR_INVALID_STATE` when a config.json is broken; a system error when something can't be read.
 */
export function listCheckpoints(dir: string): Checkpoint[] {
  return namesIn(dir).flatMap((name) => {
    const path = join(dir, name, 'config.json');
    const text = readIfThere(path, MAX_CONFIG_BYTES);
    return text === undefined ? [] : [checkpointIn(name, parseJsonObject(text, path))];
  });
}

/** Removes a checkpoint, also one that was never finished. */
export async function removeCheckpoint(dir: string, name: string): Promise<void> {
  const path = join(dir, name);
  requireCheckpoint(lstatSync(path, { throwIfNoEntry: false }), name);
  // From here on it is none, however far the rest comes.
  rmSync(join(path, 'config.json'), { force: true });
  await rm(path, { recursive: true, force: true });
}

/**
 * Checks what `start({ checkpoint })` is given: a name in the default directory, or an absolute path; `''` is none.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; {OutliveError} `ERR_CHECKPOINT_NOT_EXISTS`.
 */
export function checkStartCheckpoint(bundle: string, checkpoint: string): void {
  if (checkpoint === '') return;
  if (typeof checkpoint !== 'string') throw invalidArgType('options.checkpoint', 'of type string', checkpoint);
  if (checkpoint.includes('\0') || (!isAbsolute(checkpoint) && !isId(checkpoint))) {
    throw invalidArgValue('options.checkpoint', checkpoint, "must be a checkpoint's name or absolute path");
  }
  const path = isAbsolute(checkpoint) ? checkpoint : join(defaultCheckpointDir(bundle), checkpoint);
  requireCheckpoint(statSync(path, { throwIfNoEntry: false }), checkpoint);
}

function requireCheckpoint(stat: Stats | undefined, name: string): void {
  if (stat?.isDirectory() !== true) throw new OutliveError('ERR_CHECKPOINT_NOT_EXISTS', `no checkpoint ${name}`);
}

function makeCheckpointDirectory(path: string, name: string): void {
  try {
    makeDirectory(path);
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause;
    throw new OutliveError('ERR_CHECKPOINT_EXISTS', `checkpoint ${name} exists`, { cause });
  }
}

/** Whether it had to be made. */
function makeIfMissing(dir: string): boolean {
  try {
    mkdirSync(dir, { mode: 0o700 });
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Another one may be in it by now. */
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

/** Keys and their order are the seed's; the shim reads the flags when it restores. */
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
