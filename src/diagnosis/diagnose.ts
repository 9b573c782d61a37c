/**
 * Says what of the library works on this machine: the public function, and its documentation. The looks themselves are loaded at
 * the first call (findings.ts), so that the package's import does not pay for them.
 */
import { checkKeys, checkString, checkTimeout } from '../base/arg-checks.js';
import { absolutePath } from '../disk/working-directory.js';
import { defaultRoot } from '../state/root.js';
import type { Finding } from './finding.js';

export interface DiagnoseOptions {
  /** The state root to look at. Default: as `FindOptions.root`. */
  root?: string | undefined;
  /** How long each program that is asked (systemctl, runc …) may take, in milliseconds, 1 to 2147483647. Default 5000. */
  timeoutMs?: number | undefined;
}

/**
 * Looks at the machine, and says what of the library works here, what does not, why, and what to do: the kernel, /proc, cgroups and
 * limits, the unit of systemd and its KillMode, scopes, pid 1, the native files, runtimes, limits of this program, the
 * state root. Changes nothing. Asks several programs at a time, each with a time limit.
 * @returns the findings, always in the same order. What can't be looked at is a finding, too.
 * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; {OutliveError}
 *   `ERR_WORKING_DIRECTORY` if the root is relative and this program's working directory was removed.
 * @see proc(5), cgroups(7), systemd.kill(5)
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Finding[]> {
  checkKeys('options', options, ['root', 'timeoutMs']);
  const { root = defaultRoot(), timeoutMs = 5000 } = options;
  checkString('options.root', root);
  checkTimeout('options.timeoutMs', timeoutMs);
  const path = absolutePath(root);
  const { findings } = await import('./findings.js');
  return findings(path, timeoutMs);
}
