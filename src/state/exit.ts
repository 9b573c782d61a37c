/** How a process ended: reads what the shim recorded, and finds the reason if there is no status. */
import { isShortage, messageOf } from '../base/errors.js';
import { currentBootId } from '../kernel/identity.js';
import { signalName } from '../posix/signals.js';
import type { ProcessDir } from './process.js';

/** What the shipped shim records beside the status; see waitid(2), getrusage(2). */
export interface ExitRecord {
  /** The exit code, 0 to 255; null if a signal ended it. */
  readonly code: number | null;
  /** The signal that ended it (`'SIGKILL'`, `'SIGRTMIN+3'`), else null. */
  readonly signal: string | null;
  /** Whether the kernel wrote a core dump of it. */
  readonly coreDumped: boolean;
  /** When the shim reaped it, in milliseconds since 1970. */
  readonly endedAtMs: number;
  /** Processor time of the process and of the children that it waited for, in microseconds. */
  readonly userTimeUs: number;
  /** The same, in the kernel. */
  readonly systemTimeUs: number;
  /** The largest resident memory of it, or of one such child, in bytes. */
  readonly maxRssBytes: number;
  /**
   * Of a container's first process: how many processes in its memory cgroup the kernel's OOM killer had killed by then.
   * Missing if that is not known: the shim is in the same cgroup (the host runtime), the kernel does not count, or the
   * shim is of an older release.
   */
  readonly oomKills?: number;
}

/** The end of a process. It never changes. */
export interface Exit {
  /** 0 to 255: the exit code, or 128+n for signal n; undefined if the end is lost. */
  readonly status: number | undefined;
  /** Set if no program recorded the end: the reason. */
  readonly lost?: string;
  /** Details; missing if the shim is not the shipped one. */
  readonly record?: ExitRecord;
}

/**
 * Reads the end of a process whose shim is gone. If no status is recorded, the end is lost; a status is never guessed.
 * @throws a system error if the state can't be read for now (EMFILE, ENFILE, ENOMEM): then the end is not lost.
 */
export function readExit(dir: ProcessDir): Exit {
  try {
    const status = dir.readExitStatus() ?? dir.readUnnamedExitStatus();
    const record = status === undefined ? undefined : readRecord(dir);
    const reason = status === undefined ? reasonOf(dir) : '';
    // Compare the key last: if the path still is this process's, what was read above is its own.
    if (!dir.isCurrent()) return lost('its directory was removed');
    if (status === undefined) return lost(reason);
    if (Number.isNaN(status)) return lost('exitStatus holds no status');
    return record === undefined ? { status } : { status, record };
  } catch (error) {
    if (isShortage(error)) throw error;
    return lost(messageOf(error));
  }
}

/**
 * Whether an end is recorded, also if `exitStatus` is not readable as a status.
 * @throws a system error if it can't be read for now (EMFILE, ENFILE, ENOMEM).
 */
export function isRecorded(dir: ProcessDir): boolean {
  try {
    return dir.readExitStatus() !== undefined;
  } catch (error) {
    if (isShortage(error)) throw error;
    return true;
  }
}

function reasonOf(dir: ProcessDir): string {
  if (!dir.exists()) return 'its directory was removed';
  if (!dir.wasStarted()) {
    const error = (dir.shimError() ?? dir.runtimeError())?.msg;
    return `the process was never started${error === undefined ? '' : `: ${error}`}`;
  }
  const bootId = dir.readIdentity()?.bootId;
  if (bootId !== undefined && bootId !== currentBootId()) return 'the machine was started anew meanwhile';
  const error = dir.shimError()?.msg;
  return `the shim ended without recording an exit status${error === undefined ? '' : `: ${error}`}`;
}

function readRecord(dir: ProcessDir): ExitRecord | undefined {
  const raw = dir.readExitRecord();
  if (raw === undefined) return undefined;
  const { code, signal, coreDumped, oomKills, ...numbers } = raw;
  const { endedAtMs, userTimeUs, systemTimeUs, maxRssBytes } = numbers;
  if (![endedAtMs, userTimeUs, systemTimeUs, maxRssBytes].every(Number.isSafeInteger)) return undefined;
  // No calendar has it.
  if (Math.abs(Number(endedAtMs)) > 8.64e15) return undefined;
  return {
    code: typeof code === 'number' ? code : null,
    signal: typeof signal === 'number' ? signalName(signal) : null,
    coreDumped: coreDumped === true,
    endedAtMs: Number(endedAtMs),
    userTimeUs: Number(userTimeUs),
    systemTimeUs: Number(systemTimeUs),
    maxRssBytes: Number(maxRssBytes),
    ...(typeof oomKills === 'number' ? { oomKills } : {}),
  };
}

function lost(reason: string): Exit {
  return { status: undefined, lost: reason };
}
