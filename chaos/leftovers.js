/** What a round may leave behind beside processes: mounts and cgroups that bear its marker. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from '../test/support/proc.js';

/** Mount points whose entry in /proc/self/mountinfo contains the marker. */
export function mountsOf(/** @type {string} */ marker) {
  return readIfThere('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => line.includes(marker))
    .map((line) => line.split(' ')[4] ?? '');
}

/** Cgroups with the marker in their name, at most a few levels down. */
export function cgroupsOf(/** @type {string} */ marker, dir = '/sys/fs/cgroup', depth = 4) {
  /** @type {string[]} */
  const found = [];
  let entries;
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch {
    return found;
  }
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(dir, entry.name);
    if (entry.name.includes(marker)) found.push(path);
    else if (depth > 1) found.push(...cgroupsOf(marker, path, depth - 1));
  }
  return found;
}

/**
 * Removes a directory in which a shim may make files meanwhile. The retries of rmSync() do not list the directory again, and
 * so never remove these.
 */
export function removeWhileUsed(/** @type {string} */ dir) {
  for (let tries = 10; ; tries--) {
    try {
      return rmSync(dir, { recursive: true, force: true });
    } catch (error) {
      if (tries === 0 || /** @type {any} */ (error).code !== 'ENOTEMPTY') throw error;
    }
  }
}
