// How a child ended: converts the addon's array of numbers, the result of waitid(2) with resource usage, to an object.
// Owns the order of these numbers, which native/addon/ must match. Behaviour: waitid(2), getrusage(2).
import { signalName } from './signals.js';

/** How a child ended. */
export interface ChildExit {
  /** The exit code, 0 to 255; `null` if a signal ended the child. */
  code: number | null;
  /** The signal that ended the child (`'SIGKILL'`, `'SIGRTMIN+3'`); `null` if it exited. */
  signal: string | null;
  /** Whether the child dumped core. */
  coreDumped: boolean;
  /** Resource usage in the units of `process.resourceUsage()`: times in microseconds, `maxRSS` in KiB. */
  resourceUsage: NodeJS.ResourceUsage;
}

// Values of si_code from <signal.h>.
const CLD_EXITED = 1;
const CLD_DUMPED = 3;

/** Converts the addon's fields: si_code, si_status, then the members of struct rusage in the order of getrusage(2). */
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
