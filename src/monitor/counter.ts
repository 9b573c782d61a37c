/**
 * How many processes of one cgroup the OOM killer has killed: the `oom_kill` line of v1's `memory.oom_control` (Linux
 * 4.13) and of v2's `memory.events`. The file is held open, so that a later cgroup of the same name is never read.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { MemoryCgroup } from '../kernel/cgroup.js';
import { hasCode } from '../base/errors.js';

/** The `oom_kill` count; undefined where the kernel tells none. */
export function parseOomKills(text: string): number | undefined {
  const match = /^oom_kill (\d+)$/m.exec(text);
  return match === null ? undefined : Number(match[1]);
}

export class OomCounter {
  /** Of the file with the counter. */
  readonly fd: number;
  readonly path: string;

  /** @throws a system error when there is no such cgroup. */
  constructor({ version, path }: MemoryCgroup) {
    this.path = join(path, version === 1 ? 'memory.oom_control' : 'memory.events');
    this.fd = openSync(this.path, 'r');
  }

  /** The count; `'gone'` when the cgroup was removed, undefined where the kernel counts none. */
  read(): number | 'gone' | undefined {
    const buffer = Buffer.allocUnsafe(4096);
    try {
      return parseOomKills(buffer.toString('latin1', 0, readSync(this.fd, buffer, 0, buffer.length, 0)));
    } catch (error) {
      if (hasCode(error, 'ENODEV', 'ENOENT')) return 'gone';
      throw error;
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}
