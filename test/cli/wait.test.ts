/** `outlive wait`, and `outlive attach` without a terminal. */
import { expect } from 'vitest';
import { sentence, test } from './command.js';
import { Command } from './foreground.js';

const aNumber: unknown = expect.any(Number);

test('wait: the code of the job, printed and as its own; of several, that of the last', async ({ jobs, scratch }) => {
  await jobs.startEnded('three', ['sh', '-c', 'exit 3']);
  const job = await jobs.start('b', ['sleep', '1000']);
  const command = new Command(scratch, jobs, ['wait', 'three', 'b']);
  await command.prints(/3/);
  job.signal('SIGTERM');
  expect(await command.end()).toMatchObject({ stdout: '3\n143\n', stderr: '', code: 143 });
  expect(await jobs.outlive(['wait', 'b', 'three'])).toMatchObject({ stdout: '143\n3\n', code: 3 });
});

test('wait --json', async ({ jobs }) => {
  await jobs.startEnded('three', ['sh', '-c', 'exit 3']);
  await jobs.startEnded('killed', ['sh', '-c', 'kill -9 $$']);
  const { stdout } = await jobs.outlive(['wait', '--json', 'three', 'killed']);
  const [three, killed] = stdout
    .split('\n')
    .slice(0, 2)
    .map((line) => JSON.parse(line) as unknown);
  const common = { lost: null, coreDumped: false, endedAtMs: aNumber, maxRssBytes: aNumber };
  expect(three).toMatchObject({ id: 'three', exitCode: 3, signal: null, status: 3, ...common });
  expect(killed).toMatchObject({ id: 'killed', exitCode: null, signal: 'SIGKILL', status: 137, ...common });
});

test('wait --timeout: 124, and the job goes on', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  const { code, stderr, stdout } = await jobs.outlive(['wait', '--timeout', '50ms', 'a']);
  expect([code, stdout]).toEqual([124, '']);
  expect(stderr).toMatch(sentence(/a has not ended/));
  expect((await jobs.outlive(['ps', '-q'])).stdout).toBe('a\n');
});

test('wait: no such job, also among others; a wrong time', async ({ jobs }) => {
  await jobs.startEnded('a', ['true']);
  const { code, stdout, stderr } = await jobs.outlive(['wait', 'none', 'a']);
  expect([code, stdout]).toEqual([125, '0\n']);
  expect(stderr).toMatch(sentence(/no container none/));
  for (const time of ['x', '-1', '25d', '1x']) {
    const result = await jobs.outlive(['wait', `--timeout=${time}`, 'a']);
    expect([time, result.code]).toEqual([time, 125]);
    expect(result.stderr).toMatch(sentence(/--timeout/));
  }
});

test('attach: what comes from now on, and our stdin to it; its code at the end', async ({ jobs, scratch }) => {
  const script =
    'echo before; while read -r line; do echo "got $line"; echo err >&2; [ "$line" = end ] && exit 5; done';
  await jobs.start('a', ['sh', '-c', script], { stdin: 'pipe' });
  const [one, two] = [
    new Command(scratch, jobs, ['attach', 'a']),
    new Command(scratch, jobs, ['attach', '--no-stdin', 'a']),
  ];
  two.child.stdin?.write('not this\n');
  one.child.stdin?.write('first\n');
  await one.prints(/got first/);
  // The end of our stdin is not that of the job's.
  one.child.stdin?.end();
  const three = new Command(scratch, jobs, ['attach', 'a']);
  three.child.stdin?.write('end\n');
  const [first, , third] = await Promise.all([one.end(), two.end(), three.end()]);
  expect(first).toMatchObject({ stdout: 'got first\ngot end\n', stderr: 'err\nerr\n', code: 5 });
  expect(third).toMatchObject({ stdout: 'got end\n', code: 5 });
});

test('attach: who can type on a job does not keep it from the end of its stdin', async ({ jobs, scratch }) => {
  const job = await jobs.start('c', ['cat'], { stdin: 'pipe' });
  const viewer = new Command(scratch, jobs, ['attach', 'c']);
  viewer.child.stdin?.write('typed\n');
  await viewer.prints(/typed/);
  job.stdin?.end('last\n');
  expect(await viewer.end()).toMatchObject({ stdout: 'typed\nlast\n', stderr: '', code: 0 });
});

test.for([
  ['SIGQUIT', 0],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('attach: %s leaves, and the job goes on', async ([signal, expected], { jobs, scratch }) => {
  await jobs.start('a', ['sh', '-c', 'while :; do echo y; sleep 0.01; done']);
  const command = new Command(scratch, jobs, ['attach', 'a']);
  await command.prints(/y/);
  command.child.kill(signal);
  const { code, stderr } = await command.end();
  expect([code, stderr]).toEqual([expected, 'outlive: a goes on\n']);
  expect((await jobs.outlive(['ps', '-q'])).stdout).toBe('a\n');
});

test('attach: a job that has ended, one without a log, and none', async ({ jobs }) => {
  await jobs.startEnded('ended', ['sh', '-c', 'exit 4']);
  await jobs.start('silent', ['sleep', '1000'], { stdout: 'ignore', stderr: 'ignore' });
  expect(await jobs.outlive(['attach', 'ended'])).toEqual({ stdout: '', stderr: '', code: 4 });
  for (const [id, what] of [
    ['silent', /log/],
    ['none', /no container none/],
  ] as const) {
    const { code, stderr } = await jobs.outlive(['attach', id]);
    expect([id, code]).toEqual([id, 125]);
    expect(stderr).toMatch(sentence(what));
  }
});
