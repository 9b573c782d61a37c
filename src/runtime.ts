/** Runs the runtime's own commands (delete, state …) as the library needs them: never on the main thread's back, bounded. */
import { closeSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OutliveError, hasCode } from './errors.js';
import { HOST_RUNTIME, findRuntime } from './executable.js';
import { readText } from './files.js';
import { parseJsonObject } from './json-file.js';
import * as posix from './posix.js';
import { ownedName } from './owned-name.js';
import { within } from './promises.js';
import { firstError, parseLog } from './runtime-log.js';
import type { ContainerDir } from './state-dir.js';

/** What is read of a runtime's output or log: a runtime that prints without end must not fill our memory. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Between two attempts of a delete that failed, in milliseconds. */
const DELETE_RETRY_MS = 50;

/** Which runtime a container has, and how to call it. */
export interface RuntimeCall {
  readonly runtime: string;
  readonly runtimeArgs: readonly string[];
  readonly dir: ContainerDir;
  readonly timeoutMs: number;
}

/**
 * The runtime's global arguments. The host runtime keeps its state in the container's own directory, unless the caller
 * says otherwise, so that two state roots never collide and nothing is left when the directory goes.
 */
export function globalArgs({ runtime, runtimeArgs, dir }: RuntimeCall): string[] {
  const hasRoot = runtimeArgs.some((arg) => /^--?root(=|$)/.test(arg));
  return runtime === HOST_RUNTIME && !hasRoot ? ['--root', dir.hostRuntimeRoot, ...runtimeArgs] : [...runtimeArgs];
}

/**
 * Runs one command of the runtime to its end.
 * @returns what it printed on stdout.
 * @throws {OutliveError} `ERR_NOT_INSTALLED`; `ERR_OCI_RUNTIME` when it failed, or did not end within `timeoutMs` (it is
 *   killed then).
 */
export async function runRuntime(call: RuntimeCall, args: readonly string[]): Promise<string> {
  const { log, out, stdoutFd } = openOutput(call.dir.path);
  const command = ['--log', log, '--log-format', 'json', ...globalArgs(call), ...args];
  try {
    const child = await posix.spawn(findRuntime(call.runtime), command, {
      stdio: [null, stdoutFd, null],
      setpgid: true,
    });
    const inTime = await within(child.exited, call.timeoutMs);
    if (inTime === undefined) child.kill('SIGKILL');
    const { code, signal } = await child.exited;
    if (code === 0) return readText(out, MAX_OUTPUT_BYTES, 'truncate');
    const how =
      inTime === undefined ? `did not end in ${call.timeoutMs} ms` : (errorIn(log) ?? `ended with ${signal ?? code}`);
    throw new OutliveError('ERR_OCI_RUNTIME', `oci runtime error: ${args[0] ?? ''}: ${how}`);
  } finally {
    closeSync(stdoutFd);
    rmSync(out, { force: true });
    rmSync(log, { force: true });
  }
}

/**
 * Has the runtime end and forget a container, if it is ours: another program may have one with the same id.
 * @param running whether something of it may still run: else a runtime that can't be asked at all is no failure.
 * @param cutOff its own run of it was killed: what that left half made has the id, though the runtime knows no such
 *   container.
 * @throws {OutliveError} `ERR_OCI_RUNTIME` when the runtime still has it after `timeoutMs`; `ERR_NOT_INSTALLED`.
 */
export async function deleteFromRuntime(
  call: RuntimeCall,
  id: string,
  bundle: string,
  { running, cutOff = false }: { running: boolean; cutOff?: boolean },
): Promise<void> {
  const deadlineMs = performance.now() + call.timeoutMs;
  for (;;) {
    try {
      const status = await statusOfOurs(call, id, bundle);
      if (status === null || (status === undefined && !cutOff)) return;
      // A frozen process does not die of a signal before it is thawed. If it can't be, delete says so.
      if (status === 'paused') await runRuntime(call, ['resume', id]).catch(() => undefined);
      await runRuntime(call, ['delete', '--force', id]);
      return;
    } catch (error) {
      if (!hasCode(error, 'ERR_OCI_RUNTIME')) {
        if (running) throw error;
        return;
      }
      // The shim deletes it too, when the process has ended: whoever comes second may find nothing, which is as good.
      if (typeof (await statusOfOurs(call, id, bundle)) !== 'string') return;
      // Or the kernel has not let go yet of a killed process's cgroup.
      if (performance.now() > deadlineMs) throw error;
      await delay(DELETE_RETRY_MS);
    }
  }
}

/** What the runtime says of the container; undefined when it knows none, null when that is another bundle's. */
async function statusOfOurs(call: RuntimeCall, id: string, bundle: string): Promise<string | null | undefined> {
  let printed: string;
  try {
    printed = await runRuntime(call, ['state', id]);
  } catch (error) {
    // It knows no such container.
    if (hasCode(error, 'ERR_OCI_RUNTIME')) return undefined;
    throw error;
  }
  const { bundle: stated, status } = parseJsonObject(printed, `${call.runtime} state`);
  // The host runtime's word for half made.
  if (stated === '') return undefined;
  const ours = typeof stated === 'string' && sameFile(stated, bundle);
  return ours && typeof status === 'string' ? status : null;
}

/** By name where a bundle was removed meanwhile. */
function sameFile(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return a === b;
  }
}

/** In the container's directory; where that is gone or can't be written, what the runtime holds must go all the same. */
function openOutput(dir: string): { log: string; out: string; stdoutFd: number } {
  const name = ownedName('run');
  const open = (log: string): ReturnType<typeof openOutput> => {
    const out = `${log}.out`;
    return { log, out, stdoutFd: openSync(out, 'wx', 0o600) };
  };
  try {
    return open(join(dir, name));
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EROFS', 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM')) throw error;
    return open(join(tmpdir(), `outlive${name}`));
  }
}

function errorIn(log: string): string | undefined {
  try {
    return firstError(parseLog(readText(log, MAX_OUTPUT_BYTES, 'truncate')));
  } catch {
    return undefined;
  }
}
