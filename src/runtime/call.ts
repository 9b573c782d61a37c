/**
 * Runs a command of the runtime (state, pause, delete …) without blocking the event loop, and with a time limit.
 * Owns the files for its output and log. args.ts builds the command line; status.ts and stats.ts parse the output.
 * Behaviour: containerd's `container.go` (June 2016), runc(8).
 */
import { closeSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Deadline } from '../base/deadline.js';
import { OutliveError, hasCode, isShortage, messageOf } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { findRuntime } from '../disk/programs.js';
import { runtimeSlots } from '../disk/runtime-slots.js';
import { readText } from '../disk/files.js';
import * as posix from '../posix/index.js';
import { ownedName } from '../disk/names.js';
import { within } from '../base/promises.js';
import { runtimeArgv } from './args.js';
import { runtimeEnvironment } from './environment.js';
import { loggedError } from '../state/failure.js';
import { type LogMessage, firstError, parseLog } from '../state/log.js';
import type { ContainerDir } from '../state/container.js';

/** The most bytes to read of a runtime's output or log, which could be endless. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * How long to wait for a runtime that was sent SIGKILL, in milliseconds. It may be in a system call that SIGKILL does not
 * end (a disk or a network file system that hangs), or be frozen. It is reaped when it ends, whenever that is.
 */
const KILL_LIMIT_MS = 200;

/** A container, its runtime, and how to run that. */
export interface RuntimeTarget {
  readonly id: string;
  readonly bundle: string;
  readonly runtime: string;
  readonly runtimeArgs: readonly string[];
  readonly dir: ContainerDir;
  /** The time limit of a change, in milliseconds, and of a command that is run by itself. */
  readonly timeoutMs: number;
  /** As in state.json. */
  readonly runtimeEnv: Record<string, string> | undefined;
}

/** The runtime ended by itself, with another status than 0: it answered, and the answer is no. Not so a time-out. */
export class RuntimeRefusal extends OutliveError {
  /** Whether the message has more than its exit status. */
  readonly saysWhy: boolean;

  constructor({ code, message, cause }: OutliveError, saysWhy: boolean) {
    super(code, message, { cause });
    this.saysWhy = saysWhy;
  }
}

/** The runtime could not be executed: it is there, but it is no program. `cause` is the system error. */
export class RuntimeNotRun extends OutliveError {}

/** The files to which one command writes; the caller removes them. */
interface Output {
  readonly log: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutFd: number;
  readonly stderrFd: number;
}

/**
 * Runs one command of the runtime, and waits until it has ended. Waits first until this program runs few enough others;
 * that does not count.
 * @param command one of `commands` of args.ts.
 * @param deadline of the operation that the command is a part of. Default: `timeoutMs`.
 * @returns its stdout, at most 16 MiB.
 * @throws {OutliveError} `ERR_NOT_INSTALLED`; `ERR_OCI_RUNTIME` if it failed (the message has the first error in its
 *   log, the first line of its stderr, or its exit status), can't be executed ({@link RuntimeNotRun}) or did not end in
 *   time (its process group is killed then, at most 200 ms later it rejects); a system error if the system is short of
 *   processes, memory or descriptors.
 */
export async function runRuntime(
  target: RuntimeTarget,
  command: readonly string[],
  deadline = new Deadline(target.timeoutMs),
): Promise<string> {
  const leave = await deadline.without(runtimeSlots.enter());
  try {
    if (deadline.isOver) throw timedOut(target, command);
    return await runNow(target, command, deadline);
  } finally {
    leave();
  }
}

async function runNow(target: RuntimeTarget, command: readonly string[], deadline: Deadline): Promise<string> {
  const output = openOutput(target.dir.path);
  try {
    const child = await spawnRuntime(target, output, command);
    const exit = await within(child.exited, deadline.leftMs);
    if (exit === undefined) {
      await kill(child);
      throw timedOut(target, command);
    }
    // What comes now, also in the caller, is not to add up with what other commands do that end at the same time.
    await ownTurn();
    const { code, signal } = exit;
    if (code === 0) return readText(output.stdout, MAX_OUTPUT_BYTES, 'truncate');
    const why = reasonIn(output);
    const ending = { level: 'error', msg: `ended with ${signal ?? code}` };
    const error = loggedError('ERR_OCI_RUNTIME', prefixOf(command), why ?? ending);
    throw code === null ? error : new RuntimeRefusal(error, why !== undefined);
  } finally {
    closeSync(output.stdoutFd);
    closeSync(output.stderrFd);
    for (const path of [output.log, output.stdout, output.stderr]) rmSync(path, { force: true });
  }
}

async function kill(child: posix.Spawned): Promise<void> {
  // The child is not reaped, so its pid still names its process group. A checkpoint's criu is in that group too.
  if (child.pidfd >= 0) posix.kill(-child.pid, 'SIGKILL');
  if ((await within(child.exited, KILL_LIMIT_MS)) === undefined) child.unref();
}

function timedOut({ timeoutMs }: RuntimeTarget, command: readonly string[]): OutliveError {
  return runtimeError(command, `did not end in ${timeoutMs} ms`);
}

/** Makes the error of a failed runtime command: `ERR_OCI_RUNTIME`. */
export function runtimeError(command: readonly string[], reason: string, cause?: unknown): OutliveError {
  const message = `${prefixOf(command)}: ${reason}`;
  return new OutliveError('ERR_OCI_RUNTIME', message, cause === undefined ? {} : { cause });
}

function prefixOf(command: readonly string[]): string {
  return `oci runtime error: ${command[0] ?? ''}`;
}

async function spawnRuntime(
  target: RuntimeTarget,
  { log, stdoutFd, stderrFd }: Output,
  command: readonly string[],
): Promise<posix.Spawned> {
  const runtime = findRuntime(target.runtime);
  try {
    return await posix.spawn(runtime, runtimeArgv(target, log, command), {
      stdio: [null, stdoutFd, stderrFd],
      env: runtimeEnvironment(target.runtimeEnv),
      // This program's own may be gone. All paths in the arguments are absolute.
      cwd: '/',
      setpgid: true,
    });
  } catch (cause) {
    // EAGAIN: there may be no more processes. That says nothing about the program.
    if (isShortage(cause, 'EAGAIN')) throw cause;
    throw new RuntimeNotRun('ERR_OCI_RUNTIME', `${prefixOf(command)}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Makes the files in the container's directory, or in the system's temporary directory if that is not possible: the
 * runtime must be able to delete a container even if the directory is gone or can't be written.
 */
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

/** The first error in the log, else the first line of stderr: crun does not log an unknown command. */
function reasonIn({ log, stderr }: Output): LogMessage | undefined {
  const logged = firstError(parseLog(textOf(log) ?? ''));
  if (logged !== undefined) return logged;
  const line = textOf(stderr)
    ?.split('\n')
    .find((text) => text.trim() !== '');
  return line === undefined ? undefined : { level: 'error', msg: line };
}

function textOf(path: string): string | undefined {
  try {
    return readText(path, MAX_OUTPUT_BYTES, 'truncate');
  } catch {
    return undefined;
  }
}
