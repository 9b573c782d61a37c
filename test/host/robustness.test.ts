// Two commands at once, and a runtime that is killed at any moment: one consistent state, and no unknown process.
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kill } from 'node:process';
import { processesWith, statOf } from '../support/proc.js';
import { installed, succeeds, want } from '../support/strict.js';
import { until } from '../support/until.js';
import { callers, eachWithHost, Host, runs, shell } from './harness.js';

let host: Host;
eachWithHost((one) => {
  host = one;
});

it('of several runs of one id, one succeeds', async () => {
  for (let round = 0; round < 10; round++) {
    const bundle = host.bundle('a', { process: shell('exec sleep 1000') });
    const runsOfOne = Array.from({ length: 6 }, () => host.command(['run', '-d', '-b', bundle, 'a']));
    const outcomes = await Promise.all(runsOfOne);
    expect(outcomes.filter(({ status }) => status === 0)).toHaveLength(1);
    const errors = outcomes.flatMap((outcome) => outcome.errors);
    expect(errors).toEqual(Array(5).fill('container with id exists: a'));
    expect((await host.delete('a', '--force')).errors).toEqual([]);
  }
});

it('runs and deletes of one id at once leave nothing after the last delete', async () => {
  const bundle = host.bundle('a', { process: { args: ['/usr/bin/tail', '-f', host.write('kept', '')], cwd: '/' } });
  for (let round = 0; round < 15; round++) {
    await Promise.all([
      host.command(['run', '-d', '-b', bundle, 'a']),
      host.delete('a', '--force'),
      host.command(['run', '-d', '-b', bundle, 'a']),
      host.delete('a', '--force'),
    ]);
  }
  expect((await host.delete('a', '--force')).errors).toEqual([]);
  expect(readdirSync(host.root)).toEqual([]);
  expect(processesWith(host.dir).filter((pid) => pid !== host.reaperPid)).toEqual([]);
});

const canInject = want(
  'strace',
  installed('strace') && succeeds('strace', ['-o', '/dev/null', '-e', 'inject=all:signal=CONT:when=9999', 'true']),
);

it.runIf(canInject)('a delete does not kill an exec that has written its pid file', async () => {
  await host.run('a', shell('exec sleep 1000'));
  const process = host.write('process-b.json', JSON.stringify(shell('exec sleep 1000')));
  const args = ['exec', '-d', '--process', process, '--pid-file', host.path('pid-b'), 'a'];
  // The second file that it renames is the pid file. -D: the exec itself is the child whose status is read.
  const inject = 'inject=rename,renameat,renameat2:delay_exit=500000:when=2';
  const exec = host.command(args, ['strace', '-D', '-o', '/dev/null', '-e', inject]);
  await until('the pid file', () => existsSync(host.path('pid-b')));
  const deleted = host.delete('a', '--force');
  expect(await exec).toMatchObject({ status: 0, errors: [] });
  expect(await deleted).toMatchObject({ status: 0, errors: [] });
  expect(await host.exit(Number(host.read('pid-b')))).toEqual({ signal: 9 });
});

