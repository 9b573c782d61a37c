/** Runs a command of the runtime (state, pause, delete …). It does not block the event loop, and has a time limit. */
import { closeSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { findRuntime } from '../disk/programs.js';
import { readText } from '../disk/files.js';
import * as posix from '../posix/index.js';
import { ownedName } from '../disk/names.js';
import { within } from '../base/promises.js';
import { runtimeArgv } from './args.js';
import { firstError, parseLog } from '../state/log.js';
import type { ContainerDir } from '../state/container.js';

/** What is read of a runtime's output or log: a runtime that prints without end must not fill our memory. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Which container, which runtime it has, and how to call that. */
export interface RuntimeTarget {
  readonly id: string;
  readonly bundle: string;
  readonly runtime: string;
  readonly runtimeArgs: readonly string[];
  readonly dir: ContainerDir;
  readonly timeoutMs: number;
}

/** The files that one call writes. */
interface Output {
  readonly log: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutFd: number;
  readonly stderrFd: number;
}

/**
 * Runs one command of the runtime to its end.
 * @param command one of `commands` of runtime-args.ts.
 * @returns what it printed on stdout.
 * @throws {OutliveError} `ERR_NOT_INSTALLED`; `ERR_OCI_RUNTIME` when it failed, with the first error of its log, or did
 *   not end within `timeoutMs` (it is killed then, and all of its process group).
 */
export async function runRuntime(target: RuntimeTarget, command: readonly string[]): Promise<string> {
  const output = openOutput(target.dir.path);
  try {
    const child = await posix.spawn(findRuntime(target.runtime), runtimeArgv(target, output.log, command), {
      stdio: [null, output.stdoutFd, output.stderrFd],
      setpgid: true,
    });
    const inTime = await within(child.exited, target.timeoutMs);
    // Our child and not reaped: its pid still names its process group, in which a checkpoint's criu is.
    if (inTime === undefined && child.pidfd >= 0) posix.kill(-child.pid, 'SIGKILL');
    const { code, signal } = await child.exited;
    if (code === 0) return readText(output.stdout, MAX_OUTPUT_BYTES, 'truncate');
    const reason = inTime === undefined ? `did not end in ${target.timeoutMs} ms` : reasonIn(output);
    throw runtimeError(command, reason ?? `ended with ${signal ?? code}`);
  } finally {
    closeSync(output.stdoutFd);
    closeSync(output.stderrFd);
    for (const path of [output.log, output.stdout, output.stderr]) rmSync(path, { force: true });
  }
}

/** The error for a command of the runtime that did not do what it should. */
export function runtimeError(command: readonly string[], reason: string, cause?: unknown): OutliveError {
  const message = `oci runtime error: ${command[0] ?? ''}: ${reason}`;
  return new OutliveError('ERR_OCI_RUNTIME', message, cause === undefined ? {} : { cause });
}

/** In the container's directory; where that is gone or can't be written, what the runtime holds must go all the same. */
function openOutput(dir: string): Output {
  const name = ownedName('run');
  try {
    return openIn(join(dir, name));
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EROFS', 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM')) throw error;
    return openIn(join(tmpdir(), `outlive${name}`));
  }
}

function openIn(log: string): Output {
  const [stdout, stderr] = [`${log}.out`, `${log}.err`];
  const stdoutFd = openSync(stdout, 'wx', 0o600);
  try {
    return { log, stdout, stderr, stdoutFd, stderrFd: openSync(stderr, 'wx', 0o600) };
  } catch (error) {
    closeSync(stdoutFd);
    rmSync(stdout, { force: true });
    throw error;
  }
}

/** The first error of the log; of a runtime that wrote none (crun, of a command that it does not know) what it printed. */
function reasonIn({ log, stderr }: Output): string | undefined {
  const logged = textOf(log);
  const message = logged === undefined ? undefined : firstError(parseLog(logged));
  return (
    message ??
    textOf(stderr)
      ?.split('\n')
      .find((line) => line.trim() !== '')
  );
}

function textOf(path: string): string | undefined {
  try {
    return readText(path, MAX_OUTPUT_BYTES, 'truncate');
  } catch {
    return undefined;
  }
}
