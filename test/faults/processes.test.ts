/** The user may make no further process: the start fails with the system's own error, and leaves nothing. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { installed, isRoot, wantRight } from '../support/strict.js';

const program = fileURLToPath(new URL('../fixtures/out-of-processes.mjs', import.meta.url));
const possible = wantRight('root and prlimit (Debian: util-linux)', isRoot && installed('prlimit'));

test.skipIf(!possible)('out of processes: the start fails with EAGAIN, and leaves nothing', async () => {
  const { stdout } = await promisify(execFile)('prlimit', ['--nproc=1:1', process.execPath, program], {
    timeout: 20_000,
  });
  expect(JSON.parse(stdout)).toEqual({ code: 'EAGAIN', syscall: 'spawn', left: ['.lock', 'state.json'] });
});
