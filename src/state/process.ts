/**
 * A process's directory: the names in it and how each file is read and written. The bytes are described in
 * docs/protocol.md; names and bytes of the original's files are those of containerd's `process.go` (June 2016).
 */
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hasCode } from '../base/errors.js';
import { readIfThere, readText, removeTree, writeFileAtomic } from '../disk/files.js';
import { expectStrings, parseJsonObject, stringifyProcess } from '../disk/json.js';
import type { Identity } from '../kernel/identity.js';
import type { ProcessSpec } from '../oci/types.js';
import { DirectoryKey, keyOf, readKey } from './key.js';
import { firstError, parseLog } from './log.js';

/** The shim writes it when the process has ended, before it cleans up. */
export const EXIT_STATUS_FILE = 'exitStatus';

const MAX_STATE_BYTES = 16 * 1024 * 1024;
const MAX_LOG_BYTES = 1024 * 1024;
const MAX_NUMBER_BYTES = 64;
const MAX_SMALL_JSON_BYTES = 4096;

/** What stands beside the OCI process object in `process.json`. */
export interface ProcessState {
  exec: boolean;
  /** Made by `create`: its program waits for `start`. Not the seed's; written only where it is so. */
  create: boolean;
  containerdStdin: string;
  containerdStdout: string;
  containerdStderr: string;
  runtimeArgs: string[];
  noPivotRoot: boolean;
  checkpoint: string;
  rootUID: number;
  rootGID: number;
  /** Which process this is; ours. */
  key: string;
  /** Ours; missing when none were given. */
  labels?: string[];
}

/** `<state root>/<container id>/<process id>`. */
export class ProcessDir {
  readonly #key: DirectoryKey | undefined;

  /** @param key which process is meant: '' if its process.json can't be read. Default: whichever the path holds. */
  constructor(
    readonly path: string,
    key?: string,
  ) {
    this.#key = key === undefined ? undefined : new DirectoryKey(join(path, 'process.json'), key);
  }

  /** As given. */
  get key(): string | undefined {
    return this.#key?.key;
  }

  /** The key that process.json has now; '' if it can't be read. */
  readKey(): string {
    return readKey(join(this.path, 'process.json')) ?? '';
  }

  /** Whether the path still holds the process that is meant; see {@link DirectoryKey.isCurrent}. */
  isCurrent(): boolean {
    return this.#key?.isCurrent() ?? true;
  }

  /** As isCurrent(), cheaper, for lists; see {@link DirectoryKey.looksCurrent}. */
  looksCurrent(): boolean {
    return this.#key?.looksCurrent() ?? true;
  }

  /**
   * When the directory was last changed, in milliseconds since 1970; never before a start that is under way. Undefined when
   * it is gone.
   */
  madeAtMs(): number | undefined {
    return fs.lstatSync(this.path, { throwIfNoEntry: false })?.mtimeMs;
  }

  /** Removes it with all it holds; from the first moment on it is no process any more. */
  remove(): void {
    removeTree(this.path);
  }

  get exitFifo(): string {
    return join(this.path, 'exit');
  }

  get controlFifo(): string {
    return join(this.path, 'control');
  }

  get containerId(): string {
    return basename(dirname(this.path));
  }

  get pidFile(): string {
    return join(this.path, 'pid');
  }

  exists(): boolean {
    return fs.existsSync(this.path);
  }

  hasProcess(): boolean {
    return fs.existsSync(join(this.path, 'process.json'));
  }

  writeProcess(spec: ProcessSpec, { create, ...state }: ProcessState): void {
    const written = { ...spec, ...state, create: create ? true : undefined };
    writeFileAtomic(join(this.path, 'process.json'), stringifyProcess(written) + '\n');
  }

