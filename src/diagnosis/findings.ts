/** The list of what is looked at, in its order. A look that fails is a finding of its own. */
import { messageOf } from '../base/errors.js';
import { cgroupFinding, limitsFinding } from './cgroups.js';
import type { Finding, Found } from './finding.js';
import { hostFinding, nativeFinding, runtimeFinding } from './programs.js';
import { filesFinding, tasksFinding } from './resources.js';
import { rootFinding, spaceFinding } from './state-root.js';
import { initFinding, kernelFinding, procFinding } from './system.js';
import { scopeFinding, unitFinding } from './systemd.js';

/** As `diagnose()`. @param root an absolute path. */
export async function findings(root: string, limitMs: number): Promise<Finding[]> {
  const looks: Record<string, () => Found | Promise<Found>> = {
    kernel: kernelFinding,
    proc: procFinding,
    'pid 1': initFinding,
    'native files': nativeFinding,
    'host runtime': () => hostFinding(limitMs),
    runc: () => runtimeFinding('runc', limitMs),
    crun: () => runtimeFinding('crun', limitMs),
    cgroups: cgroupFinding,
    'host limits': limitsFinding,
    unit: () => unitFinding(limitMs),
    scopes: scopeFinding,
    'open files': filesFinding,
    tasks: tasksFinding,
    'state root': () => rootFinding(root),
    'disk space': () => spaceFinding(root),
  };
  return Promise.all(
    Object.entries(looks).map(async ([name, look]): Promise<Finding> => {
      try {
        return { name, ...(await look()) };
      } catch (error) {
        return { name, level: 'warning', found: `could not be looked at: ${messageOf(error)}` };
      }
    }),
  );
}
