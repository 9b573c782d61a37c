/** `outlive clean`: what it removes, and what not. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Leftover, posix } from '../../src/index.js';
import { type Jobs, sentence, test } from './command.js';

/** A job whose state.json is broken. */
function breakOne(jobs: Jobs): string {
  const path = join(jobs.root, 'broken');
  mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(path, 'state.json'), '{');
  posix.mkfifo(join(path, '.lock'), 0o600);
  return path;
}

test('--dry-run only lists; without it, it is removed, and jobs stay', async ({ jobs }) => {
  const path = breakOne(jobs);
  const running = await jobs.start('web', ['sleep', '1000']);
  await jobs.startEnded('done', ['true']);
  const line = `${path}: a container whose state.json is broken\n`;
  expect(await jobs.outlive(['clean', '--dry-run'])).toEqual({ stdout: `would remove ${line}`, stderr: '', code: 0 });
  expect(existsSync(path)).toBe(true);
  expect(await jobs.outlive(['clean'])).toEqual({ stdout: `removed ${line}`, stderr: '', code: 0 });
  expect(existsSync(path)).toBe(false);
  expect(running.state()).toBe('running');
  expect((await jobs.outlive(['ps', '-aq'])).stdout).toBe('done\nweb\n');
  expect(await jobs.outlive(['clean'])).toEqual({ stdout: '', stderr: '', code: 0 });
});

test('--json is an array', async ({ jobs }) => {
  const path = breakOne(jobs);
  expect(await jobs.json<Leftover[]>(['clean', '--dry-run', '--json'])).toEqual([
    { path, reason: 'a container whose state.json is broken', removed: false },
  ]);
  expect(await jobs.json<Leftover[]>(['clean', '--json'])).toMatchObject([{ path, removed: true }]);
  expect(await jobs.json<Leftover[]>(['clean', '--json'])).toEqual([]);
});

test('what a process of another program uses is kept', async ({ jobs }) => {
  const job = await jobs.start('web', ['sleep', '1000']);
  writeFileSync(join(jobs.root, 'web', 'state.json'), '{');
  expect((await jobs.outlive(['clean'])).stdout).toMatch(/^kept, in use .*web/);
  expect(job.state()).toBe('running');
  await job.stop({ graceMs: 0 });
});

test('a root that is missing has nothing; that is told', async ({ jobs }) => {
  const { stdout, stderr, code } = await jobs.outlive(['--root', join(jobs.root, 'missing'), 'clean']);
  expect([stdout, code]).toEqual(['', 0]);
  expect(stderr).toMatch(sentence(/missing/));
});
