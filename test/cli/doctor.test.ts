/** `outlive doctor`: its words, its exit code, and what it says where the library cannot even be loaded. */
import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { Finding } from '../../src/index.js';
import { main, test } from './command.js';

test('a line for each finding, and what to do below it; the code is 0 without an error', async ({ jobs }) => {
  const { stdout, stderr, code } = await jobs.outlive(['doctor']);
  expect([stderr, code]).toEqual(['', 0]);
  const findings = await jobs.json<Finding[]>(['doctor', '--json']);
  const names = stdout.split('\n').flatMap((line) => /^(?:ok|warning|error) +(\S+(?: \S+)*) {2}/.exec(line)?.[1] ?? []);
  expect(names).toEqual(findings.map(({ name }) => name));
  for (const { name, advice } of findings) {
    // Whether pid 1 is slow to reap what other tests leave to it differs from one look to the next.
    if (advice !== undefined && name !== 'pid 1') expect(stdout).toContain(`→ ${advice}\n`);
  }
});

test('an error is told, and the code is 1', async ({ jobs }) => {
  chmodSync(jobs.root, 0o777);
  const { stdout, code } = await jobs.outlive(['doctor']);
  chmodSync(jobs.root, 0o700);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^error +state root +.*others may write to it \(mode 777\)/m);
  const missing = join(jobs.root, 'missing');
  expect((await jobs.outlive(['--root', missing, 'doctor'])).code).toBe(0);
  expect(existsSync(missing)).toBe(false);
});

test('no colour in a pipe, nor with NO_COLOR', async ({ jobs }) => {
  // eslint-disable-next-line no-control-regex
  expect((await jobs.outlive(['doctor'], { NO_COLOR: '' })).stdout).not.toMatch(/\x1b/);
});

test('where the addon does not load, that is the finding', ({ scratch }) => {
  const repository = dirname(dirname(dirname(main)));
  const copy = scratch.mkdir('package');
  cpSync(join(repository, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(repository, 'package.json'), join(copy, 'package.json'));
  mkdirSync(join(copy, 'node_modules'));
  for (const name of ['commander', 'bindings', 'file-uri-to-path', '@humanwhocodes']) {
    cpSync(join(repository, 'node_modules', name), join(copy, 'node_modules', name), { recursive: true });
  }
  mkdirSync(join(copy, 'build/Release'), { recursive: true });
  writeFileSync(join(copy, 'build/Release/outlive.node'), 'no ELF file', { mode: 0o755 });
  const { stdout, status } = spawnSync(process.execPath, [join(copy, 'dist/cli/main.js'), 'doctor'], {
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stdout).toMatch(/^error +native files +outlive's addon did not load/m);
  expect(stdout).toContain('→ see docs/install.md');
});