describe.runIf(canInject).each(callers)('killed before each of its system calls, by %s', (_, options) => {
  /** Kills the command before its nth system call, for every `least`th n, or fewer under sanitizers, until it gets through. */
  async function killedEverywhere(least: number, args: () => Promise<string[]>, check: () => Promise<void>) {
    await host[Symbol.asyncDispose]();
    host = new Host(options);
    const stride = Math.max(least, Number(process.env.OUTLIVE_KILL_STRIDE ?? 1));
    for (let n = 1; ; n += stride) {
      const words = await args();
      const tracer = ['strace', '-o', '/dev/null', '-e', `inject=all:signal=KILL:when=${n}`];
      const { status } = await host.command(words, tracer);
      await check();
      if (status === 0) break;
      expect(n).toBeLessThan(5000);
    }
    expect(processesWith(host.dir).filter((pid) => pid !== host.reaperPid)).toEqual([]);
  }

  const tail = (): object => ({ args: ['/usr/bin/tail', '-f', host.path('kept')], cwd: '/' });

  async function deleteAll(): Promise<void> {
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(existsSync(host.root) ? readdirSync(host.root) : []).toEqual([]);
    expect(processesWith(host.path('kept'))).toEqual([]);
  }

  it('run', async () => {
    await killedEverywhere(
      1,
      () => {
        host.write('kept', '');
        return Promise.resolve(['run', '-d', '-b', host.bundle('a', { process: tail() }), 'a']);
      },
      deleteAll,
    );
  });

  it('exec', async () => {
    await killedEverywhere(
      1,
      async () => {
        host.write('kept', '');
        await host.run('a', shell('exec sleep 1000'));
        return ['exec', '-d', '-p', host.write('process.json', JSON.stringify(tail())), 'a'];
      },
      deleteAll,
    );
  });

  it('create', { timeout: 180_000 }, async () => {
    await killedEverywhere(
      1,
      () => {
        host.write('kept', '');
        return Promise.resolve(['create', '-b', host.bundle('a', { process: tail() }), 'a']);
      },
      async () => {
        expect(processesWith(host.path('kept'))).toEqual([]);
        await deleteAll();
        // A process that waits for `start` has the command line of its `create`.
        expect(processesWith(host.path('bundle-a'))).toEqual([]);
      },
    );
  });

  it('start', { timeout: 180_000 }, async () => {
    await killedEverywhere(
      1,
      async () => {
        host.write('kept', '');
        await host.create('a', tail());
        return ['start', 'a'];
      },
      async () => {
        const { pid } = host.state('a');
        await startAnyway();
        expect(host.state('a')).toMatchObject({ status: 'running', pid });
        expect(processesWith(host.path('kept'))).toEqual([pid]);
        await deleteAll();
      },
    );
  });

  it('pause', { timeout: 180_000 }, async () => {
    await killedEverywhere(7, pausable(['pause', 'a']), async () => {
      if (host.state('a').status === 'paused') expect((await host.command(['resume', 'a'])).errors).toEqual([]);
      await goesOn();
    });
  });

  it('resume', { timeout: 180_000 }, async () => {
    const run = pausable(['resume', 'a']);
    await killedEverywhere(
      3,
      async () => {
        const words = await run();
        expect((await host.command(['pause', 'a'])).errors).toEqual([]);
        return words;
      },
      async () => {
        if (host.state('a').status === 'paused') expect((await host.command(['resume', 'a'])).errors).toEqual([]);
        await goesOn();
      },
    );
  });

  /** A process with a child, each of which adds to a file without end. */
  function pausable(command: string[]): () => Promise<string[]> {
    return async () => {
      const add = (name: string): string => `while :; do echo >> ${host.path(name)}; sleep 0.001; done`;
      await host.run('a', shell(`(${add('child')}) & ${add('init')}`));
      await until('the child', () => existsSync(host.path('child')));
      return command;
    };
  }

  async function goesOn(): Promise<void> {
    expect(host.state('a').status).toBe('running');
    for (const name of ['init', 'child']) {
      const before = existsSync(host.path(name)) ? host.read(name).length : 0;
      await until(`more of ${name}`, () => existsSync(host.path(name)) && host.read(name).length > before);
    }
    await deleteAll();
    for (const name of ['init', 'child']) rmSync(host.path(name));
  }

  /** Starts the container unless the start that was killed had already reached the process. */
  async function startAnyway(): Promise<void> {
    const { errors } = await host.command(['start', 'a']);
    if (errors.length > 0) expect(errors).toEqual(['cannot start an already running container']);
  }

  it('delete', async () => {
    await killedEverywhere(
      11,
      async () => {
        host.write('kept', '');
        await host.run('a', tail());
        return ['delete', '--force', 'a'];
      },
      deleteAll,
    );
  });
});

