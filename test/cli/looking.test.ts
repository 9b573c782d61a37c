/** `outlive inspect` and `stats`. */
import { expect } from 'vitest';
import type { ContainerDescription } from '../../src/index.js';
import { sentence, test } from './command.js';

test('inspect prints an array of all that is known, and no values of variables', async ({ jobs }) => {
  const job = await jobs.start('web', ['sleep', '1000'], { env: { TOKEN: 'do not tell' }, labels: { team: 'web' } });
  await jobs.startEnded('done', ['false']);
  const { stdout, stderr, code } = await jobs.outlive(['inspect', 'done', 'web']);
  expect([stderr, code]).toEqual(['', 0]);
  const [done, web, ...rest] = JSON.parse(stdout) as ContainerDescription[];
  expect(rest).toEqual([]);
  expect(done).toMatchObject({ id: 'done', state: 'stopped', processes: [{ exit: { status: 1 } }] });
  expect(web).toMatchObject({ id: 'web', root: jobs.root, labels: ['team=web'], processes: [{ pid: job.systemPid }] });
  expect(web?.processes[0]?.env).toContain('TOKEN');
  expect(stdout).not.toContain('do not tell');
});

test('inspect prints those that it can, and tells the others', async ({ jobs }) => {
  await jobs.startEnded('done', ['true']);
  const { stdout, stderr, code } = await jobs.outlive(['inspect', 'nope', 'done']);
  expect((JSON.parse(stdout) as ContainerDescription[]).map(({ id }) => id)).toEqual(['done']);
  expect(code).toBe(125);
  expect(stderr).toMatch(sentence(/nope/));
});

test('stats has a line for each job that runs, or for those that are named', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  await jobs.start('b', ['sleep', '1000']);
  await jobs.startEnded('done', ['true']);
  const { stdout, stderr, code } = await jobs.outlive(['stats']);
  expect([stderr, code]).toEqual(['', 0]);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  expect(lines[0]).toEqual(['ID', 'CPU TIME', 'MEMORY', 'LIMIT', 'TASKS', 'LIMIT', 'READ', 'WRITTEN']);
  expect(lines.slice(1).map(([id]) => id)).toEqual(['a', 'b']);
  expect(lines[1]?.[1]).toMatch(/^\d+\.\d\d s$/);
  expect(lines[1]?.[2]).toMatch(/^[\d.]+ (KiB|MiB)$/);
  expect((await jobs.outlive(['stats', 'b'])).stdout.trimEnd().split('\n')).toHaveLength(2);
});

test('stats --json has all that the runtime tells', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  const [stats] = await jobs.json<{ id: string; memory: { usageBytes: number }; raw: object }[]>([
    'stats',
    '--json',
    'a',
  ]);
  expect(stats?.id).toBe('a');
  expect(stats?.memory.usageBytes).toBeGreaterThan(0);
  expect(stats?.raw).toBeTypeOf('object');
});

test('stats of one that ended is a failure, and the others are shown', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  await jobs.startEnded('done', ['true']);
  const { stdout, stderr, code } = await jobs.outlive(['stats', 'done', 'a']);
  expect([stdout.trimEnd().split('\n').length, code]).toEqual([2, 125]);
  expect(stderr).toMatch(sentence(/done.*has exited/));
});

test('stats without a job: the head alone, and []', async ({ jobs }) => {
  expect((await jobs.outlive(['stats'])).stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(await jobs.json(['stats', '--json'])).toEqual([]);
});
