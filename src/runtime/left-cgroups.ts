/**
 * Removes the empty cgroups that a runtime leaves if it is killed while it makes a container: runc and crun make them
 * first, and record the container after its hooks, so that their `delete` does not find them. Or if it takes a process for ended
 * that runs: its `delete` removes no cgroup with a process in it. Only cgroups with this
 * container's path are removed, and the kernel removes none that has a process or a cgroup in it.
 * The host runtime records its cgroup before it makes that: nothing is left of it, unless the container can't be loaded any
 * more. Behaviour: cgroups(7); runc's and crun's `linux.cgroupsPath`.
 */
import { readFile, readlink, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../base/errors.js';
import { HOST_RUNTIME } from '../disk/programs.js';
import { cgroupDirectories } from '../kernel/cgroup.js';
import { readBundle } from '../oci/bundle.js';
import type { RuntimeTarget } from './call.js';

/** A killed process is in its cgroup until the kernel has ended it: how often and after how many milliseconds to retry. */
const RETRIES = 20;
const RETRY_MS = 20;

/** Does nothing for the host runtime. Never rejects: what can't be removed stays, as without this. Takes half a second at most. */
export async function removeLeftCgroups({ id, bundle, runtime }: RuntimeTarget): Promise<void> {
  if (runtime === HOST_RUNTIME) return;
  try {
    const cgroup = readBundle(bundle).linux?.cgroupsPath ?? '';
    // `slice:prefix:name` is systemd's: it removes its units by itself.
    if (typeof cgroup !== 'string' || cgroup.includes(':')) return;
    const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
    const cgroups = await readFile('/proc/self/cgroup', 'utf8');
    await Promise.all(cgroupDirectories(cgroup === '' ? id : cgroup, mountinfo, cgroups).map(removeIfEmpty));
  } catch {
    // Ignore: the bundle is gone, or no cgroup is to be seen here.
  }
}

/**
 * The same for a container of the host runtime that can't be loaded any more, so that nobody runs its `delete`: its state
 * has a link to the cgroup. Call it before that is removed. Never rejects.
 * @param root the directory of the runtime's state, `ContainerDir.hostRuntimeRoot`.
 */
export async function removeHostCgroup(root: string, id: string): Promise<void> {
  const cgroup = await readlink(join(root, id, 'cgroup')).catch(() => '');
  if (basename(cgroup).startsWith('outlive-')) await removeIfEmpty(cgroup);
}

async function removeIfEmpty(directory: string): Promise<void> {
  for (let retries = 0; retries < RETRIES; retries++) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      // Anything but EBUSY does not pass: it is not there, or is not ours to remove.
      if (!hasCode(error, 'EBUSY')) return;
    }
    await delay(RETRY_MS);
  }
}