  /** @throws {OutliveError} `ERR_INVALID_STATE` when it is broken; a system error when it can't be read. */
  readProcess(): { spec: ProcessSpec; state: ProcessState } {
    const path = join(this.path, 'process.json');
    const value = parseJsonObject(readText(path, MAX_STATE_BYTES), path);
    expectStrings(path, value, 'args');
    const { exec, create, containerdStdin, containerdStdout, containerdStderr, ...rest } = value;
    const { runtimeArgs, noPivotRoot, checkpoint, rootUID, rootGID, labels, ...others } = rest;
    const { key, ...spec } = others;
    const state = {
      exec: exec === true,
      create: create === true,
      containerdStdin: stringOr(containerdStdin, ''),
      containerdStdout: stringOr(containerdStdout, ''),
      containerdStderr: stringOr(containerdStderr, ''),
      runtimeArgs: Array.isArray(runtimeArgs) ? runtimeArgs.map(String) : [],
      noPivotRoot: noPivotRoot === true,
      checkpoint: stringOr(checkpoint, ''),
      rootUID: Number(rootUID ?? 0),
      rootGID: Number(rootGID ?? 0),
      key: keyOf({ key }, path),
      ...(Array.isArray(labels) ? { labels: labels.filter((label) => typeof label === 'string') } : {}),
    };
    return { spec: spec as unknown as ProcessSpec, state };
  }

  /** The runtime's pid file; undefined while it is missing, empty or no number. Seed: `getPidFromFile`. */
  readPid(): number | undefined {
    const text = readIfLegible(this.pidFile, MAX_NUMBER_BYTES)?.trim();
    const pid = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : 0;
    return pid > 1 && pid <= 0x7fffffff ? pid : undefined;
  }

  /** What `exitStatus` says: 0 to 255; undefined while it is missing or empty; NaN when it is neither. */
  readExitStatus(): number | undefined {
    const text = readIfThere(join(this.path, EXIT_STATUS_FILE), MAX_NUMBER_BYTES, 'truncate')?.trim();
    if (text === undefined || text === '') return undefined;
    return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : NaN;
  }

  /** What the shim told of the end beside the status (`exit.json`); undefined when it did not, or not legibly. */
  readExitRecord(): Record<string, unknown> | undefined {
    return this.#readSmallJson('exit.json');
  }

  /** Who the shim or an earlier supervisor said the process is; undefined when nobody did, or not legibly. */
  readIdentity(): Identity | undefined {
    const { pid, startTimeTicks, bootId } = this.#readSmallJson('identity.json') ?? {};
    if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(startTimeTicks) || typeof bootId !== 'string')
      return undefined;
    return { pid: Number(pid), startTimeTicks: Number(startTimeTicks), bootId };
  }

  /** Whether anybody wrote down which process it is. */
  wasStarted(): boolean {
    return this.readPid() !== undefined || this.readIdentity() !== undefined;
  }

  writeIdentity(identity: Identity): void {
    writeFileAtomic(join(this.path, 'identity.json'), JSON.stringify(identity) + '\n');
  }

  /** Whether somebody wrote down that the program of a created container was let run. */
  hasStartedMark(): boolean {
    return fs.existsSync(join(this.path, 'started'));
  }

  writeStartedMark(): void {
    writeFileAtomic(join(this.path, 'started'), '');
  }

  /** Whether the shim had an error or a warning to tell. */
  hasShimMessages(): boolean {
    return (readIfThere(join(this.path, 'shim-log.json'), MAX_LOG_BYTES, 'truncate') ?? '') !== '';
  }

  /** The first error in the shim's log. */
  shimError(): string | undefined {
    return this.#firstError('shim-log.json');
  }

  /** The first error in the runtime's log. */
  runtimeError(): string | undefined {
    return this.#firstError('log.json');
  }

  #readSmallJson(name: string): Record<string, unknown> | undefined {
    const path = join(this.path, name);
    const text = readIfThere(path, MAX_SMALL_JSON_BYTES, 'truncate');
    if (text === undefined) return undefined;
    try {
      return parseJsonObject(text, path);
    } catch {
      return undefined;
    }
  }

  #firstError(name: string): string | undefined {
    const text = readIfThere(join(this.path, name), MAX_LOG_BYTES, 'truncate');
    return text === undefined ? undefined : firstError(parseLog(text));
  }
}

/** As readIfThere(); what is no regular file was not written by shim or runtime, and counts as missing. */
function readIfLegible(path: string, limit: number): string | undefined {
  try {
    return readIfThere(path, limit, 'truncate');
  } catch (error) {
    if (hasCode(error, 'ELOOP', 'ENXIO', 'ERR_INVALID_STATE')) return undefined;
    throw error;
  }
}

function stringOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
