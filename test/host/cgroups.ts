// Whether the machine lets the host runtime make cgroups.
import { accessSync, constants, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** The directory of the caller's cgroup v2; '' if there is none. */
export function ownCgroup(): string {
  const own = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  const mount = /^\S+ \S+ \S+ \/ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
  return own === undefined || mount === undefined ? '' : join(mount, own);
}

/** Whether the caller may make a cgroup v2 below its own. If not, the runtime finds members by /proc. */
export function cgroupsWork(): boolean {
  const own = ownCgroup();
  if (own === '') return false;
  const probe = join(own, `outlive-probe-${process.pid}`);
  try {
    mkdirSync(probe);
    accessSync(join(probe, 'cgroup.procs'), constants.W_OK);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}
