/** Makes a process directory: process.json and the FIFOs, before the shim is started. Seed: `newProcess`. */
import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OutliveError, hasCode } from './errors.js';
import { ensureFifo } from './fifo.js';
import type { ProcessSpec } from './spec.js';
import { makeDirectory } from './files.js';
import type { ProcessDir, ProcessState } from './state-dir.js';

/** What a start puts into a process directory beside the FIFOs. */
const START_FILES = [
  'process.json',
  'pid',
  'identity.json',
  'started',
  'exitStatus',
  'exit.json',
  'shim-log.json',
  'log.json',
  'console.sock',
  'restore-work',
];

/**
 * Makes the directory (or takes over one that a supervisor left before it wrote process.json) and all in it.
 * @returns a function that removes what the start made, and nothing that was there before.
 * @throws {OutliveError} `ERR_INVALID_STATE` when a process, or something that is no FIFO, is in the way. Nothing is left.
 */
export function makeProcessDir(dir: ProcessDir, spec: ProcessSpec, state: ProcessState): () => void {
  const isNew = makeOrTakeOver(dir);
  const fifos: string[] = [];
  const undo = (): void => {
    const paths = isNew ? [dir.path] : [...fifos, ...START_FILES.map((name) => join(dir.path, name))];
    for (const path of paths) rmSync(path, { recursive: true, force: true });
  };
  try {
    for (const path of [dir.exitFifo, dir.controlFifo]) {
      if (ensureFifo(path)) fifos.push(path);
    }
    dir.writeProcess(spec, state);
    return undo;
  } catch (error) {
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
