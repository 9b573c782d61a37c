/**
 * Asks a program something: runs it without input, and returns what it prints. Never keeps this program from ending, and never
 * waits longer than it is told to. Does not own the meaning of the answer.
 */
import { closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as posix from '../posix/index.js';
import { openUnnamed, readUnnamed } from './files.js';
import { findProgram } from './programs.js';

export interface Question {
  /** The whole environment. Default: this program's. */
  readonly env?: NodeJS.ProcessEnv;
  /** After this many milliseconds the program gets SIGKILL. */
  readonly limitMs: number;
  /** The most bytes to read of its answer. */
  readonly maxBytes: number;
}

/**
 * Runs a program to its end.
 * @param program a name on PATH, or a path.
 * @returns what it printed to stdout, without white space around it, also if it failed.
 * @throws {OutliveError} `ERR_NOT_INSTALLED`; a system error if it can't be run.
 */
export async function askProgram(
  program: string,
  args: readonly string[],
  { env = process.env, limitMs, maxBytes }: Question,
): Promise<string> {
  const answerFd = openUnnamed(tmpdir());
  try {
    const child = await posix.spawn(findProgram(program), args, { stdio: [null, answerFd, null], env });
    // Neither of them keeps a program from ending.
    child.unref();
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs).unref();
    await child.exited.finally(() => clearTimeout(timer));
    return readUnnamed(answerFd, maxBytes).trim();
  } finally {
    closeSync(answerFd);
  }
}
