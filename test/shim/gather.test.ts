/**
 * Output of a busy terminal is gathered (native/shim/pump.cc): if the terminal is empty for a moment, the shim waits for more
 * before it writes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { posix } from '../../src/index.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, succeeds, want } from '../support/strict.js';
import { until } from '../support/until.js';

/** The shim's buffer; and how many bytes a terminal has given that counts as busy. */
const BUFFER_BYTES = 131_072;
const BUSY_BYTES = 65_536;

const STRACE = ['strace', '-qq', '-f', '--seccomp-bpf'];

/**
 * A shim under strace(1), which makes every second read of the terminal fail with EAGAIN, however fast the process writes. Only
 * these reads are traced, so that the shim is not slow between them.
 */
function interruptedShim(scratch: Scratch, trace: string): string {
  const path = join(scratch.dir, 'interrupted-shim');
  const filter = ['-P', '/dev/ptmx', '-P', '/dev/pts/ptmx', '-e', 'trace=read', '-s', '0'];
  const inject = ['-e', 'inject=read:error=EAGAIN:when=2+2'];
  const under = [...STRACE, '-o', `'${trace}'`, ...filter, ...inject].join(' ');
  writeFileSync(path, `#!/bin/sh\nexec ${under} '${posix.nativeExecutable('outlive-shim')}' "$@"\n`, { mode: 0o755 });
  return path;
}

/** The reads that found something: how many bytes, and for how many there was room. */
function readsIn(trace: string): { bytes: number; room: number }[] {
  const found = readFileSync(trace, 'utf8').matchAll(/read\(\d+, ""\.\.\., (\d+)\) += ([1-9]\d*)\n/g);
  return [...found].map(([, room, bytes]) => ({ bytes: Number(bytes), room: Number(room) }));
}

const isTraced = installed('strace') && succeeds(STRACE[0] ?? '', [...STRACE.slice(1), '-o', '/dev/null', 'true']);

describe.runIf(want('strace with --seccomp-bpf', isTraced))('a terminal that is empty for a moment', () => {
  test('is waited for if it was busy, and not before', async ({ scratch }) => {
    const trace = join(scratch.dir, 'trace');
    const shim = interruptedShim(scratch, trace);
    const container = await scratch.container('host', { args: ['yes'], terminal: true }, { shim });
    const process = await container.start({ stdio: scratch.fifos(true) });
    process.openStdout().resume();
    // Each of these reads follows one that failed. If the shim had written meanwhile, its buffer would be empty.
    const before = await until('a read into a buffer that is not empty', () => {
      const reads = readsIn(trace);
      const first = reads.findIndex(({ room }) => room < BUFFER_BYTES);
      return first >= 0 && reads.slice(0, first);
    });
    expect(before.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThanOrEqual(BUSY_BYTES);
    process.signal('SIGKILL');
    expect(await process.wait()).toMatchObject({ status: 137 });
  });
});
