// How a child ended, as waitid(2) with its resource usage (getrusage(2)) tells it. Owns the layout that the addon sends.
import { signalName } from './signals.js';

/** How a child ended. */
export interface ChildExit {
  /** Its exit code, 0 to 255; `null` when a signal ended it. */
  code: number | null;
  /** The signal that ended it (`'SIGKILL'`, `'SIGRTMIN+3'`); `null` when it exited. */
  signal: string | null;
  /** Whether the signal made it dump core. */
  coreDumped: boolean;
  /** What it used, in the units of `process.resourceUsage()`: times in microseconds, `maxRSS` in KiB. */
  resourceUsage: NodeJS.ResourceUsage;
}

// si_code of <signal.h>.
const CLD_EXITED = 1;
const CLD_DUMPED = 3;

/** Reads the addon's fields: si_code, si_status, then struct rusage in its own order. */
export function childExit(fields: readonly number[]): ChildExit {
  const [code = 0, status = 0, ...usage] = fields;
  const field = (index: number): number => usage[index] ?? 0;
  return {
    code: code === CLD_EXITED ? status : null,
    signal: code === CLD_EXITED ? null : signalName(status),
    coreDumped: code === CLD_DUMPED,
    resourceUsage: {
      userCPUTime: field(0),
      systemCPUTime: field(1),
      maxRSS: field(2),
      sharedMemorySize: field(3),
      unsharedDataSize: field(4),
      unsharedStackSize: field(5),
      minorPageFault: field(6),
      majorPageFault: field(7),
      swappedOut: field(8),
      fsRead: field(9),
      fsWrite: field(10),
      ipcSent: field(11),
      ipcReceived: field(12),
      signalsCount: field(13),
      voluntaryContextSwitches: field(14),
      involuntaryContextSwitches: field(15),
    },
  };
}
