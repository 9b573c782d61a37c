/** `outlive kill`, `stop` and `rm`: what becomes of the jobs, of the other ids, and of the exit code. */
import { readdirSync, statSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { Container, find } from '../../src/index.js';
import { isRoot, wantRight } from '../support/strict.js';
import { main, sentence, test } from './command.js';

const stubborn = ['sh', '-c', `trap '' TERM; echo ready; while :; do sleep 1000; done`];

describe('kill', () => {
  test('sends SIGKILL, and prints the id', async ({ jobs }) => {
    const job = await jobs.start('web', ['sleep', '1000']);
    expect(await jobs.outlive(['kill', 'web'])).toEqual({ stdout: 'web\n', stderr: '', code: 0 });
    expect((await job.wait()).record?.signal).toBe('SIGKILL');
  });

  test.for(['HUP', 'sighup', 'SIGHUP', '1'])('-s %s is SIGHUP', async (signal, { jobs }) => {
    const job = await jobs.start('web', ['sleep', '1000']);
    expect((await jobs.outlive(['kill', '-s', signal, 'web'])).code).toBe(0);
    expect((await job.wait()).record?.signal).toBe('SIGHUP');
  });

  test('-s 0 only says whether it runs', async ({ jobs }) => {
    await jobs.start('web', ['sleep', '1000']);
    await jobs.startEnded('done', ['true']);
    expect(await jobs.outlive(['kill', '-s', '0', 'web'])).toMatchObject({ stdout: 'web\n', code: 0 });
    const { stdout, stderr, code } = await jobs.outlive(['kill', '-s', '0', 'done']);
    expect([stdout, code]).toEqual(['', 125]);
    expect(stderr).toMatch(sentence(/done.*has exited/));
  });

  test('a number with a minus is no id, and nothing gets a signal that was not meant', async ({ jobs }) => {
    const job = await jobs.start('web', ['sleep', '1000']);
    for (const args of [
      ['kill', '-1', 'web'],
      ['kill', 'web', '-9'],
      ['stop', '-15', 'web'],
      ['rm', '-f', '-9', 'web'],
    ]) {
      const { stdout, stderr, code } = await jobs.outlive(args);
      expect([args, stdout, code]).toEqual([args, '', 125]);
      expect(stderr).toMatch(sentence(/unknown option '-\d+'.*-s/));
    }
    expect(job.state()).toBe('running');
  });

  test('a signal that is none is refused, and nothing gets one', async ({ jobs }) => {
    const job = await jobs.start('web', ['sleep', '1000']);
    for (const signal of ['FOO', '65', '-1', '']) {
      const { stdout, stderr, code } = await jobs.outlive(['kill', `--signal=${signal}`, 'web']);
      expect([signal, stdout, code]).toEqual([signal, '', 125]);
      expect(stderr).toMatch(/--signal/);
    }
    expect(job.state()).toBe('running');
  });
});

test('--process: one that exec started, and not the job', async ({ jobs }) => {
  const job = await jobs.start('web', ['sleep', '1000']);
  const container = await Container.load(jobs.root, 'web');
  const [one, two] = [await container.exec(['sleep', '1000']), await container.exec(['sleep', '1000'])];
  expect((await jobs.outlive(['kill', '-s', 'HUP', '--process', one.id, 'web'])).code).toBe(0);
  expect((await one.wait()).record?.signal).toBe('SIGHUP');
  expect((await jobs.outlive(['stop', '--process', two.id, 'web'])).code).toBe(0);
  expect((await two.wait()).record?.signal).toBe('SIGTERM');
  expect((await jobs.outlive(['rm', '--process', two.id, 'web'])).code).toBe(0);
  expect(
    container
      .processes()
      .map(({ id }) => id)
      .sort(),
  ).toEqual([one.id, 'init'].sort());
  const { stderr, code } = await jobs.outlive(['kill', '--process', two.id, 'web']);
  expect(code).toBe(125);
  expect(stderr).toMatch(sentence(/web has no process/));
  expect(job.state()).toBe('running');
  container.close();
});

describe('several ids', () => {
  test('one that fails does not stop the others; the code is 125', async ({ jobs }) => {
    const [a, b] = [await jobs.start('a', ['sleep', '1000']), await jobs.start('b', ['sleep', '1000'])];
    const { stdout, stderr, code } = await jobs.outlive(['kill', 'a', 'nope', 'b']);
    expect([stdout, code]).toEqual(['a\nb\n', 125]);
    expect(stderr).toMatch(sentence(/no container nope/));
    expect([(await a.wait()).status, (await b.wait()).status]).toEqual([137, 137]);
  });

  test('stop asks all before it waits for any, and prints them in their order', async ({ jobs, scratch }) => {
    const names = ['c', 'a', 'b'];
    const dir = scratch.mkdir('asked');
    // Each ends only when all have been asked to.
    const all = names.map((id) => `[ -e ${dir}/${id} ]`).join(' && ');
    const started = [];
    for (const id of names) {
      const script = `trap 'echo >${dir}/${id}' TERM; echo ready; until ${all}; do sleep 0.05; done`;
      const job = await jobs.start(id, ['sh', '-c', script]);
      for await (const item of job.output({ follow: true })) if ('data' in item) break;
      started.push(job);
    }
    const { stdout, code } = await jobs.outlive(['stop', '-t', '600', ...names]);
    expect([stdout, code]).toEqual(['c\na\nb\n', 0]);
    const ends = await Promise.all(started.map((job) => job.wait()));
    expect(ends.map(({ status }) => status)).toEqual([0, 0, 0]);
  });
});

describe('stop', () => {
  test('sends SIGTERM, and waits for the end', async ({ jobs }) => {
    const job = await jobs.start('web', ['sleep', '1000']);
    expect(await jobs.outlive(['stop', 'web'])).toEqual({ stdout: 'web\n', stderr: '', code: 0 });
    expect([job.hasEnded || (await job.wait()).status, job.signalCode]).toEqual([expect.anything(), 'SIGTERM']);
  });

  test('-t: SIGKILL after that time; -s: another signal first', async ({ jobs }) => {
    const job = await jobs.start('deaf', stubborn);
    for await (const item of job.output({ follow: true })) if ('data' in item) break;
    expect((await jobs.outlive(['stop', '-t', '0.1', 'deaf'])).code).toBe(0);
    expect((await job.wait()).record?.signal).toBe('SIGKILL');
    const other = await jobs.start('int', ['sleep', '1000']);
    expect((await jobs.outlive(['stop', '-s', 'INT', 'int'])).code).toBe(0);
    expect((await other.wait()).record?.signal).toBe('SIGINT');
  });

  test('of one that has ended is no failure', async ({ jobs }) => {
    await jobs.startEnded('done', ['true']);
    expect(await jobs.outlive(['stop', '-t', '16.1', 'done'])).toEqual({ stdout: 'done\n', stderr: '', code: 0 });
  });

  test('a time that is none is refused', async ({ jobs }) => {
    const job = await jobs.start('web', ['sleep', '1000']);
    for (const time of ['x', '-1', '', '1e99']) {
      const { code, stderr } = await jobs.outlive(['stop', `--time=${time}`, 'web']);
      expect([time, code]).toEqual([time, 125]);
      expect(stderr).toContain('--time');
    }
    expect(job.state()).toBe('running');
  });
});

describe('rm', () => {
  test('removes what ended, with all that is kept of it', async ({ jobs }) => {
    await jobs.startEnded('done', ['echo', 'x']);
    expect(await jobs.outlive(['rm', 'done'])).toEqual({ stdout: 'done\n', stderr: '', code: 0 });
    expect(readdirSync(jobs.root)).toEqual([]);
  });

  test('refuses one that runs; -f ends it', async ({ jobs }) => {
    const job = await jobs.start('web', ['sleep', '1000']);
    const { stdout, stderr, code } = await jobs.outlive(['rm', 'web']);
    expect([stdout, code]).toEqual(['', 125]);
    expect(stderr).toMatch(sentence(/web/));
    expect(job.state()).toBe('running');
    expect(await jobs.outlive(['rm', '-f', 'web'])).toEqual({ stdout: 'web\n', stderr: '', code: 0 });
    expect(readdirSync(jobs.root)).toEqual([]);
  });

  test('of one that another program has just removed is a failure; not with -f', async ({ jobs }) => {
    const job = await jobs.startEnded('done', ['true']);
    await job.remove();
    expect(await jobs.outlive(['rm', 'done'])).toMatchObject({ stdout: '', code: 125 });
    expect(await jobs.outlive(['rm', '-f', 'done'])).toEqual({ stdout: '', stderr: '', code: 0 });
  });
});

describe.for(['kill', 'stop', 'rm', 'inspect', 'pause', 'resume', 'stats'])('%s', (verb) => {
  test('of an id that does not exist, of none that can, and in a wrong root: one sentence and 125', async ({
    jobs,
  }) => {
    const calls = [
      [[verb, 'nope'], /nope/],
      [[verb, '../up'], /\.\.\/up/],
      [[verb, ''], /must not be empty|''/],
      [['--root', `${jobs.root}/missing`, verb, 'web'], /web/],
    ] as const;
    const results = await Promise.all(calls.map(async ([args, what]) => ({ what, ...(await jobs.outlive(args)) })));
    for (const { what, stderr, code } of results) {
      expect([what, code]).toEqual([what, 125]);
      expect(stderr).toMatch(sentence(what));
    }
  });
});

const others = isRoot && (statSync(main).mode & 0o005) === 0o005;
describe.runIf(wantRight('root, which can be another user', isRoot) && others)('another user', () => {
  test('can see and end nothing of a private root', async ({ jobs }) => {
    const job = await jobs.start('web', ['sleep', '1000']);
    for (const args of [['ps'], ['kill', 'web'], ['stop', 'web'], ['rm', '-f', 'web'], ['inspect', 'web'], ['clean']]) {
      const { stderr, code } = await jobs.outlive(args, {}, 65534);
      expect([args, code]).toEqual([args, 125]);
      expect(stderr).toMatch(sentence(/EACCES|another user/));
    }
    expect(job.state()).toBe('running');
    expect((await find('web', { root: jobs.root })).state()).toBe('running');
  });
});
