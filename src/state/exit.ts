/** How a process ended, as far as anybody recorded it. */
import { hasCode, messageOf } from '../base/errors.js';
import { currentBootId } from '../kernel/identity.js';
import { signalName } from '../posix/signals.js';
import type { ProcessDir } from './process.js';

/** What more the shipped shim knows of an end; waitid(2), getrusage(2). */
export interface ExitRecord {
  /** The exit code, 0 to 255; null when a signal ended it. */
  readonly code: number | null;
  /** The signal that ended it (`'SIGKILL'`, `'SIGRTMIN+3'`), else null. */
  readonly signal: string | null;
  readonly coreDumped: boolean;
  /** When the shim saw it, in milliseconds since 1970. */
  readonly endedAtMs: number;
  /** Processor time of the process and the children that it waited for, in microseconds. */
  readonly userTimeUs: number;
  readonly systemTimeUs: number;
  /** The most memory that it or one such child had resident, in bytes. */
  readonly maxRssBytes: number;
}

/** The one definite end of a process. */
export interface Exit {
  /** 0 to 255: the exit code, or 128+n for signal n; undefined when the end is lost. */
  readonly status: number | undefined;
  /** Why no status is known: nobody recorded this process's end. */
  readonly lost?: string;
  /** More about it; missing where the shim is not ours. */
  readonly record?: ExitRecord;
}

/**
 * The end of a process whose shim is gone; a status is never invented.
 * @throws a system error when the state can't be read for now (EMFILE …): then the end is not lost.
 */
export function readExit(dir: ProcessDir): Exit {
  try {
    const status = dir.readExitStatus();
    const record = status === undefined ? undefined : readRecord(dir);
    const reason = status === undefined ? reasonOf(dir) : '';
    // Last: the path was this process's until now, so what was read above is its own.
    if (!dir.isCurrent()) return lost('its directory was removed');
    if (status === undefined) return lost(reason);
    if (Number.isNaN(status)) return lost('exitStatus holds no status');
    return record === undefined ? { status } : { status, record };
  } catch (error) {
    if (isPassing(error)) throw error;
    return lost(messageOf(error));
  }
}

/**
 * Whether an end is recorded, legibly or not.
 * @throws a system error if that can't be read for now (EMFILE …).
 */
export function isRecorded(dir: ProcessDir): boolean {
  try {
    return dir.readExitStatus() !== undefined;
  } catch (error) {
    if (isPassing(error)) throw error;
    return true;
  }
}

/** Whether another attempt may succeed: descriptors or memory are short. */
function isPassing(error: unknown): boolean {
  return hasCode(error, 'EMFILE', 'ENFILE', 'ENOMEM');
}

function reasonOf(dir: ProcessDir): string {
  if (!dir.exists()) return 'its directory was removed';
  if (!dir.wasStarted()) {
    const error = dir.shimError() ?? dir.runtimeError();
    return `the process was never started${error === undefined ? '' : `: ${error}`}`;
  }
  const bootId = dir.readIdentity()?.bootId;
  if (bootId !== undefined && bootId !== currentBootId()) return 'the machine was started anew meanwhile';
  const error = dir.shimError();
  return `the shim ended without recording an exit status${error === undefined ? '' : `: ${error}`}`;
}

function readRecord(dir: ProcessDir): ExitRecord | undefined {
  const raw = dir.readExitRecord();
  if (raw === undefined) return undefined;
  const { code, signal, coreDumped, ...numbers } = raw;
  const { endedAtMs, userTimeUs, systemTimeUs, maxRssBytes } = numbers;
  return {
    code: typeof code === 'number' ? code : null,
    signal: typeof signal === 'number' ? signalName(signal) : null,
    coreDumped: coreDumped === true,
    endedAtMs: Number(endedAtMs),
    userTimeUs: Number(userTimeUs),
    systemTimeUs: Number(systemTimeUs),
    maxRssBytes: Number(maxRssBytes),
  };
}

function lost(reason: string): Exit {
  return { status: undefined, lost: reason };
}
