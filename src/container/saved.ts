/**
 * What a process directory says of a process that is brought back, also if process.json is missing or broken. Does not decide
 * whether there is a process; processes.ts does.
 */
import { hasCode, messageOf } from '../base/errors.js';
import type { HeldFile } from '../disk/files.js';
import type { ProcessSpec } from '../oci/types.js';
import type { ContainerDir } from '../state/container.js';
import type { ProcessDir, ProcessState } from '../state/process.js';
import { NULL_DEVICE, type Stdio, newStdio } from '../stdio/stdio.js';

export interface SavedProcess {
  /** With the process's key. */
  readonly dir: ProcessDir;
  readonly spec: ProcessSpec;
  readonly stdio: Stdio;
  readonly state: Pick<ProcessState, 'create' | 'labels' | 'log' | 'rootUID' | 'rootGID'>;
  /** Why process.json could not be read: then spec, stdio and state are empty. */
  readonly problem: string | undefined;
}

const UNREADABLE = ['ERR_INVALID_STATE', 'ELOOP', 'ENOENT'];

/** Opens and reads process.json; undefined if it can't be read: readSaved() tells why. @throws any other system error. */
export function openSaved(dir: ProcessDir): HeldFile | undefined {
  try {
    return dir.openProcess();
  } catch (error) {
    if (!hasCode(error, ...UNREADABLE)) throw error;
    return undefined;
  }
}

/** @param held what openSaved() gave: process.json is not read again. @throws as openSaved(). */
export function readSaved(container: ContainerDir, id: string, held: HeldFile | undefined): SavedProcess {
  const dir = container.process(id);
  try {
    const { spec, state } = dir.readProcess(held?.text);
    const { containerdStdin: stdin, containerdStdout: stdout, containerdStderr: stderr } = state;
    const stdio = { stdin: stdin || NULL_DEVICE, stdout: stdout || NULL_DEVICE, stderr: stderr || NULL_DEVICE };
    return { dir: container.process(id, state.key), spec, stdio, state, problem: undefined };
  } catch (error) {
    if (!hasCode(error, ...UNREADABLE)) throw error;
    const state = { create: false, rootUID: 0, rootGID: 0 };
    const withKey = container.process(id, dir.readKey());
    return { dir: withKey, spec: { args: [] }, stdio: newStdio(), state, problem: messageOf(error) };
  }
}
