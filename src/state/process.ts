/**
 * A process's directory: the names in it and how each file is read and written. The bytes are described in
 * docs/protocol.md; names and bytes of the original's files are those of containerd's `process.go` (June 2016).
 */
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isPassable } from '../base/arg-checks.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { HeldFile, flush, readIfThere, readText, removeTree, writeFileAtomic, writeFileOnce } from '../disk/files.js';
import { expectStrings, parseJsonObject, stringifyProcess } from '../disk/json.js';
import type { Identity } from '../kernel/identity.js';
import type { ProcessSpec } from '../oci/types.js';
import { type LogSettings, isLogSettings } from '../stdio/kinds.js';
import { KeyedDirectory, keyOf, readKey } from './key.js';
import { type LogMessage, firstError, parseLog } from './log.js';

/** The shim writes this file after the process has ended, before it cleans up. */
export const EXIT_STATUS_FILE = 'exitStatus';

const MAX_STATE_BYTES = 16 * 1024 * 1024;
const MAX_LOG_BYTES = 1024 * 1024;
const MAX_NUMBER_BYTES = 64;
const MAX_SMALL_JSON_BYTES = 4096;

/** The keys that are added to the OCI process object in `process.json`. */
export interface ProcessState {
  exec: boolean;
  /** Made by `create`: its program waits for `start`. Ours; written only if true. */
  create: boolean;
  /** As in state.json. Ours; written only if true. */
  durable: boolean;
  containerdStdin: string;
  containerdStdout: string;
  containerdStderr: string;
  runtimeArgs: string[];
  noPivotRoot: boolean;
  checkpoint: string;
  rootUID: number;
  rootGID: number;
  /** The process's key (key.ts). Ours. */
  key: string;
  /** Ours; missing if none were given. */
  labels?: string[];
  /** The log of its output. Ours; missing if no stream goes to a log. */
  log?: LogSettings;
}

/** A shim, as it recorded itself. */
export interface RecordedShim extends Identity {
  /** The release that it is of. */
  readonly version: string;
}

/** `<state root>/<container id>/<process id>`. */
export class ProcessDir extends KeyedDirectory {
  /** Which process it is, for messages: `process init of job-1`. */
  get what(): string {
    return `process ${basename(this.path)} of ${basename(dirname(this.path))}`;
  }

  protected override get keyFile(): string {
    return this.processFile;
  }

  /** The key that process.json has now; '' if it can't be read. */
  readKey(): string {
    return readKey(this.processFile) ?? '';
  }

  /** Removes it with all its contents. It is renamed first, so no program sees half a process. */
  remove(): Promise<void> {
    return removeTree(this.path);
  }

  get exitFifo(): string {
    return `${this.path}/exit`;
  }

  get controlFifo(): string {
    return `${this.path}/control`;
  }

  get containerId(): string {
    return basename(dirname(this.path));
  }

  /**
   * Waits until a process that was started is on the disk, with the name of its reserved exit status.
   * @param log its log, if its output goes to one.
   */
  flushStarted(log: LogSettings | undefined): Promise<void> {
    const names = ['process.json', 'pid', 'identity.json', '.', '..'];
    const ofLog = log === undefined ? [] : [join(log.dir, 'key'), log.dir];
    // By join(), which resolves the dots: the path is in the error.
    return flush(...names.map((name) => join(this.path, name)), ...ofLog);
  }

  get pidFile(): string {
    return `${this.path}/pid`;
  }

  exists(): boolean {
    return fs.existsSync(this.path);
  }

  get processFile(): string {
    return `${this.path}/process.json`;
  }

  hasProcess(): boolean {
    return fs.existsSync(this.processFile);
  }

  writeProcess(spec: ProcessSpec, { create, durable, log, ...state }: ProcessState): void {
    const written = { ...spec, ...state, create: create || undefined, durable: durable || undefined, log };
    writeFileAtomic(this.processFile, stringifyProcess(written) + '\n');
  }

  /** Opens and reads process.json. @throws as {@link readProcess}. */
  openProcess(): HeldFile {
    return new HeldFile(this.processFile, MAX_STATE_BYTES);
  }

  /**
   * @param text what was read of process.json.
   * @throws {OutliveError} `ERR_INVALID_STATE` if it is broken; a system error if it can't be read.
   */
  readProcess(text = readText(this.processFile, MAX_STATE_BYTES)): { spec: ProcessSpec; state: ProcessState } {
    const path = this.processFile;
    const value = parseJsonObject(text, path);
    expectStrings(path, value, 'args');
    // One rest: each copies what is left.
    const {
      exec,
      create,
      durable,
      containerdStdin,
      containerdStdout,
      containerdStderr,
      runtimeArgs,
      noPivotRoot,
      checkpoint,
      rootUID,
      rootGID,
      labels,
      key,
      log,
      ...spec
    } = value;
    const state = {
      exec: exec === true,
      create: create === true,
      durable: durable === true,
      containerdStdin: stdioPath(path, 'containerdStdin', containerdStdin),
      containerdStdout: stdioPath(path, 'containerdStdout', containerdStdout),
      containerdStderr: stdioPath(path, 'containerdStderr', containerdStderr),
      runtimeArgs: Array.isArray(runtimeArgs) ? runtimeArgs.map(String) : [],
      noPivotRoot: noPivotRoot === true,
      checkpoint: stringOr(checkpoint, ''),
      rootUID: Number(rootUID ?? 0),
      rootGID: Number(rootGID ?? 0),
      key: keyOf({ key }, path),
      ...(Array.isArray(labels) ? { labels: labels.filter((label) => typeof label === 'string') } : {}),
      ...(isLogSettings(log) ? { log } : {}),
    };
    return { spec: spec as unknown as ProcessSpec, state };
  }

