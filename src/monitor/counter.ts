/**
 * Reads how many processes of a cgroup the OOM killer has killed: the line `oom_kill` of v1's `memory.oom_control`
 * (since Linux 4.13) or of v2's `memory.events`. The file is kept open, so that a later cgroup of the same name is not
 * read. Does not watch for changes; oom.ts does. Behaviour: the kernel's cgroup-v1/memory.rst and cgroup-v2.rst.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { MemoryCgroup } from '../kernel/cgroup.js';
import { hasCode } from '../base/errors.js';

/** One for all counters, which are read often. The file is shorter. */
const BUFFER = Buffer.allocUnsafe(4096);

/** The number in the line `oom_kill`; undefined if the kernel does not count. */
export function parseOomKills(text: string): number | undefined {
  const match = /^oom_kill (\d+)$/m.exec(text);
  return match === null ? undefined : Number(match[1]);
}

export class OomCounter {
  /** The open file with the counter. */
  readonly fd: number;
  readonly path: string;

  /** Opens the file. @throws a system error, among them ENOENT if there is no such cgroup. */
  constructor({ version, path }: MemoryCgroup) {
    this.path = join(path, version === 1 ? 'memory.oom_control' : 'memory.events');
    this.fd = openSync(this.path, 'r');
  }

  /** The number of kills; `'gone'` if the cgroup was removed; undefined if the kernel does not count. */
  read(): number | 'gone' | undefined {
    try {
      return parseOomKills(BUFFER.toString('latin1', 0, readSync(this.fd, BUFFER, 0, BUFFER.length, 0)));
    } catch (error) {
      if (hasCode(error, 'ENODEV', 'ENOENT')) return 'gone';
      throw error;
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}
