/** `outlive exec`: another process in a job, and what is wrong with the job. */
import { expect } from 'vitest';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';
import { sentence, test } from './command.js';
import { Command } from './foreground.js';

interface Described {
  processes: { id: string }[];
}

test('it has the environment and directory of the job, and its own exit code; nothing is kept of it', async ({
  jobs,
  scratch,
}) => {
  await jobs.start('a', ['sleep', '1000'], { cwd: scratch.dir, env: { A: 'job' } });
  const result = await jobs.outlive(['exec', 'a', 'sh', '-c', 'echo $A $(pwd); echo err >&2; exit 3']);
  expect(result).toEqual({ stdout: `job ${scratch.dir}\n`, stderr: 'err\n', code: 3 });
  const [found] = await jobs.json<Described[]>(['inspect', 'a']);
  expect(found?.processes.map(({ id }) => id)).toEqual(['init']);
});

test('-e, -w and -i; the words after the program are its own', async ({ jobs, scratch }) => {
  await jobs.start('a', ['sleep', '1000']);
  const args = ['exec', '-i', '-e', 'A=1', '-w', '/', 'a', 'sh', '-c', 'echo "$A $PWD $1 $(cat)"', 'sh', '-d'];
  const command = new Command(scratch, jobs, args);
  command.child.stdin?.end('typed');
  expect(await command.end()).toMatchObject({ stdout: '1 / -d typed\n', code: 0 });
});

test.runIf(isRoot)('-u', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  expect((await jobs.outlive(['exec', '-u', 'nobody', 'a', 'id', '-u'])).stdout).toBe('65534\n');
});

test('-d prints the id of the process, which logs, wait, attach and stop take', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  const { stdout, code } = await jobs.outlive(['exec', '-d', 'a', 'sh', '-c', 'echo out; exit 4']);
  expect([stdout, code]).toEqual([expect.stringMatching(/^\d{8}T\d{6}\.\d{3}-[0-9a-f]{8}\n$/), 0]);
  const id = stdout.trim();
  expect(await jobs.outlive(['wait', '--process', id, 'a'])).toEqual({ stdout: '4\n', stderr: '', code: 4 });
  expect((await jobs.outlive(['logs', '--process', id, 'a'])).stdout).toBe('out\n');
  expect((await jobs.outlive(['attach', '--process', id, 'a'])).code).toBe(4);
});

test('signals are passed on; with the job it ends, too', async ({ jobs, scratch }) => {
  const job = await jobs.start('a', ['sleep', '1000']);
  const script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.01; done";
  const [one, two] = [1, 2].map(() => new Command(scratch, jobs, ['exec', 'a', 'sh', '-c', script]));
  await Promise.all([one?.prints(/ready/), two?.prints(/ready/)]);
  one?.child.kill('SIGINT');
  expect(await one?.end()).toMatchObject({ code: 9, stderr: '' });
  job.signal('SIGKILL');
  expect(await two?.end()).toMatchObject({ code: 137 });
});

test('what can not be: a program, a job', async ({ jobs }) => {
  await jobs.start('a', ['sleep', '1000']);
  await jobs.startEnded('ended', ['true']);
  const failures: [args: string[], code: number, what: RegExp][] = [
    [['exec', 'a', 'no-such-program'], 127, /no-such-program/],
    [['exec', 'a', '/'], 126, /permission denied|is a directory/i],
    [['exec', 'none', 'true'], 125, /no container none/],
    [['exec', 'ended', 'true'], 125, /ended/],
    [['exec', 'a'], 125, /missing required argument 'command'/],
    [['logs', '--process', 'x', 'a'], 125, /a has no process x/],
    [['--root', '/no/such', 'exec', 'a', 'true'], 125, /no container a in \/no\/such/],
  ];
  for (const [args, code, what] of failures) {
    const result = await jobs.outlive(args);
    expect([args, result.code, result.stdout]).toEqual([args, code, '']);
    expect(result.stderr).toMatch(sentence(what));
  }
  await until('nothing of the failed ones is left', async () => {
    const [found] = await jobs.json<Described[]>(['inspect', 'a']);
    return found?.processes.length === 1;
  });
});