it.runIf(canInject).each([
  ['', []],
  [', on a kernel without clone3', ['-e', 'inject=clone3:error=ENOSYS']],
])('the process of a run is made without a copy of the memory, and records itself%s', async (_, inject) => {
  const trace = host.path('trace');
  const calls = ['-e', 'trace=clone,clone3,vfork,fork,renameat'];
  // strace ends with the last process.
  const words = [
    'run',
    '-d',
    '-b',
    host.bundle('a', { process: shell('exit 0') }),
    '--pid-file',
    host.path('pid'),
    'a',
  ];
  const outcome = await host.command(words, ['strace', '-f', '-o', trace, ...calls, ...inject]);
  expect(outcome).toMatchObject({ status: 0, errors: [] });
  const lines = host.read('trace').split('\n');
  // By vfork, or by a clone3 that is like it: no copy of the page tables.
  expect(lines.filter((line) => /\b(fork|clone)\(/.test(line) && !line.includes('CLONE_VFORK'))).toEqual([]);
  const isRecord = (line: string): boolean => line.startsWith(`${host.read('pid')} `) && line.includes('"state.json"');
  expect(lines.filter(isRecord)).toHaveLength(1);
});

it.runIf(canInject)('a limit of 4 descriptors is none for the start where close_range is refused', async () => {
  const rlimits = [{ type: 'RLIMIT_NOFILE', soft: 4, hard: 5 }];
  const bundle = host.bundle('a', { process: { ...shell(''), args: ['/bin/busybox', 'true'], rlimits } });
  const tracer = ['strace', '-f', '-D', '-o', '/dev/null', '-e', 'inject=close_range:error=ENOSYS'];
  expect(await host.command(['run', '-d', '-b', bundle, '--pid-file', host.path('pid'), 'a'], tracer)).toMatchObject({
    status: 0,
    errors: [],
  });
  expect(await host.exit(Number(host.read('pid')))).toEqual({ code: 0 });
});

describe('a run that is killed', () => {
  it('at any moment leaves only what delete finds', async () => {
    // The command line contains a path of this test, so a process that is left can be found.
    const bundle = host.bundle('a', { process: { args: ['/usr/bin/tail', '-f', host.write('kept', '')], cwd: '/' } });
    const words = `${host.binary} --root ${host.root} run -d -b ${bundle} a`;
    let killed = 0;
    for (let step = 0; step < 60; step++) {
      // Wait a little longer each time, then SIGKILL.
      const script = `${words} & p=$!; i=0; while [ $i -lt ${step * 12} ]; do i=$((i+1)); done; kill -9 $p; wait $p; exit $?`;
      const { code } = await host.exit(await host.launch(['dash', '-c', script]));
      if (code === 137) killed++;
      expect((await host.delete('a', '--force')).errors).toEqual([]);
      expect(existsSync(host.root) ? readdirSync(host.root) : []).toEqual([]);
    }
    expect(killed).toBeGreaterThan(0);
    expect(processesWith(host.dir).filter((pid) => pid !== host.reaperPid)).toEqual([]);
  });

  it.runIf(canInject)('when its process is recorded and runs no program yet, runs none', async () => {
    const process = { args: ['/usr/bin/touch', host.path('ran')], cwd: '/' };
    const words = ['run', '-d', '-b', host.bundle('a', { process }), 'a'];
    const inject = ['-e', 'trace=setsid', '-e', 'inject=setsid:delay_enter=5000000'];
    const run = host.command(words, ['strace', '-f', '-o', '/dev/null', ...inject]);
    await until('the record', () => existsSync(`${host.root}/a/state.json`));
    const { pid } = host.state('a');
    kill(statOf(pid)?.parent ?? 0, 'SIGKILL');
    expect((await run).status).not.toBe(0);
    await until('its end', () => !runs(pid));
    expect(existsSync(host.path('ran'))).toBe(false);
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('before it wrote its state is shown as creating, and can be deleted', async () => {
    await host.exit(await host.run('b', shell('exit 0')));
    mkdirSync(`${host.root}/a`, { mode: 0o700 });
    symlinkSync('/sys/fs/cgroup/no-such/outlive-a-0123456789abcdef', `${host.root}/a/cgroup`);
    expect(host.state('a')).toMatchObject({ status: 'creating', pid: 0 });
    expect((await host.tryRun('a', shell('true'))).errors).toEqual(['container with id exists: a']);
    expect((await host.command(['kill', 'a'])).errors).toEqual(['container not running']);
    expect((await host.tryExec('a', 'x', shell('true'))).errors).toEqual(['cannot exec in a stopped container']);
    expect((await host.delete('a')).errors).toEqual([]);
    expect(readdirSync(host.root)).toEqual(['b']);
  });

  it('leaves a link that does not make delete end a foreign cgroup', async () => {
    const pid = await host.run('b', shell('exec sleep 1000'));
    mkdirSync(`${host.root}/a`, { mode: 0o700 });
    symlinkSync('/', `${host.root}/a/cgroup`);
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(runs(pid)).toBe(true);
  });
});
