/** Makes a process directory: process.json and the FIFOs, before the shim is started. Seed: `newProcess`. */
import { closeSync, lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { ensureFifo, openFifoReader } from '../disk/fifo.js';
import type { ProcessSpec } from '../oci/types.js';
import { makeDirectory } from '../disk/files.js';
import type { ProcessDir, ProcessState } from './process.js';

/** What a start puts into a process directory beside the FIFOs. */
const START_FILES = [
  'process.json',
  'pid',
  'identity.json',
  'started',
  'exitStatus',
  'deleted',
  'exit.json',
  'shim-log.json',
  'log.json',
  'console.sock',
  'restore-work',
  '.runtime',
];

/** What a start has made of a process directory so far. */
export interface MadeProcess {
  /** Removes what the start made, and nothing that was there before or is another process's by now. */
  undo(): void;
  /**
   * The start is over, well or not. Until then `control` is open for reading here: so another supervisor that loads the
   * process before there is a shim sees that somebody is about to start one, and that nobody is as soon as we are dead.
   */
  release(): void;
}

/**
 * Makes the directory (or takes over one that a supervisor left before it wrote process.json) and all in it.
 * @throws {OutliveError} `ERR_INVALID_STATE` when a process, or something that is no FIFO, is in the way. Nothing is left.
 */
export function makeProcessDir(dir: ProcessDir, spec: ProcessSpec, state: ProcessState): MadeProcess {
  const isNew = makeOrTakeOver(dir);
  const fifos: string[] = [];
  const undo = (): void => {
    if (dir.hasProcess() && !dir.isCurrent()) return;
    const paths = isNew ? [dir.path] : [...fifos, ...START_FILES.map((name) => join(dir.path, name))];
    for (const path of paths) rmSync(path, { recursive: true, force: true });
  };
  let controlFd: number | undefined;
  const release = (): void => {
    if (controlFd !== undefined) closeSync(controlFd);
    controlFd = undefined;
  };
  try {
    for (const path of [dir.exitFifo, dir.controlFifo]) {
      if (ensureFifo(path)) fifos.push(path);
    }
    controlFd = openFifoReader(dir.controlFifo);
    dir.writeProcess(spec, state);
    return { undo, release };
  } catch (error) {
    release();
    undo();
    throw error;
  }
}

/** True when the directory is new, false when it was there and holds no process. */
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
