/** `outlive pause`, `resume` and `update`. */
import { expect } from 'vitest';
import { diagnose } from '../../src/index.js';
import { sentence, test } from './command.js';
import { readBytes, resourcesOf } from '../../src/cli/limits.js';

/** Whether the host runtime can set limits here, as `outlive doctor` says it. */
const limits = (await diagnose()).find(({ name }) => name === 'host limits');

test('pause freezes, resume lets go on; each prints the ids', async ({ jobs }) => {
  const [a, b] = [await jobs.start('a', ['sleep', '1000']), await jobs.start('b', ['sleep', '1000'])];
  expect(await jobs.outlive(['pause', 'a', 'b'])).toEqual({ stdout: 'a\nb\n', stderr: '', code: 0 });
  expect([a.state(), b.state()]).toEqual(['paused', 'paused']);
  expect(await jobs.outlive(['resume', 'b', 'a'])).toEqual({ stdout: 'b\na\n', stderr: '', code: 0 });
  expect([a.state(), b.state()]).toEqual(['running', 'running']);
});

test('a second pause, and a resume of one that runs, are failures; so is one that ended', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  await jobs.startEnded('done', ['true']);
  expect((await jobs.outlive(['resume', 'a'])).stderr).toMatch(sentence(/a is not paused/));
  expect((await jobs.outlive(['pause', 'a'])).code).toBe(0);
  const again = await jobs.outlive(['pause', 'done', 'a']);
  expect([again.stdout, again.code]).toEqual(['', 125]);
  expect(again.stderr).toMatch(/^outlive: .*done.*has exited\noutlive: .*a is paused\n$/);
});

test('a stop of a paused job ends it', async ({ jobs }) => {
  const job = await jobs.start('a', ['sleep', '1000']);
  await jobs.outlive(['pause', 'a']);
  expect(await jobs.outlive(['stop', '-t', '0.1', 'a'])).toEqual({ stdout: 'a\n', stderr: '', code: 0 });
  expect(job.hasEnded || (await job.wait())).toBeTruthy();
});

test('update refuses what is no limit, before anything is changed', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  for (const [args, what] of [
    [['update', 'a'], /--memory/],
    [['update', '--memory', '0', 'a'], /--memory 0/],
    [['update', '--memory', '12q', 'a'], /--memory 12q/],
    [['update', '--cpus', '0', 'a'], /--cpus 0/],
    [['update', '--cpus', 'many', 'a'], /--cpus many/],
    [['update', '--pids', '0', 'a'], /--pids 0/],
    [['update', '--pids', '1.5', 'a'], /--pids 1.5/],
  ] as const) {
    const { stdout, stderr, code } = await jobs.outlive(args);
    expect([args, stdout, code]).toEqual([args, '', 125]);
    expect(stderr).toMatch(what);
  }
});

test('limits are those of the library', () => {
  expect(['1', '1k', '1.5K', '512m', '2g', '2GiB', '1MB', 'none'].map((text) => readBytes('--memory', text))).toEqual([
    1,
    1024,
    1536,
    2 ** 29,
    2 ** 31,
    2 ** 31,
    2 ** 20,
    -1,
  ]);
  expect(resourcesOf({})).toBeUndefined();
  expect(resourcesOf({ memory: 2 ** 20, cpus: 1.5, pids: 7 })).toEqual({
    memory: { limit: 2 ** 20 },
    cpu: { quota: 150_000, period: 100_000 },
    pids: { limit: 7 },
  });
  expect(resourcesOf({ cpus: -1 })?.cpu?.quota).toBe(-1);
});

if (limits?.level === 'ok') {
  test('update sets limits of a job that runs', async ({ jobs }) => {
    await jobs.start('a', ['sleep', '1000']);
    expect(await jobs.outlive(['update', '--pids', '50', '--memory', '64m', 'a'])).toMatchObject({
      stdout: 'a\n',
      code: 0,
    });
    const [stats] = await jobs.json<{ pids: { limit: number }; memory: { limitBytes: number } }[]>([
      'stats',
      '--json',
      'a',
    ]);
    expect([stats?.pids.limit, stats?.memory.limitBytes]).toEqual([50, 2 ** 26]);
  });
} else {
  test('update says which limit cannot be set here, and why', async ({ jobs }) => {
    await jobs.start('a', ['sleep', '1000']);
    const { stdout, stderr, code } = await jobs.outlive(['update', '--memory', '64m', 'a']);
    expect([stdout, code]).toEqual(['', 125]);
    expect(stderr).toMatch(sentence(/memory\.limit cannot be set/));
  });
}
