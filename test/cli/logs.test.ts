/** `outlive logs`: which part of the output, in which form, while the job runs and afterwards. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { shimIn } from '../support/proc.js';
import { until } from '../support/until.js';
import { sentence, test } from './command.js';
import { Command } from './foreground.js';

interface Item {
  type: string;
  stream?: string;
  time?: string;
  cursor: string;
  data?: string;
  base64?: string;
  status?: number;
  bytes?: number;
}

const aString: unknown = expect.any(String);

const items = (text: string): Item[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Item);

test('both streams, one of them, and the last lines', async ({ jobs }) => {
  await jobs.startEnded('a', ['sh', '-c', 'echo 1; echo 2; echo e >&2; printf 3']);
  expect(await jobs.outlive(['logs', 'a'])).toEqual({ stdout: '1\n2\n3', stderr: 'e\n', code: 0 });
  expect(await jobs.outlive(['logs', '--stream', 'stderr', 'a'])).toEqual({ stdout: '', stderr: 'e\n', code: 0 });
  expect((await jobs.outlive(['logs', '--stream', 'stdout', '--tail', '2', 'a'])).stdout).toBe('2\n3');
  expect((await jobs.outlive(['logs', '--tail', '0', 'a'])).stdout).toBe('');
});

test('--since: a time, seconds since 1970, and how long ago', async ({ jobs, scratch }) => {
  const gate = join(scratch.dir, 'gate');
  const job = await jobs.start('a', ['sh', '-c', `echo old; until [ -e ${gate} ]; do sleep 0.01; done; echo new`]);
  await until('the first line is there', async () => (await jobs.outlive(['logs', 'a'])).stdout === 'old\n');
  // Later than the first line, as the log has it in fractions of a millisecond.
  const nowMs = Date.now() + 1;
  await until('it is later', () => Date.now() > nowMs);
  writeFileSync(gate, '');
  await job.wait();
  for (const since of [new Date(nowMs).toISOString(), String(nowMs / 1000)]) {
    expect([since, (await jobs.outlive(['logs', '--since', since, 'a'])).stdout]).toEqual([since, 'new\n']);
  }
  expect((await jobs.outlive(['logs', '--since', '1h30m', 'a'])).stdout).toBe('old\nnew\n');
  expect((await jobs.outlive(['logs', '--since', '0ms', 'a'])).stdout).toBe('');
});

test('-t: a time at the beginning of each line, and of no other', async ({ jobs }) => {
  await jobs.startEnded('a', ['sh', '-c', 'echo 1; printf 2; sleep 0.05; echo 3; echo; echo e >&2']);
  const { stdout, stderr } = await jobs.outlive(['logs', '-t', 'a']);
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /gm;
  expect([stdout.match(time)?.length, stdout.replace(time, '')]).toEqual([3, '1\n23\n\n']);
  expect(stderr.replace(time, '')).toBe('e\n');
});

test('--json: an object a line; its cursor is where a later call goes on', async ({ jobs, scratch }) => {
  const gate = (n: number): string => join(scratch.dir, `gate-${n}`);
  const wait = (n: number): string => `while [ ! -e ${gate(n)} ]; do sleep 0.01; done`;
  const script = `echo é; ${wait(1)}; echo e >&2; ${wait(2)}; printf "\\377"; exit 3`;
  const job = await jobs.start('a', ['sh', '-c', script]);
  let pieces = 0;
  // Each piece when the one before is in the log: so they are not read as one.
  for await (const { type } of job.output({ follow: true })) if (type === 'data') writeFileSync(gate(++pieces), '');
  await job.wait();
  const { stdout, stderr } = await jobs.outlive(['logs', '--json', 'a']);
  expect(stderr).toBe('');
  const all = items(stdout);
  const [one, two, three, end] = all;
  expect([one, two, three, end]).toEqual([
    { type: 'data', stream: 'stdout', time: aString, cursor: aString, data: 'é\n' },
    { type: 'data', stream: 'stderr', time: aString, cursor: aString, data: 'e\n' },
    { type: 'data', stream: 'stdout', time: aString, cursor: aString, base64: '/w==' },
    { type: 'end', time: aString, cursor: aString, status: 3 },
  ]);
  const rest = await jobs.outlive(['logs', '--json', '--cursor', one?.cursor ?? '', 'a']);
  expect(items(rest.stdout)).toEqual(all.slice(1));
  const plain = await jobs.outlive(['logs', '--cursor', two?.cursor ?? '', '--stream', 'stderr', 'a']);
  expect([plain.stdout, plain.stderr]).toEqual(['', '']);
});

test('-f goes on to the end of the job', async ({ jobs, scratch }) => {
  const gate = join(scratch.dir, 'gate');
  await jobs.start('a', ['sh', '-c', `echo 1; until [ -e ${gate} ]; do sleep 0.01; done; echo 2`]);
  const command = new Command(scratch, jobs, ['logs', '-f', 'a']);
  await command.prints(/1/);
  writeFileSync(gate, '');
  expect(await command.end()).toMatchObject({ code: 0, stdout: '1\n2\n', stderr: '' });
});

test('-f of a job that is removed meanwhile: a removal ends it first, so its log has an end', async ({
  jobs,
  scratch,
}) => {
  const job = await jobs.start('a', ['sh', '-c', 'echo 1; exec sleep 1000']);
  const command = new Command(scratch, jobs, ['logs', '-f', 'a']);
  await command.prints(/1/);
  await job.remove({ force: true });
  expect(await command.end()).toMatchObject({ code: 0, stderr: '' });
});

test('-f of a job whose log is removed without an end says that the job is gone', async ({ jobs, scratch }) => {
  const job = await jobs.start('a', ['sh', '-c', 'echo 1; exec sleep 1000']);
  const command = new Command(scratch, jobs, ['logs', '-f', 'a']);
  await command.prints(/1/);
  // It must not look in between.
  command.child.kill('SIGSTOP');
  process.kill(Number(shimIn(join(jobs.root, 'a', 'init'))), 'SIGKILL');
  await job.container.delete({ force: true });
  command.child.kill('SIGCONT');
  const { code, stderr } = await command.end();
  expect([code, stderr]).toEqual([125, expect.stringMatching(sentence(/no container a/))]);
});

test('what is not kept any more is told on stderr', async ({ jobs }) => {
  await jobs.startEnded('a', ['head', '-c', '300000', '/dev/zero'], { log: { maxBytes: 65_536 } });
  const { stdout, stderr, code } = await jobs.outlive(['logs', 'a']);
  const missing = Number(/^outlive: (\d+) bytes of output are missing here\n$/.exec(stderr)?.[1]);
  expect([missing + stdout.length, code]).toEqual([300_000, 0]);
});

test('a reader that has enough, as head, ends it silently', async ({ jobs, scratch }) => {
  const mark = join(scratch.dir, 'mark');
  await jobs.start('a', ['sh', '-c', `head -c 5000000 /dev/zero; touch ${mark}; exec sleep 1000`]);
  await until('the output is there', () => existsSync(mark));
  const command = new Command(scratch, jobs, ['logs', '-f', 'a']);
  await command.prints(/\0/);
  command.child.stdout?.destroy();
  expect(await command.end()).toMatchObject({ code: 141, stderr: '' });
});

test('no job, no log, and options that are wrong', async ({ jobs }) => {
  await jobs.startEnded('a', ['true']);
  await jobs.startEnded('silent', ['true'], { stdout: 'ignore', stderr: 'ignore' });
  await jobs.startEnded('other', ['echo', 'x']);
  const [{ cursor } = { cursor: '' }] = items((await jobs.outlive(['logs', '--json', 'other'])).stdout);
  const failures: [args: string[], what: RegExp][] = [
    [['none'], /no container none/],
    [['silent'], /log/],
    [['--cursor', cursor, 'a'], /cursor/],
    [['--cursor', 'x', 'a'], /cursor/],
    [['--since', 'yesterday', 'a'], /--since yesterday/],
    [['--tail', '-1', 'a'], /--tail/],
    [['--tail', '1', '--since', '1m', 'a'], /cannot be used with/],
    [['--json', '-t', 'a'], /cannot be used with/],
    [['--stream', 'x', 'a'], /--stream/],
    [[], /missing required argument 'id'/],
  ];
  for (const [args, what] of failures) {
    const result = await jobs.outlive(['logs', ...args]);
    expect([args, result.code, result.stdout]).toEqual([args, 125, '']);
    expect(result.stderr).toMatch(sentence(what));
  }
});
