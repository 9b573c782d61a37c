/**
 * The state directory: every file name in it, and how each file is read and written. What the bytes mean is in
 * docs/protocol.md; names and bytes are those of the seed's package. Files are 0600, directories 0700, whatever the umask.
 */
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { makeDirectory, readIfThere, readText, writeFileAtomic } from '../disk/files.js';
import { parseJsonObject, stringifyProcess } from '../disk/json.js';
import { ownedName } from '../disk/names.js';
import { firstError, parseLog } from './log.js';
import type { ProcessSpec } from '../oci/spec.js';

/** The id of a container's first process. */
export const INIT_PROCESS_ID = 'init';

/** What the embedded runtime keeps of a container, in the container's directory; no process can have this id. */
const HOST_RUNTIME_DIR = '.runtime';

/** Written by the shim when the process has ended, before it cleans up. */
export const EXIT_STATUS_FILE = 'exitStatus';

const MAX_STATE_BYTES = 16 * 1024 * 1024;
const MAX_LOG_BYTES = 1024 * 1024;
const MAX_NUMBER_BYTES = 64;
const MAX_SMALL_JSON_BYTES = 4096;

/** `state.json`. */
export interface ContainerState {
  bundle: string;
  labels: string[];
  stdin: string;
  stdout: string;
  stderr: string;
  runtime: string;
  runtimeArgs: string[];
  shim: string;
  noPivotRoot: boolean;
}

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
  /** Ours; missing when none were given. */
  labels?: string[];
}

/** Who a process is: a pid alone may have been given to another one since. */
export interface Identity {
  readonly pid: number;
  /** Clock ticks from boot to its start, `/proc/<pid>/stat` field 22. */
  readonly startTimeTicks: number;
  readonly bootId: string;
}

/**
 * Checks an id of a container or process: `[A-Za-z0-9][A-Za-z0-9_.+-]*`, at most 255 bytes; so it is never a path.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`.
 */
export function checkId(name: string, id: unknown): asserts id is string {
  if (typeof id !== 'string') throw invalidArgType(name, 'of type string', id);
  if (!isId(id)) {
    throw invalidArgValue(name, id, 'must match [A-Za-z0-9][A-Za-z0-9_.+-]* and have at most 255 characters');
  }
}

/** Whether a name is an id: so it is never a path, and never hidden. */
export function isId(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.+-]*$/.test(name) && name.length <= 255;
}

/** `<state root>/<container id>`. */
export class ContainerDir {
  readonly path: string;

  constructor(root: string, id: string) {
    this.path = join(root, id);
  }

  /**
   * Makes a container's directory with its state.json, whole or not at all.
   * @throws {OutliveError} `ERR_CONTAINER_EXISTS`; a system error when the root is missing, can't be written …
   */
  static create(root: string, id: string, state: ContainerState): ContainerDir {
    // So that the error names the root, and not a name of ours in it.
    if (fs.statSync(root).isDirectory()) fs.accessSync(root, fs.constants.W_OK | fs.constants.X_OK);
    const made = new ContainerDir(root, ownedName('new'));
    makeDirectory(made.path);
    try {
      made.writeState(state);
      const dir = new ContainerDir(root, id);
      fs.renameSync(made.path, dir.path);
      return dir;
    } catch (cause) {
      fs.rmSync(made.path, { recursive: true, force: true });
      // What is there already is a file, or a directory that is not empty.
      if (!hasCode(cause, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR')) throw cause;
      throw new OutliveError('ERR_CONTAINER_EXISTS', `container ${id} exists in ${root}`, { cause });
    }
  }

  get hostRuntimeRoot(): string {
    return join(this.path, HOST_RUNTIME_DIR);
  }

  process(id: string): ProcessDir {
    return new ProcessDir(join(this.path, id));
  }

  /** The ids of the processes that have a directory. */
  processIds(): string[] {
    const entries = fs.readdirSync(this.path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && isId(entry.name)).map(({ name }) => name);
  }

  /** Removes it with all it holds; from the first moment on it is no container any more. */
  remove(): void {
    removeTree(this.path);
  }

  hasState(): boolean {
    return fs.existsSync(join(this.path, 'state.json'));
  }

  writeState(state: ContainerState): void {
    writeFileAtomic(join(this.path, 'state.json'), JSON.stringify(state) + '\n');
  }

  /** @throws {OutliveError} `ERR_INVALID_STATE` when it is broken; a system error (ENOENT …) when it can't be read. */
  readState(): ContainerState {
    const path = join(this.path, 'state.json');
    const value = parseJsonObject(readText(path, MAX_STATE_BYTES), path);
    for (const key of ['bundle', 'runtime', 'shim']) expectType(path, value, key, 'string');
    for (const key of ['labels', 'runtimeArgs']) expectStrings(path, value, key);
    if (value.noPivotRoot !== undefined) expectType(path, value, 'noPivotRoot', 'boolean');
    return {
      ...emptyState,
      ...value,
      labels: value.labels ?? [],
      runtimeArgs: value.runtimeArgs ?? [],
    } as ContainerState;
  }
}

const emptyState = { stdin: '', stdout: '', stderr: '', noPivotRoot: false };

/** `<state root>/<container id>/<process id>`. */
export class ProcessDir {
  constructor(readonly path: string) {}

  /** When the directory was last changed, in milliseconds since 1970; never before a start that is under way. */
  madeAtMs(): number {
    return fs.lstatSync(this.path).mtimeMs;
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
    const { runtimeArgs, noPivotRoot, checkpoint, rootUID, rootGID, labels, ...spec } = rest;
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

function removeTree(path: string): void {
  const removed = join(dirname(path), ownedName('old'));
  try {
    fs.renameSync(path, removed);
  } catch (error) {
    // Another supervisor was quicker.
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  // A shim that holds what its process left running may still write a line to its log.
  fs.rmSync(removed, { recursive: true, force: true, maxRetries: 10 });
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

function expectType(path: string, value: Record<string, unknown>, key: string, type: string): void {
  if (typeof value[key] !== type) throw new OutliveError('ERR_INVALID_STATE', `${path}: ${key} must be a ${type}`);
}

function expectStrings(path: string, value: Record<string, unknown>, key: string): void {
  const list = value[key] ?? [];
  if (!Array.isArray(list) || list.some((item) => typeof item !== 'string')) {
    throw new OutliveError('ERR_INVALID_STATE', `${path}: ${key} must be an array of strings`);
  }
}
