/**
 * A container's directory: the names in it and how each file is read and written. The bytes are described in
 * docs/protocol.md; names and bytes of the original's files are those of containerd's `process.go` (June 2016).
 * Files are 0600 and directories 0700, whatever the umask.
 */
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { HeldFile, flush, makeDirectory, readText, removeMade, removeTree, writeNewFile } from '../disk/files.js';
import { expectStrings, expectType, parseJsonObject, stringifyProcess } from '../disk/json.js';
import { ownedName } from '../disk/names.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import { KeyedDirectory, inodeOf, keyOf } from './key.js';
import { ContainerLock, lockPath, makeLockFile } from './lock.js';
import { ProcessDir } from './process.js';
import { checkOwnDirectory, idsIn } from './root.js';

/**
 * The bundle that the library makes for a container of `run()`. In the directory of the first process, as the host runtime's state
 * is, because containerd takes each directory in a container's for a process.
 */
const OWN_BUNDLE = join(INIT_PROCESS_ID, '.bundle');

/** The directory of the host runtime's state. No process can have this id. */
const HOST_RUNTIME_DIR = '.runtime';

const MAX_STATE_BYTES = 16 * 1024 * 1024;

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
  /** Whether what makes its recorded ends is flushed to the disk. Ours; written only if true. */
  durable: boolean;
  /** The container's key (key.ts). Ours. */
  key: string;
  /**
   * The environment variables from which the runtime takes the directory of its state, as they were at `create`. If one
   * is missing, it was not set. If all of `runtimeEnv` is missing, another program wrote the file. Ours.
   */
  runtimeEnv?: Record<string, string>;
  /** `'systemd'` if its shims are started in scopes of systemd. Missing if not. Ours. */
  scope?: string;
}

/** `<state root>/<container id>`. */
export class ContainerDir extends KeyedDirectory {
  /** @param key the key of the container that is meant. Default: any container at this path. */
  constructor(root: string, id: string, key?: string) {
    super(join(root, id), key);
  }

  get root(): string {
    return dirname(this.path);
  }

  get id(): string {
    return basename(this.path);
  }

  protected override get keyFile(): string {
    return this.stateFile;
  }

  /** @throws {OutliveError} `ERR_CONTAINER_NOT_FOUND` if the container that is meant was deleted. */
  requireCurrent(): void {
    if (!this.isCurrent()) throw this.notFound();
  }

  notFound(cause?: unknown): OutliveError {
    return new OutliveError('ERR_CONTAINER_NOT_FOUND', `no container ${this.id} in ${this.root}`, { cause });
  }

