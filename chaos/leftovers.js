/** What a round may leave behind beside processes: mounts and cgroups that bear its marker. */
import { readdirSync } from 'node:fs';
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
