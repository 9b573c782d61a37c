/** `outlive run` without a terminal: output, exit codes, stdin, signals, and what goes on without the command. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { find } from '../../src/index.js';
import { shimIn } from '../support/proc.js';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';
import { main, sentence, test } from './command.js';
import { Command } from './foreground.js';

test('in the foreground: both streams as they come, and the exit code of the job', async ({ jobs }) => {
  const result = await jobs.outlive(['run', '--name', 'a', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
  expect(result).toEqual({ stdout: 'out\n', stderr: 'err\n', code: 7 });
  const job = await find('a', { root: jobs.root });
  expect(job.exitCode).toBe(7);
  job.container.close();
});

test('-d prints the id; without --name one that sorts by time', async ({ jobs }) => {
  expect(await jobs.outlive(['run', '-d', '--name', 'web', 'sleep', '1000'])).toEqual({
    ...{ stdout: 'web\n', stderr: '', code: 0 },
  });
  expect((await jobs.outlive(['ps', '-q'])).stdout).toBe('web\n');
  expect((await jobs.outlive(['run', '-d', 'true'])).stdout).toMatch(/^\d{8}T\d{6}\.\d{3}-[0-9a-f]+\n$/);
});

test('--rm leaves nothing; the words after the program are its own', async ({ jobs }) => {
  const { stdout, code } = await jobs.outlive(['run', '--rm', 'echo', '--rm', '-d', '--name', 'x']);
  expect([stdout, code]).toEqual(['--rm -d --name x\n', 0]);
  expect((await jobs.outlive(['ps', '-aq'])).stdout).toBe('');
});

test('exit codes: 128+n for a signal, 127 and 126 for a program that can not be run, 125 for a failure', async ({
  jobs,
  scratch,
}) => {
  const file = join(scratch.dir, 'data');
  writeFileSync(file, 'data');
  expect(await jobs.outlive(['run', 'sh', '-c', 'kill -9 $$'])).toMatchObject({ code: 137, stderr: '' });
  const failures: [args: string[], code: number, sentence: RegExp][] = [
    [['run', 'no-such-program'], 127, /no-such-program/],
    [['run', '/no/such'], 127, /\/no\/such/],
    [['run', file], 126, /permission denied/i],
    [['run', '-w', '/no/such', 'true'], 125, /\/no\/such/],
    [['run', '--name', '../a', 'true'], 125, /--name/],
    [['run'], 125, /give a command/],
    [['run', '-d', '--rm', 'true'], 125, /--rm/],
    [['run', '--no-such-option', 'true'], 125, /unknown option '--no-such-option'/],
    [['run', '--scope', 'x', 'true'], 125, /--scope/],
    [['run', '--memory', 'much', 'true'], 125, /--memory much/],
    [['run', '--log-size', '1', 'true'], 125, /65536/],
    [['run', '--log-size', 'none', 'true'], 125, /--log-size none/],
    [['run', '-u', 'no-such-user', 'true'], 125, /no such user/],
    [['run', '-u', '54321', 'true'], 125, /54321: .*give uid:gid/],
    [['run', '-e', '=x', 'true'], 125, /-e =x/],
    [['run', '--label', '=x', 'true'], 125, /--label =x/],
    [['run', '--runtime', 'runc', 'true'], 125, /bundle/],
    [['run', '--bundle', '/no/such', 'true'], 125, /\/no\/such/],
    [['--root', file, 'run', 'true'], 125, /data/],
  ];
  const results = await Promise.all(failures.map(([args]) => jobs.outlive(args)));
  for (const [i, [args, code, what]] of failures.entries()) {
    const result = results[i];
    expect([args, result?.code, result?.stdout]).toEqual([args, code, '']);
    expect(result?.stderr).toMatch(sentence(what));
  }
  // Nothing is left of those that did not begin.
  expect((await jobs.outlive(['ps', '-aq'])).stdout.split('\n')).toHaveLength(2);
});

test('a job that a job has started ends with it', async ({ jobs }) => {
  const script = `'${process.execPath}' '${main}' run -d --name inner sleep 1000`;
  expect(await jobs.outlive(['run', '--name', 'outer', 'sh', '-c', script])).toEqual({
    ...{ stdout: 'inner\n', stderr: '', code: 0 },
  });
  const inner = await find('inner', { root: jobs.root });
  // Its shim was ended as well: before it could record that, or after.
  expect([undefined, 137]).toContain((await inner.wait()).status);
});

test('an id that is taken', async ({ jobs }) => {
  await jobs.startEnded('a', ['true']);
  const { code, stderr } = await jobs.outlive(['run', '--name', 'a', 'true']);
  expect(code).toBe(125);
  expect(stderr).toMatch(sentence(/a exists/));
});

test('-e, -w, --label, --log-size', async ({ jobs, scratch }) => {
  const script = 'echo "$A,$B,${C-unset},$(pwd)"';
  const args = ['run', '--name', 'a', '-e', 'A=1=2', '-e', 'B', '-e', 'C', '-w', scratch.dir];
  const more = ['--label', 'team=web', '--label', 'x', '--log-size', '64k', 'sh', '-c', script];
  const { stdout } = await jobs.outlive([...args, ...more], { B: 'ours', C: undefined });
  expect(stdout).toBe(`1=2,ours,unset,${scratch.dir}\n`);
  const [found] = await jobs.json<{ labels: string[]; processes: { log: { maxBytes: number } }[] }[]>(['inspect', 'a']);
  expect(found?.labels).toEqual(['team=web', 'x=']);
  expect(found?.processes[0]?.log.maxBytes).toBe(65_536);
});

test.runIf(isRoot)('-u: names, numbers, both', async ({ jobs }) => {
  const users = ['nobody', '65534', '65534:0', 'nobody:daemon', '1234:5'];
  const ids = users.map((user) => jobs.outlive(['run', '--rm', '-u', user, 'sh', '-c', 'echo $(id -u):$(id -g)']));
  const found = (await Promise.all(ids)).map(({ stdout, stderr }) => stdout + stderr);
  expect(found).toEqual(['65534:65534\n', '65534:65534\n', '65534:0\n', '65534:1\n', '1234:5\n']);
});

describe('stdin', () => {
  test('without -i it is empty', async ({ jobs, scratch }) => {
    const command = new Command(scratch, jobs, ['run', 'cat']);
    expect(await command.end()).toMatchObject({ code: 0, stdout: '' });
  });

  test('with -i all of it is passed on, and its end', async ({ jobs, scratch }) => {
    const command = new Command(scratch, jobs, ['run', '-i', '--rm', 'sh', '-c', 'wc -c; exit 3']);
    command.child.stdin?.end(Buffer.alloc(3_000_000, 'x'));
    expect(await command.end()).toMatchObject({ code: 3, stdout: '3000000\n', stderr: '' });
  });

  test('a job that does not read it, or ends before, is no failure; stdin stays open meanwhile', async ({
    jobs,
    scratch,
  }) => {
    const closes = new Command(scratch, jobs, ['run', '-i', 'sh', '-c', 'exec <&-; sleep 0.2; exit 4']);
    closes.child.stdin?.write(Buffer.alloc(1_000_000, 'x'));
    const ends = new Command(scratch, jobs, ['run', '-i', 'true']);
    expect(await closes.end()).toMatchObject({ code: 4, stderr: '' });
    expect(await ends.end()).toMatchObject({ code: 0, stderr: '' });
  });

  test('a terminal that is typed on by a program', async ({ jobs, scratch }) => {
    const command = new Command(scratch, jobs, [
      'run',
      '-t',
      '-i',
      'sh',
      '-c',
      'stty -echo; echo ready; read a; echo "<$a>"; tty',
    ]);
    await command.prints(/ready/);
    command.child.stdin?.end('typed\n');
    const { stdout, code } = await command.end();
    expect([stdout, code]).toEqual([expect.stringMatching(/^ready\r\n<typed>\r\n\/dev\/pts\/\d+\r\n$/), 0]);
  });
});

describe('signals', () => {
  test.for(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    '%s is passed on',
    async (signal, { jobs, scratch }) => {
      const name = signal.slice(3);
      const script = `trap 'echo got ${name}; exit 9' ${name}; echo ready; while :; do sleep 0.01; done`;
      const command = new Command(scratch, jobs, ['run', 'sh', '-c', script]);
      await command.prints(/ready/);
      command.child.kill(signal);
      expect(await command.end()).toEqual({ code: 9, signal: null, stdout: `ready\ngot ${name}\n`, stderr: '' });
    },
  );

  test('one that comes while the job is being started reaches it', async ({ jobs, scratch }) => {
    const command = new Command(scratch, jobs, ['run', '--name', 'a', 'sleep', '1000']);
    await until('its directory is there', () => existsSync(join(jobs.root, 'a')));
    command.child.kill('SIGTERM');
    expect(await command.end()).toMatchObject({ code: 143, signal: null });
  });

  test('SIGKILL of the command leaves the job, which ends as if nothing had been', async ({ jobs, scratch }) => {
    const gate = join(scratch.dir, 'gate');
    const script = `echo ready; until [ -e ${gate} ]; do sleep 0.01; done; echo done; exit 5`;
    const command = new Command(scratch, jobs, ['run', '--name', 'a', 'sh', '-c', script]);
    await command.prints(/ready/);
    await command.kill();
    writeFileSync(gate, '');
    expect(await jobs.outlive(['wait', 'a'])).toEqual({ stdout: '5\n', stderr: '', code: 5 });
    expect((await jobs.outlive(['logs', 'a'])).stdout).toBe('ready\ndone\n');
  });
});

describe('a stdout', () => {
  test('that is closed ends the command, silently; not the job', async ({ jobs, scratch }) => {
    const script = 'while :; do echo y; done';
    const command = new Command(scratch, jobs, ['run', '--name', 'a', 'sh', '-c', script]);
    await command.prints(/y/);
    command.child.stdout?.destroy();
    expect(await command.end()).toMatchObject({ code: 141, signal: null, stderr: '' });
    expect((await jobs.outlive(['ps', '-q'])).stdout).toBe('a\n');
  });

  test('that nobody reads stops neither the job nor signals', async ({ jobs, scratch }) => {
    const mark = join(scratch.dir, 'mark');
    const script = `trap 'exit 6' TERM; head -c 3000000 /dev/zero; touch ${mark}; while :; do sleep 0.01; done`;
    const command = new Command(scratch, jobs, ['run', 'sh', '-c', script]);
    command.child.stdout?.pause();
    await until('the job has printed all', () => existsSync(mark));
    command.child.kill('SIGTERM');
    command.child.stdout?.resume();
    const { code, stdout } = await command.end();
    expect([code, stdout.length]).toEqual([6, 3_000_000]);
  });
});

test('an end that nobody recorded is 125', async ({ jobs, scratch }) => {
  const command = new Command(scratch, jobs, ['run', '--name', 'a', 'sh', '-c', 'echo ready; sleep 1000']);
  await command.prints(/ready/);
  const shim = shimIn(join(jobs.root, 'a', 'init'));
  if (shim === undefined) throw new Error('there is no shim');
  process.kill(shim, 'SIGKILL');
  const { code, stderr } = await command.end();
  expect(code).toBe(125);
  expect(stderr).toMatch(sentence(/the end of a is lost/));
});

test('a root that another user could write to is refused', async ({ jobs, scratch }) => {
  const root = join(scratch.dir, 'open');
  mkdirSync(root);
  chmodSync(root, 0o777);
  const { code, stderr } = await jobs.outlive(['--root', root, 'run', 'true']);
  expect(code).toBe(125);
  expect(stderr).toMatch(sentence(/others may write to it/));
});