  /**
   * Makes a container's directory with its state.json, whole or not at all. If the state says `durable`, it is on the
   * disk when this resolves.
   * @throws {OutliveError} `ERR_CONTAINER_EXISTS` if the name is taken; a system error if the root is missing or can't
   *   be written.
   */
  static async create(root: string, id: string, state: ContainerState): Promise<ContainerDir> {
    const { dir } = await ContainerDir.#make(root, id, state, (made) => {
      makeLockFile(made.path);
      return undefined;
    });
    return dir;
  }

  /**
   * As create(), with a bundle in the directory that has this config.json; the state names that as its bundle. The container's
   * lock is held from before the directory gets its name: so who finds it can tell whether its maker lives.
   */
  static async createHeld(
    root: string,
    id: string,
    state: ContainerState,
    config: object,
  ): Promise<{ dir: ContainerDir; lock: ContainerLock }> {
    return ContainerDir.#make(root, id, state, (made) => {
      made.#makeBundle(config);
      return ContainerLock.ofNew(made.path, join(root, id));
    });
  }

  static async #make<L extends ContainerLock | undefined>(
    root: string,
    id: string,
    state: ContainerState,
    fill: (made: ContainerDir) => L,
  ): Promise<{ dir: ContainerDir; lock: L }> {
    // Check the root first, so that an error names the root and not the temporary name in it.
    if (fs.statSync(root).isDirectory()) fs.accessSync(root, fs.constants.W_OK | fs.constants.X_OK);
    const made = new ContainerDir(root, ownedName('new'));
    makeDirectory(made.path);
    let lock: L | undefined;
    try {
      lock = fill(made);
      made.writeState(state);
      const dir = new ContainerDir(root, id, state.key);
      if (state.durable) await flush(join(made.path, 'state.json'), made.path);
      // From here on it is known by its directory too, should its file be damaged.
      dir.noteMade(made);
      fs.renameSync(made.path, dir.path);
      if (state.durable) await flush(root).catch((error: unknown) => undo(dir, error));
      return { dir, lock };
    } catch (cause) {
      lock?.release();
      made.#removeMade();
      // These codes mean: the name is taken by a file, or by a directory that is not empty.
      if (!hasCode(cause, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR')) throw cause;
      throw new OutliveError(
        'ERR_CONTAINER_EXISTS',
        `container ${id} exists in ${root}: take another id, or remove it first`,
        { cause },
      );
    }
  }

  /**
   * The directory of the host runtime's state of this container. It is in the directory of the first process, because
   * containerd takes each directory in a container's for a process. Older releases had it in the container's directory.
   */
  get hostRuntimeRoot(): string {
    const old = `${this.path}/${HOST_RUNTIME_DIR}`;
    return fs.existsSync(old) ? old : join(this.path, INIT_PROCESS_ID, HOST_RUNTIME_DIR);
  }

  /** The bundle that `create()` makes if it is given a config. */
  get ownBundle(): string {
    return `${this.path}/${OWN_BUNDLE}`;
  }

  /** Undoes what create() has made so far. */
  #removeMade(): void {
    const files = [this.stateFile, lockPath(this.path), join(this.ownBundle, 'config.json')];
    removeMade(files, [this.ownBundle, join(this.path, INIT_PROCESS_ID), this.path]);
  }

  #makeBundle(config: object): void {
    makeDirectory(join(this.path, INIT_PROCESS_ID));
    makeDirectory(this.ownBundle);
    writeNewFile(join(this.ownBundle, 'config.json'), stringifyProcess(config) + '\n');
  }

  /** @param key the key of the process that is meant. Default: any process at this path. */
  process(id: string, key?: string): ProcessDir {
    return new ProcessDir(`${this.path}/${id}`, key);
  }

  /** The ids of the processes that have a directory; none if the container's directory is gone. */
  processIds(): string[] {
    return idsIn(this.path);
  }

  /** Removes it with all its contents. It is renamed first, so no program sees half a container. */
  remove(): Promise<void> {
    return removeTree(this.path);
  }

  get stateFile(): string {
    return `${this.path}/state.json`;
  }

  hasState(): boolean {
    return fs.existsSync(this.stateFile);
  }

  /**
   * Whether this library has made it: it belongs to this user alone, and has the lock. Any other directory may lie in a state root,
   * or what is taken for one.
   */
  isOurs(): boolean {
    try {
      checkOwnDirectory(this.path);
    } catch (error) {
      if (hasCode(error, 'ERR_INVALID_STATE', 'ENOENT', 'ENOTDIR')) return false;
      throw error;
    }
    const lock = fs.lstatSync(lockPath(this.path), { throwIfNoEntry: false });
    return lock?.isFIFO() === true && lock.uid === process.geteuid?.();
  }

  /** Whether it is there and was never completely made: not one that was deleted, and made anew, between two looks. */
  isUnfinished(): boolean {
    const directory = inodeOf(this.path);
    return directory !== undefined && !this.hasState() && inodeOf(this.path) === directory;
  }

  /** Writes state.json of a directory that has no name yet. */
  writeState({ durable, ...state }: ContainerState): void {
    const written = { ...state, durable: durable ? true : undefined };
    writeNewFile(this.stateFile, JSON.stringify(written) + '\n');
  }

  /** Opens and reads state.json. @throws as {@link readState}. */
  openState(): HeldFile {
    return new HeldFile(this.stateFile, MAX_STATE_BYTES);
  }

  /**
   * @param text what was read of state.json.
   * @throws {OutliveError} `ERR_INVALID_STATE` if it is broken; a system error (ENOENT …) if it can't be read.
   */
  readState(text = readText(this.stateFile, MAX_STATE_BYTES)): ContainerState {
    const path = this.stateFile;
    const value = parseJsonObject(text, path);
    for (const key of ['bundle', 'runtime', 'shim']) expectType(path, value, key, 'string');
    for (const key of ['labels', 'runtimeArgs']) expectStrings(path, value, key);
    if (value.runtimeEnv !== undefined) expectType(path, value, 'runtimeEnv', 'object');
    if (value.scope !== undefined) expectType(path, value, 'scope', 'string');
    if (value.noPivotRoot !== undefined) expectType(path, value, 'noPivotRoot', 'boolean');
    const { bundle, labels = [], stdin = '', stdout = '', stderr = '', runtime, runtimeArgs = [], shim } = value;
    const { noPivotRoot = false, durable, runtimeEnv, scope } = value;
    // Not all that the file has: each object with other members has a hidden class of its own, which is larger than it.
    return {
      bundle,
      labels,
      stdin,
      stdout,
      stderr,
      runtime,
      runtimeArgs,
      shim,
      noPivotRoot,
      durable: durable === true,
      key: keyOf(value, path),
      runtimeEnv,
      scope,
    } as ContainerState;
  }
}

async function undo(dir: ContainerDir, reason: unknown): Promise<never> {
  if (dir.isCurrent()) await dir.remove();
  throw reason;
}