  /**
   * The pid in the runtime's pid file; undefined if that is missing, empty or no pid above 1.
   * Source: `getPidFromFile` of containerd's `process.go` (June 2016).
   */
  readPid(): number | undefined {
    const text = readIfLegible(this.pidFile, MAX_NUMBER_BYTES)?.trim();
    const pid = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : 0;
    return pid > 1 && pid <= 0x7fffffff ? pid : undefined;
  }

  /** The status in `exitStatus`, 0 to 255; undefined if that is missing or empty; NaN if it is anything else. */
  readExitStatus(): number | undefined {
    return this.#readStatus(EXIT_STATUS_FILE);
  }

  /**
   * The status that a shim had written, and not yet renamed to `exitStatus`, when it or the machine ended; undefined if
   * there is none. Call it only if no shim is left.
   */
  readUnnamedExitStatus(): number | undefined {
    const status = this.#readStatus('.exitStatus.tmp');
    // Without `durable`, a power cut may leave any bytes.
    return Number.isNaN(status) ? undefined : status;
  }

  /** The content of `exit.json`; undefined if that is missing or broken. */
  readExitRecord(): Record<string, unknown> | undefined {
    return this.#readSmallJson('exit.json');
  }

  /** The identity that a shim or supervisor recorded; undefined if `identity.json` is missing or broken. */
  readIdentity(): Identity | undefined {
    const recorded = this.#readSmallJson('identity.json') ?? {};
    return identityIn(recorded, recorded.bootId);
  }

  hasIdentity(): boolean {
    return fs.existsSync(`${this.path}/identity.json`);
  }

  /** What the shim recorded of itself beside that; undefined if it did not, or is of another make. */
  readShim(): RecordedShim | undefined {
    const { shim, bootId } = this.#readSmallJson('identity.json') ?? {};
    if (typeof shim !== 'object' || shim === null) return undefined;
    const identity = identityIn(shim, bootId);
    const version = 'version' in shim && typeof shim.version === 'string' ? shim.version : '';
    return identity && { ...identity, version };
  }

  /** Whether a pid or an identity was recorded. */
  wasStarted(): boolean {
    return this.readPid() !== undefined || this.readIdentity() !== undefined;
  }

  /** Records it, unless a shim has done so: that one's record says more, and is not replaced. */
  writeIdentity(identity: Identity): void {
    writeFileOnce(`${this.path}/identity.json`, JSON.stringify(identity) + '\n');
  }

  /** Whether a program recorded that the program of the created container was let run. */
  hasStartedMark(): boolean {
    return fs.existsSync(`${this.path}/started`);
  }

  writeStartedMark(): void {
    writeFileAtomic(`${this.path}/started`, '');
  }

  /** Whether the shim recorded that the runtime has deleted the container. */
  hasDeletedMark(): boolean {
    return fs.existsSync(`${this.path}/deleted`);
  }

  /** Whether the shim logged an error or a warning. */
  hasShimMessages(): boolean {
    return (readIfThere(`${this.path}/shim-log.json`, MAX_LOG_BYTES, 'truncate') ?? '') !== '';
  }

  /** The first error in the shim's log. */
  shimError(): LogMessage | undefined {
    return firstError(this.#log('shim-log.json'));
  }

  /** The first warning in the shim's log. */
  shimWarning(): string | undefined {
    return this.#log('shim-log.json').find(({ level }) => level === 'warning')?.msg;
  }

  /** The first error in the runtime's log. */
  runtimeError(): LogMessage | undefined {
    return firstError(this.#log('log.json'));
  }

  /** Undefined if the file is missing or empty; NaN if it holds anything but a status. */
  #readStatus(name: string): number | undefined {
    const text = readIfThere(`${this.path}/${name}`, MAX_NUMBER_BYTES, 'truncate')?.trim();
    if (text === undefined || text === '') return undefined;
    return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : NaN;
  }

  #readSmallJson(name: string): Record<string, unknown> | undefined {
    const path = `${this.path}/${name}`;
    const text = readIfThere(path, MAX_SMALL_JSON_BYTES, 'truncate');
    if (text === undefined) return undefined;
    try {
      return parseJsonObject(text, path);
    } catch {
      return undefined;
    }
  }

  #log(name: string): LogMessage[] {
    const text = readIfThere(`${this.path}/${name}`, MAX_LOG_BYTES, 'truncate');
    return text === undefined ? [] : parseLog(text);
  }
}

/** As readIfThere(), but anything other than a regular file counts as missing: no shim or runtime wrote it. */
function readIfLegible(path: string, limit: number): string | undefined {
  try {
    return readIfThere(path, limit, 'truncate');
  } catch (error) {
    if (hasCode(error, 'ELOOP', 'ENXIO', 'ERR_INVALID_STATE')) return undefined;
    throw error;
  }
}

/** A path of stdio; '' for none. @throws {OutliveError} `ERR_INVALID_STATE` if no program of ours or the original wrote it. */
function stdioPath(path: string, key: string, value: unknown): string {
  const given = stringOr(value, '');
  if (given === '' || (given.startsWith('/') && isPassable(given))) return given;
  throw new OutliveError('ERR_INVALID_STATE', `${path}: ${key} must be an absolute path`);
}

function stringOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}

function identityIn(members: object, bootId: unknown): Identity | undefined {
  const { pid, startTimeTicks } = members as { pid?: unknown; startTimeTicks?: unknown };
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(startTimeTicks) || typeof bootId !== 'string')
    return undefined;
  return { pid: Number(pid), startTimeTicks: Number(startTimeTicks), bootId };
}
