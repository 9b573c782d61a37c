/**
 * Makes a process directory: process.json, the FIFOs and the log's directory, before the shim is started.
 * Source: `newProcess` of containerd's `process.go` (June 2016).
 */
import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { ensureFifo, openFifoReader } from '../disk/fifo.js';
import type { ProcessSpec } from '../oci/types.js';
import { makeDirectory, removeMade } from '../disk/files.js';
import { closeOwned } from '../posix/owned.js';
import { type MadeLog, makeLog } from './output-log.js';
import type { ProcessDir, ProcessState } from './process.js';

/** The names, beside the FIFOs, that a start makes in a process directory. */
const START_FILES = [
  'process.json',
  'pid',
  'identity.json',
  'started',
  'exitStatus',
  '.exitStatus.tmp',
  'deleted',
  'exit.json',
  '.exit.json.tmp',
  'shim-log.json',
  'log.json',
  'console.sock',
  'restore-work',
  '.runtime',
];

/** What a start has made in a process directory. */
export interface MadeProcess {
  /** Removes what the start made. Keeps what was there before. Does nothing if the path is another process's by now. */
  undo(): void;
  /**
   * To be called when the start is over, whether it succeeded or failed. Closes `control`, which is open for reading
   * until then: so another supervisor that loads the process before there is a shim sees that a shim will come. If this
   * program dies, the kernel closes it, and that supervisor sees that none will.
   */
  release(): void;
}

/**
 * Makes the directory and its contents. Takes over a directory that a supervisor left before it wrote process.json.
 * After a failure nothing of the start is left. The caller holds the container's lock.
 * @param stdioFifos the FIFOs to make for stdio.
 * @throws {OutliveError} `ERR_INVALID_STATE` if there is a process, or a file that is not a FIFO of this user, or if the
 *   directory for the log is not an empty one of this user; a system error.
 */
export async function makeProcessDir(
  dir: ProcessDir,
  spec: ProcessSpec,
  state: ProcessState,
  stdioFifos: readonly string[],
): Promise<MadeProcess> {
  const isNew = makeOrTakeOver(dir);
  const fifos: string[] = [];
  let log: MadeLog | undefined;
  const undo = (): void => {
    if (dir.hasProcess() && !dir.isCurrent()) return;
    log?.undo();
    const files = [...fifos, ...START_FILES.map((name) => join(dir.path, name))];
    if (isNew) removeMade(files, [dir.path]);
    else for (const path of files) rmSync(path, { recursive: true, force: true });
  };
  let controlFd: number | undefined;
  const release = (): void => {
    if (controlFd !== undefined) closeOwned(controlFd);
    controlFd = undefined;
    log?.release();
  };
  try {
    for (const path of [dir.exitFifo, dir.controlFifo, ...stdioFifos]) {
      if (ensureFifo(path)) fifos.push(path);
    }
    if (state.log !== undefined) log = makeLog(state.log.dir, dir.path, state.key);
    controlFd = openFifoReader(dir.controlFifo);
    // Nobody takes it for a process before process.json is there.
    await ownTurn();
    dir.writeProcess(spec, state);
    return { undo, release };
  } catch (error) {
    release();
    undo();
    throw error;
  }
}

/** Returns true if the directory is new, false if it existed and holds no process. */
function makeOrTakeOver(dir: ProcessDir): boolean {
  try {
    makeDirectory(dir.path);
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  const stat = lstatSync(dir.path);
  if (!stat.isDirectory() || stat.uid !== process.geteuid?.()) {
    throw new OutliveError('ERR_INVALID_STATE', `${dir.path}: is there already and is no directory of ours`);
  }
  if (dir.hasProcess()) throw new OutliveError('ERR_INVALID_STATE', `${dir.path}: holds a process already`);
  return false;
}
