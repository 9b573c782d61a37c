/** `outlive ps`: which jobs, which columns, and what a second program sees of a root that changes or is broken. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Jobs, sentence, test } from './command.js';

interface Row {
  id: string;
  state: string;
  pid: number | null;
  exitCode: number | null;
  signal: string | null;
  lost: string | null;
  startedAt: string;
  endedAt: string | null;
  args: string[];
  labels: Record<string, string>;
}

async function four(jobs: Jobs): Promise<void> {
  await jobs.start('web', ['sleep', '1000'], { labels: { team: 'web', rank: 'a=b' } });
  await jobs.startEnded('three', ['sh', '-c', 'exit 3'], { labels: { team: 'db' } });
  await jobs.startEnded('killed', ['sh', '-c', 'kill -9 $$']);
  const paused = await jobs.start('held', ['sleep', '1000'], { labels: { team: 'web' } });
  await (paused.container as { pause(): Promise<void> }).pause();
}

const ids = (text: string): string[] => text.split('\n').filter(Boolean);

test('the table has the jobs that run; with -a all, with how they ended', async ({ jobs }) => {
  await four(jobs);
  const { stdout, stderr, code } = await jobs.outlive(['ps']);
  expect([stderr, code]).toEqual(['', 0]);
  expect(ids(stdout).map((line) => line.split(/ {2,}/))).toEqual([
    ['ID', 'STATE', 'PID', 'STARTED', 'COMMAND'],
    ['held', 'paused', expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+ s ago$/), 'sleep 1000'],
    ['web', 'running', expect.stringMatching(/^\d+$/), expect.stringMatching(/^\d+ s ago$/), 'sleep 1000'],
  ]);
  const all = ids((await jobs.outlive(['ps', '-a', '--labels'])).stdout).map((line) => line.split(/ {2,}/));
  expect(all.map(([id, state, pid]) => [id, state, pid === '-'])).toEqual([
    ['ID', 'STATE', false],
    ['held', 'paused', false],
    ['killed', 'killed SIGKILL', true],
    ['three', 'exited 3', true],
    ['web', 'running', false],
  ]);
  expect(all.map((row) => row[5])).toEqual(['LABELS', 'team=web', undefined, 'team=db', 'team=web rank=a=b']);
});

test('-q has one id a line, --json all fields', async ({ jobs }) => {
  await four(jobs);
  expect((await jobs.outlive(['ps', '-q'])).stdout).toBe('held\nweb\n');
  expect((await jobs.outlive(['ps', '-aq'])).stdout).toBe('held\nkilled\nthree\nweb\n');
  const rows = await jobs.json<Row[]>(['ps', '-a', '--json']);
  const [held, killed, three, web] = rows;
  expect(held).toMatchObject({ id: 'held', state: 'paused', endedAt: null });
  expect(killed).toMatchObject({ state: 'stopped', pid: null, exitCode: null, signal: 'SIGKILL', labels: {} });
  expect(three).toMatchObject({
    state: 'stopped',
    exitCode: 3,
    signal: null,
    lost: null,
    args: ['sh', '-c', 'exit 3'],
  });
  expect(web).toMatchObject({ state: 'running', exitCode: null, labels: { team: 'web', rank: 'a=b' } });
  expect(web?.pid).toBeGreaterThan(0);
  for (const { startedAt } of rows) expect(new Date(startedAt).toISOString()).toBe(startedAt);
});

test('filters: labels by name and by value, states; a state needs no -a', async ({ jobs }) => {
  await four(jobs);
  const shown = async (...filters: string[]): Promise<string[]> =>
    ids((await jobs.outlive(['ps', '-q', ...filters.flatMap((filter) => ['--filter', filter])])).stdout);
  expect(await shown('label=team')).toEqual(['held', 'web']);
  expect(await shown('label=team=web', 'state=running')).toEqual(['web']);
  expect(await shown('label=rank=a=b')).toEqual(['web']);
  expect(await shown('state=stopped')).toEqual(['killed', 'three']);
  expect(await shown('state=stopped', 'state=paused')).toEqual(['held', 'killed', 'three']);
  expect(await shown('state=stopped', 'label=team=db')).toEqual(['three']);
  expect(await shown('label=tea')).toEqual([]);
});

test('a filter that is none is a failure of the command line', async ({ jobs }) => {
  for (const filter of ['state=gone', 'label=', 'name=web', 'web']) {
    const { stdout, stderr, code } = await jobs.outlive(['ps', '--filter', filter]);
    expect([stdout, code]).toEqual(['', 125]);
    expect(stderr).toContain(filter);
  }
});

test('control characters of a command do not reach the terminal', async ({ jobs }) => {
  await jobs.start('odd', ['sh', '-c', 'sleep 1000\n# \x1b[2J\t']);
  expect((await jobs.outlive(['ps'])).stdout).toContain(String.raw`sh -c sleep 1000\x0a# \x1b[2J\x09`);
});

describe('from another point of view', () => {
  test('an empty root has a head, and no job', async ({ jobs }) => {
    expect(await jobs.outlive(['ps'])).toMatchObject({
      stdout: 'ID  STATE  PID  STARTED  COMMAND\n',
      stderr: '',
      code: 0,
    });
    expect(await jobs.outlive(['ps', '-q'])).toEqual({ stdout: '', stderr: '', code: 0 });
    expect(await jobs.json(['ps', '--json'])).toEqual([]);
  });

  test('a root that is missing has none either, and is told: it may be misspelt', async ({ jobs }) => {
    const root = join(jobs.root, 'missing');
    const { stdout, stderr, code } = await jobs.outlive(['--root', root, 'ps', '-q']);
    expect([stdout, code]).toEqual(['', 0]);
    expect(stderr).toMatch(sentence(/missing/));
  });

  test('a root that is no directory is a failure', async ({ jobs }) => {
    const file = join(jobs.root, '..', 'file');
    writeFileSync(file, '');
    const { stdout, stderr, code } = await jobs.outlive(['ps'], { OUTLIVE_ROOT: file });
    expect([stdout, code]).toEqual(['', 125]);
    expect(stderr).toMatch(sentence(/ENOTDIR/));
  });

  test('a job that can not be read is told, and the others are listed', async ({ jobs }) => {
    await jobs.start('web', ['sleep', '1000']);
    mkdirSync(join(jobs.root, 'broken'), { mode: 0o700 });
    writeFileSync(join(jobs.root, 'broken', 'state.json'), '{');
    const { stdout, stderr, code } = await jobs.outlive(['ps', '-q']);
    expect([stdout, code]).toEqual(['web\n', 0]);
    expect(stderr).toMatch(sentence(/broken/));
  });

  test('a job that others may write to is not trusted', async ({ jobs }) => {
    await jobs.start('web', ['sleep', '1000']);
    chmodSync(join(jobs.root, 'web'), 0o777);
    const { stdout, stderr, code } = await jobs.outlive(['ps', '-q']);
    chmodSync(join(jobs.root, 'web'), 0o700);
    expect([stdout, code]).toEqual(['', 0]);
    expect(stderr).toMatch(sentence(/others may write to it/));
  });
});

test('--root before and after the verb; the words of a job are its own', async ({ jobs, scratch }) => {
  await jobs.start('a', ['sleep', '1000']);
  const nowhere = { OUTLIVE_ROOT: scratch.mkdir('empty') };
  const { root } = jobs;
  for (const args of [
    ['--root', root, 'ps', '-q'],
    ['ps', '--root', root, '-q'],
    ['ps', '-q', `--root=${root}`],
  ]) {
    expect(await jobs.outlive(args, nowhere)).toEqual({ stdout: 'a\n', stderr: '', code: 0 });
  }
  const echoed = await jobs.outlive(['run', '--rm', '--root', root, '--name', 'b', 'echo', '--root', 'x'], nowhere);
  expect(echoed).toEqual({ stdout: '--root x\n', stderr: '', code: 0 });
  expect((await jobs.outlive(['exec', '--root', root, 'a', 'echo', '--root', 'x'], nowhere)).stdout).toBe('--root x\n');
});
