/** run(), find() and list(): a plain command, and one in a container of a bundle. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, vi } from 'vitest';
import { type Process, type RunOptions, type Spec, find, list, run } from '../../src/index.js';
import { runtimeArgs, writeContainerBundle } from '../support/bundles.js';
import { noProcessLeft } from '../support/fake-runtime.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, wantRight } from '../support/strict.js';

const SLEEP = ['sleep', '1000'];

afterEach(() => vi.unstubAllEnvs());

/** A state root that is not made yet. What is in it is removed at the end of the test. */
function newRoot(scratch: Scratch): string {
  const root = join(scratch.dir, 'deep', 'runs');
  scratch.atEnd(async () => {
    for (const process of await list({}, { root })) await process.remove({ force: true });
    if (existsSync(root)) expect(readdirSync(root)).toEqual([]);
  });
  return root;
}

/** What a command prints to stdout, and its status. The process is removed. */
async function result(args: string[], options: RunOptions): Promise<{ out: string; status: number | undefined }> {
  const process = await run(args, options);
  const out = await text(process.openStdout());
  const { status } = await process.wait();
  await process.remove();
  return { out, status };
}

describe('a command on the host', () => {
  test('its output is in the log, its status exact, its directory private; remove() leaves nothing', async ({
    scratch,
  }) => {
    const root = newRoot(scratch);
    const process = await run(['sh', '-c', 'echo out; echo err >&2; exit 7'], { root });
    expect(await process.wait()).toMatchObject({ status: 7 });
    expect([await text(process.openStdout()), await text(process.openStderr())]).toEqual(['out\n', 'err\n']);
    expect(process.stdio.stdin).toBe('/dev/null');
    const { id, bundle } = process.container;
    expect(id).toMatch(/^\d{8}T\d{6}\.\d{3}-[0-9a-f]{8}$/);
    expect(bundle).toBe(join(root, id, 'init/.bundle'));
    for (const path of [root, join(root, id), bundle]) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(bundle, 'config.json')).mode & 0o777).toBe(0o600);
    await process.remove();
    expect(readdirSync(root)).toEqual([]);
  });

  test('find() brings it back while it runs and after its end; list() by label and state, in the order of the runs', async ({
    scratch,
  }) => {
    const root = newRoot(scratch);
    const first = await run(SLEEP, { root, labels: { team: 'a', job: '1=2' } });
    const second = await run(['true'], { root, labels: { team: 'a' } });
    const third = await run(SLEEP, { root });
    await second.wait();
    expect(first.labels).toEqual(['team=a', 'job=1=2']);
    const again = await find(first.container.id, { root });
    expect([again.state(), again.systemPid]).toEqual(['running', first.systemPid]);
    const ids = async (...filter: Parameters<typeof list>): Promise<string[]> => {
      const found = await list(...filter);
      found.forEach((process) => process.close());
      return found.map((process) => process.container.id);
    };
    const [a, b, c] = [first, second, third].map((process) => process.container.id);
    expect(await ids({}, { root })).toEqual([a, b, c]);
    expect(await ids({ labels: { team: 'a' } }, { root })).toEqual([a, b]);
    expect(await ids({ labels: { team: 'a', job: '1=2' } }, { root })).toEqual([a]);
    expect(await ids({ labels: { team: 'b' } }, { root })).toEqual([]);
    expect(await ids({ state: 'running' }, { root })).toEqual([a, c]);
    expect(await ids({ labels: { team: 'a' }, state: 'stopped' }, { root })).toEqual([b]);
    for (const process of [first, third, again]) process.close();
    await expect(find('another', { root })).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' });
  });

  test('cwd and umask: the caller’s, or those that are given', async ({ scratch }) => {
    const root = newRoot(scratch);
    const args = ['sh', '-c', 'pwd; umask; id -u; id -G'];
    const own = execFileSync('sh', ['-c', 'pwd; umask; id -u; id -G'], { encoding: 'utf8' });
    expect(await result(args, { root })).toEqual({ out: own, status: 0 });
    const given = own.split('\n').with(0, scratch.dir).with(1, '0027').join('\n');
    expect(await result(args, { root, cwd: scratch.dir, umask: 0o027 })).toEqual({ out: given, status: 0 });
  });

  test('the environment: the caller’s without what belongs to its service and to CI sweeps', async ({ scratch }) => {
    const root = newRoot(scratch);
    const left = [
      'NOTIFY_SOCKET',
      'LISTEN_FDS',
      'WATCHDOG_USEC',
      'INVOCATION_ID',
      'JOURNAL_STREAM',
      'RUNNER_TRACKING_ID',
    ];
    const names = [...left, 'JENKINS_NODE_COOKIE', 'JENKINS_SERVER_COOKIE'];
    for (const name of [...names, 'MINE', 'JENKINS_HOME', 'LISTENER']) vi.stubEnv(name, 'x=y');
    const { out } = await result(['env'], { root, env: { ADDED: '1', LISTENER: undefined, WATCHDOG_PID: '5' } });
    const env = out.trimEnd().split('\n');
    expect(env).toEqual(expect.arrayContaining(['MINE=x=y', 'JENKINS_HOME=x=y', 'ADDED=1', 'WATCHDOG_PID=5']));
    expect(env.filter((line) => [...names, 'LISTENER'].includes(line.split('=')[0] ?? ''))).toEqual([]);
    const only = await result(['/usr/bin/env'], { root, inheritEnv: false, env: { ONLY: 'this' } });
    expect(only.out).toBe('ONLY=this\n');
  });

  test('a terminal: its size, stdin, output in the log', async ({ scratch }) => {
    const root = newRoot(scratch);
    const process = await run(['sh', '-c', 'stty -echo; stty size; read x; echo "got $x on $TERM"'], {
      root,
      terminal: { columns: 100, rows: 30 },
      env: { TERM: 'dumb' },
    });
    let out = '';
    let isTyped = false;
    for await (const chunk of process.openStdout()) {
      out += String(chunk);
      // Before, the terminal would echo it.
      if (!isTyped && out.includes('30 100')) isTyped = process.stdin?.write('it\n') !== undefined;
    }
    expect(out.replaceAll('\r', '')).toBe('30 100\ngot it on dumb\n');
    await process.wait();
    await process.remove();
    const other = await result(['sh', '-c', 'stty size; echo $TERM'], {
      root,
      terminal: true,
      inheritEnv: false,
      env: { PATH: '/usr/bin:/bin' },
    });
    expect(other.out.replaceAll('\r', '')).toBe('24 80\nxterm\n');
  });

  test('stdin, stdout and stderr as start() takes them', async ({ scratch }) => {
    const root = newRoot(scratch);
    const file = join(scratch.dir, 'out');
    const process = await run(['cat'], { root, stdin: 'pipe', stdout: file, stderr: 'ignore' });
    process.stdin?.end('through\n');
    await process.wait();
    expect(readFileSync(file, 'utf8')).toBe('through\n');
    await process.remove();
  });

  test('the program is looked up in the PATH that it gets; none: ENOENT, and nothing is left', async ({ scratch }) => {
    const root = newRoot(scratch);
    const bin = scratch.mkdir('bin');
    writeFileSync(join(bin, 'only-here'), '#!/bin/sh\necho found\n', { mode: 0o755 });
    expect((await result(['only-here'], { root, env: { PATH: bin } })).out).toBe('found\n');
    await expect(run(['only-here'], { root, id: 'missing' })).rejects.toMatchObject({
      code: 'ERR_OCI_RUNTIME',
      cause: { code: 'ENOENT' },
    });
    expect(readdirSync(root)).toEqual([]);
  });

  test('an id that is taken, and what has it stays', async ({ scratch }) => {
    const root = newRoot(scratch);
    const process = await run(SLEEP, { root, id: 'job' });
    await expect(run(SLEEP, { root, id: 'job' })).rejects.toMatchObject({ code: 'ERR_CONTAINER_EXISTS' });
    expect(process.state()).toBe('running');
    await process.remove({ force: true });
    await noProcessLeft(process.container);
    expect(readdirSync(root)).toEqual([]);
  });
});

