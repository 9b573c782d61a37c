/** A supervisor that is pid 1 of a pid namespace, or a subreaper: shims are its to reap, also those of a dead supervisor. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { runtimeArgs, writeTestBundle } from '../support/bundles.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, succeeds, wantRight } from '../support/strict.js';

const PROGRAM = fileURLToPath(new URL('../fixtures/first-process.mjs', import.meta.url));
const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
const LIMIT_MS = 60_000;

async function run(scratch: Scratch, runtime: string, subreaper: boolean, prefix: string[]): Promise<unknown> {
  const bundle = await writeTestBundle(scratch.mkdir('bundle'), runtime, { args: ['sleep', '1000'] });
  const common = { root: scratch.root, bundle, runtime, runtimeArgs: runtimeArgs(runtime, scratch.dir) };
  const request = JSON.stringify({ ...common, id: scratch.newId(), subreaper });
  const command = [...prefix, process.execPath, PROGRAM, request];
  const { stdout } = await promisify(execFile)('env', command, { timeout: LIMIT_MS });
  return JSON.parse(stdout);
}

const expected = { statuses: [9, 137, 9, 137], adopted: 1, left: [] };

describe.for(runtimes)('on %s', { timeout: 2 * LIMIT_MS }, (runtime) => {
  describe.runIf(wantRight('root, for a pid namespace', isRoot && succeeds('unshare', [...UNSHARE.slice(1), 'true'])))(
    'in a pid namespace',
    () => {
      test('pid 1 has no zombie left, and all statuses are exact', async ({ scratch }) => {
        expect(await run(scratch, runtime, false, UNSHARE)).toEqual({ pid: 1, ...expected });
      });
    },
  );

  test('a subreaper has no zombie left, and all statuses are exact', async ({ scratch }) => {
    expect(await run(scratch, runtime, true, [])).toMatchObject(expected);
  });
});