describe('the state root', () => {
  test('OUTLIVE_ROOT, else XDG_STATE_HOME or the home directory', async ({ scratch }) => {
    vi.stubEnv('OUTLIVE_ROOT', join(scratch.dir, 'named'));
    const process = await run(['true']);
    expect(process.container.bundle.startsWith(join(scratch.dir, 'named/'))).toBe(true);
    expect(await find(process.container.id).then((found) => found.exited)).toMatchObject({ status: 0 });
    await process.remove();
    expect(await list()).toEqual([]);
  });

  test('a missing one has no processes', async ({ scratch }) => {
    expect(await list({}, { root: join(scratch.dir, 'none') })).toEqual([]);
    expect(existsSync(join(scratch.dir, 'none'))).toBe(false);
  });

  test('one that others may write to is refused, and nothing is made in it', async ({ scratch }) => {
    const root = scratch.mkdir('shared');
    chmodSync(root, 0o777);
    await expect(run(['true'], { root })).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect(readdirSync(root)).toEqual([]);
  });

  test('one of another user is refused', async () => {
    if (isRoot) return;
    await expect(run(['true'], { root: '/usr' })).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  });
});

for (const runtime of runtimes.filter((name) => name !== 'host')) {
  describe(`in a container, ${runtime}`, () => {
    const options = (scratch: Scratch, change = (spec: Spec): Spec => spec): RunOptions & { root: string } => {
      const bundle = writeContainerBundle(
        scratch.mkdir('bundle'),
        runtime,
        { args: ['echo', 'its own'] },
        {
          rootless: !isRoot,
          change,
        },
      );
      return { root: newRoot(scratch), bundle, runtime, runtimeArgs: runtimeArgs(runtime, scratch.dir) };
    };

    test('args, env, cwd and umask are put in place of the bundle’s, which is only read', async ({ scratch }) => {
      const given = options(scratch);
      const config = join(given.bundle ?? '', 'config.json');
      const before = readFileSync(config, 'utf8');
      const args = ['sh', '-c', 'echo $MINE; pwd; umask; ls -d /proc/1; readlink /bin/ls'];
      const { out, status } = await result(args, { ...given, env: { MINE: 'yes' }, cwd: '/tmp', umask: 0o077 });
      expect({ out, status }).toEqual({ out: 'yes\n/tmp\n0077\n/proc/1\nbusybox\n', status: 0 });
      expect(readFileSync(config, 'utf8')).toBe(before);
      expect(readdirSync(given.bundle ?? '').toSorted()).toEqual(['config.json', 'rootfs']);
      expect(readdirSync(given.root)).toEqual([]);
    });

    test('no args: what the bundle says; several containers of one bundle at once', async ({ scratch }) => {
      const given = options(scratch);
      const results = await Promise.all([result([], given), result([], given), result(['echo', 'mine'], given)]);
      expect(results.map(({ out }) => out)).toEqual(['its own\n', 'its own\n', 'mine\n']);
    });

    test('a bind mount with a path relative to the bundle', async ({ scratch }) => {
      const given = options(scratch, (spec) => ({
        ...spec,
        mounts: [
          ...(spec.mounts ?? []),
          { destination: '/etc', type: 'bind', source: 'data', options: ['bind', 'ro'] },
        ],
      }));
      mkdirSync(join(given.bundle ?? '', 'data'));
      writeFileSync(join(given.bundle ?? '', 'data/file'), 'bound\n');
      expect((await result(['cat', '/etc/file'], given)).out).toBe('bound\n');
    });

    test('a missing program: ENOENT, and nothing is left', async ({ scratch }) => {
      const given = options(scratch);
      await expect(run(['no-such-program'], given)).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
      expect(readdirSync(given.root)).toEqual([]);
    });

    if (wantRight('root, for a limit of a container', isRoot)) {
      test('resources are put beside the bundle’s', async ({ scratch }) => {
        const given = options(scratch);
        const process = await run(SLEEP, { ...given, resources: { pids: { limit: 33 } } });
        expect((await process.container.stats()).pids.limit).toBe(33);
        expect(process.container.inspect().limits).toMatchObject({ pids: { limit: 33 }, devices: [{ allow: false }] });
        await process.remove({ force: true });
      });
    }

    test('a bundle with a number that would be changed is refused', async ({ scratch }) => {
      const given = options(scratch, (spec) => ({ ...spec, annotations: { big: (2 ** 63) as unknown as string } }));
      await expect(run([], given)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
      expect(existsSync(given.root)).toBe(false);
    });
  });
}

const run_ = run as (args: unknown, options: unknown) => Promise<Process>;

test.for<[string, unknown, unknown, string]>([
  ['args', [], {}, 'ERR_INVALID_ARG_VALUE'],
  ['args', 'ls', {}, 'ERR_INVALID_ARG_TYPE'],
  ['args[0]', [''], {}, 'ERR_INVALID_ARG_VALUE'],
  ['args[1]', ['ls', 1], {}, 'ERR_INVALID_ARG_TYPE'],
  ['options', ['ls'], 5, 'ERR_INVALID_ARG_TYPE'],
  ['options.Cwd', ['ls'], { Cwd: '/' }, 'ERR_INVALID_ARG_VALUE'],
  ['options.root', ['ls'], { root: '' }, 'ERR_INVALID_ARG_VALUE'],
  ['options.id', ['ls'], { id: '../x' }, 'ERR_INVALID_ARG_VALUE'],
  ['options.cwd', ['ls'], { cwd: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ['options.cwd', ['ls'], { cwd: 'here', bundle: '/', runtime: 'runc' }, 'ERR_INVALID_ARG_VALUE'],
  ['options.env', ['ls'], { env: ['A=1'] }, 'ERR_INVALID_ARG_TYPE'],
  ['options.env', ['ls'], { env: { 'A=': '1' } }, 'ERR_INVALID_ARG_VALUE'],
  ['options.env.A', ['ls'], { env: { A: 1 } }, 'ERR_INVALID_ARG_TYPE'],
  ['options.inheritEnv', ['ls'], { inheritEnv: 'no' }, 'ERR_INVALID_ARG_TYPE'],
  ['options.user', ['ls'], { user: 'root' }, 'ERR_INVALID_ARG_TYPE'],
  ['options.user.gid', ['ls'], { user: { uid: 1 } }, 'ERR_INVALID_ARG_TYPE'],
  ['options.umask', ['ls'], { umask: 0o1000 }, 'ERR_OUT_OF_RANGE'],
  ['options.terminal', ['ls'], { terminal: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  ['options.terminal.rows', ['ls'], { terminal: { columns: 80 } }, 'ERR_INVALID_ARG_TYPE'],
  ['options.terminal.columns', ['ls'], { terminal: { columns: 0, rows: 1 } }, 'ERR_OUT_OF_RANGE'],
  ['options.terminal.width', ['ls'], { terminal: { width: 80 } }, 'ERR_INVALID_ARG_VALUE'],
  ['options.stdin', ['ls'], { stdin: 'log' }, 'ERR_INVALID_ARG_VALUE'],
  ['options.stdout', ['ls'], { stdout: 'lgo' }, 'ERR_INVALID_ARG_VALUE'],
  ['options.stderr', ['ls'], { stderr: 2 }, 'ERR_INVALID_ARG_TYPE'],
  ['options.log', ['ls'], { stdout: 'ignore', stderr: 'ignore', log: {} }, 'ERR_INVALID_ARG_VALUE'],
  ['options.log.maxBytes', ['ls'], { log: { maxBytes: 1 } }, 'ERR_OUT_OF_RANGE'],
  ['options.labels', ['ls'], { labels: ['a=b'] }, 'ERR_INVALID_ARG_TYPE'],
  ['options.labels', ['ls'], { labels: { 'a=': 'b' } }, 'ERR_INVALID_ARG_VALUE'],
  ['options.labels.a', ['ls'], { labels: { a: 1 } }, 'ERR_INVALID_ARG_TYPE'],
  ['options.resources', ['ls'], { resources: 5 }, 'ERR_INVALID_ARG_TYPE'],
  ['options.scope', ['ls'], { scope: 'user' }, 'ERR_INVALID_ARG_VALUE'],
  ['options.timeoutMs', ['ls'], { timeoutMs: 0 }, 'ERR_OUT_OF_RANGE'],
  ['options.bundle', ['ls'], { bundle: 5 }, 'ERR_INVALID_ARG_TYPE'],
  ['options.runtime', ['ls'], { runtime: 'runc' }, 'ERR_INVALID_ARG_VALUE'],
  ['options.runtimeArgs', ['ls'], { runtimeArgs: '--debug' }, 'ERR_INVALID_ARG_TYPE'],
])('%s is refused by its name: run(%j, %j), and no root is made', async ([name, args, options, code], { scratch }) => {
  const root = join(scratch.dir, 'runs');
  const given: unknown = typeof options === 'object' ? { root, ...options } : options;
  const error = await run_(args, given).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code, message: expect.stringMatching(/./) as string });
  const named = /"([^"]+)"|'([^']+)'/.exec((error as Error).message);
  expect(named?.[1] ?? named?.[2]).toBe(name);
  expect(existsSync(root)).toBe(false);
});

test.for<[unknown, unknown, string]>([
  [{ labels: ['a=b'] }, {}, 'ERR_INVALID_ARG_TYPE'],
  [{ label: {} }, {}, 'ERR_INVALID_ARG_VALUE'],
  [{ state: 'gone' }, {}, 'ERR_INVALID_ARG_VALUE'],
  [{}, { Root: '/' }, 'ERR_INVALID_ARG_VALUE'],
  [{}, { timeoutMs: 0 }, 'ERR_OUT_OF_RANGE'],
])('list(%j, %j) is refused', async ([filter, options, code]) => {
  await expect(list(filter as object, options as object)).rejects.toMatchObject({ code });
});

test('a root behind a link is used by its real path', async ({ scratch }) => {
  const root = newRoot(scratch);
  const process = await run(['true'], { root });
  expect(realpathSync(process.container.bundle)).toBe(process.container.bundle);
  await process.wait();
});
