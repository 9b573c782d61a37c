// spawn({ detach: true }): a child that is nobody's child here. And spawn() where close_range(2) is refused.
import { closeSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { allPids, childrenOf, readIfThere, statOf } from '../support/proc.js';
import { until } from '../support/until.js';
import { strict, want } from '../support/strict.js';
import {
  canRun,
  fixture,
  memoryLimitKiB,
  openDescriptors,
  run,
  runFixture,
  sleeper,
  temporaryDirectory,
} from './helpers.js';

const haveStrace = await canRun('strace', '-f', '-e', 'trace=none', 'true');

// Enough for a slow machine whose cores are busy.
const timeout = 180_000;

/** A detached child that waits to be killed; killed after the test. */
async function detachedSleeper(): Promise<posix.Spawned<posix.ChildExit | null>> {
  const child = await posix.spawn('sleep', ['60'], { detach: true });
  onTestFinished(async () => {
    if (child.pidfd !== -1) child.kill('SIGKILL');
    await child.exited;
  });
  return child;
}

/** What a detached shell script writes to its descriptor 3. */
async function output(script: string, options: Partial<posix.DetachedSpawnOptions> = {}): Promise<string> {
  const path = join(temporaryDirectory(), 'output');
  const fd = openSync(path, 'w');
  const child = await posix.spawn('sh', ['-c', script], { stdio: [null, null, null, fd], ...options, detach: true });
  closeSync(fd);
  await child.exited;
  return readFileSync(path, 'utf8');
}

/** The members of a process group that have not ended. */
function membersOf(group: number): number[] {
  return allPids().filter((pid) => {
    const stat = readIfThere(`/proc/${pid}/stat`);
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(pgrp) === group && state !== 'Z';
  });
}

describe('a detached child', () => {
  it('is the child of init or a subreaper, and leads its own session and group', async () => {
    const before = childrenOf(process.pid);
    const child = await detachedSleeper();
    const parent = statOf(child.pid)?.parent ?? 0;
    expect(parent).toBeGreaterThan(0);
    expect(parent).not.toBe(process.pid);
    expect(statOf(parent)?.name).not.toBe('sleep');
    expect(childrenOf(process.pid)).toEqual(before);
    expect([posix.getpgid(child.pid), posix.getsid(child.pid)]).toEqual([child.pid, child.pid]);
  });

  it('has a pidfd that is its own and close-on-exec', async () => {
    const child = await detachedSleeper();
    const info = readFileSync(`/proc/self/fdinfo/${child.pidfd}`, 'utf8');
    expect(/^Pid:\s+(\d+)$/m.exec(info)?.[1]).toBe(String(child.pid));
    expect(parseInt(/^flags:\s+(\d+)$/m.exec(info)?.[1] ?? '', 8) & 0o2000000).toBe(0o2000000);
    expect(posix.pidfdHasEnded(child.pidfd)).toBe(false);
    expect(() => posix.waitPidfd(child.pidfd)).toThrow(expect.objectContaining({ code: 'ECHILD' }) as Error);
  });

  it('ends with null: its parent is told how, not we', async () => {
    const before = openDescriptors();
    const child = await posix.spawn('sh', ['-c', 'exit 3'], { detach: true });
    expect(await child.exited).toBeNull();
    expect(child.pidfd).toBe(-1);
    expect(() => {
      child.kill(0);
    }).toThrow(expect.objectContaining({ code: 'ESRCH' }) as Error);
    expect(openDescriptors()).toEqual(before);
  });

  it('has the given directory, environment and descriptors, and only those', async () => {
    const cwd = realpathSync(temporaryDirectory());
    const env = { PATH: process.env.PATH, A: 'b' };
    // 4 is the directory that ls reads. (A shell in a pipeline has the ends of the pipe for a moment.)
    const script = 'echo $A >&3; pwd >&3; exec ls /proc/self/fd >&3';
    expect(await output(script, { cwd, env })).toBe(`b\n${cwd}\n0\n1\n2\n3\n4\n`);
  });

  it('has every signal at default and unblocked', async () => {
    const status = await output('exec cat /proc/self/status >&3', { env: { PATH: process.env.PATH } });
    const fields = [...status.matchAll(/^Sig(Pnd|Blk|Ign|Cgt):\s+(\w+)$/gm)].map((match) => match[2]);
    expect(fields).toEqual(['0', '0', '0', '0'].map((zero) => zero.padStart(16, '0')));
  });

  it.each([
    [{ setpgid: true }, 'options.setpgid'],
    [{ setpgid: 1 }, 'options.setpgid'],
    [{ setsid: false }, 'options.setsid'],
  ])('is refused together with %o', async (options, name) => {
    const all = { detach: true, ...options } as posix.DetachedSpawnOptions;
    await expect(posix.spawn('true', [], all)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining(name) as string,
    });
  });

  it('is signalled with all of its group, also after its own end', async () => {
    const child = await posix.spawn('sh', ['-c', 'sleep 60 & exit'], { detach: true });
    const pidfd = posix.pidfdOpen(child.pid);
    await child.exited;
    const [member = 0] = membersOf(child.pid);
    expect(posix.getpgid(member)).toBe(child.pid);
    posix.pidfdSendSignal(pidfd, 'SIGKILL', { processGroup: true });
    await until('all are gone', () => membersOf(child.pid).length === 0);
    posix.close(pidfd);
  });
});

describe('the group of a pidfd', () => {
  it('is only that which the process leads', async () => {
    const child = await sleeper();
    expect(() => {
      posix.pidfdSendSignal(child.pidfd, 0, { processGroup: true });
    }).toThrow(expect.objectContaining({ code: 'ESRCH', syscall: 'pidfd_send_signal' }) as Error);
  });
});

describe('detached children', () => {
  it('that fail leave no zombie and no descriptor', { timeout }, async () => {
    expect(await runFixture('detached.js', 'errors')).toEqual({
      failures: ['ENOENT spawn', 'EACCES spawn', 'E2BIG spawn', 'ENOENT chdir', 'EBADF spawn'],
      descriptors: 0,
      children: 0,
    });
  });

  it('of a subreaper end with their codes and leave no zombie', { timeout }, async () => {
    const left = { descriptors: 0, children: 0 };
    expect(await runFixture('detached.js', 'subreaper')).toEqual({
      right: 50,
      isOurs: true,
      signal: 'SIGKILL',
      ...left,
    });
  });

  it('may be very many', { timeout }, async () => {
    const rounds = strict ? 5_000 : 2_000;
    const left = (await runFixture('detached.js', 'many', String(rounds))) as Record<string, number>;
    expect(left).toMatchObject({ ended: rounds, notNull: 0, descriptors: 0, children: 0 });
    expect(left.memoryKiB).toBeLessThan(memoryLimitKiB(rounds));
  });

  it('do not disturb those of child_process and those that are not detached', { timeout }, async () => {
    const each = strict ? 500 : 200;
    const right = { detached: each, posix: each, childProcess: each };
    expect(await runFixture('detached.js', 'beside', String(each))).toEqual({ ...right, children: 0 });
  });

  it('cause no SIGCHLD', async () => {
    expect(await runFixture('detached.js', 'sigchld')).toEqual({ ofDetached: 0 });
  });

  it('may be spawned by worker threads that are terminated meanwhile', { timeout }, async () => {
    expect(await runFixture('workers.js', 'terminateDetached')).toEqual({
      terminated: 30,
      descriptors: 0,
      children: 0,
    });
  });
});

describe('under strace', () => {
  if (!want('strace', haveStrace)) return;

  const traced = async (inject: string, ...args: string[]): Promise<string> => {
    const trace = join(temporaryDirectory(), 'trace');
    const call = inject.slice(0, inject.indexOf(':'));
    // Descriptor 100 is not close-on-exec: Node marks only those that it finds near the beginning.
    const strace = ['strace', '-f', '-o', trace, '-e', `trace=${call}`, '-e', `inject=${inject}`];
    const words = [...strace, process.execPath, fixture('detached.js'), ...args];
    const finished = await run('bash', ['-c', 'exec 100</dev/null; exec "$@"', 'bash', ...words]);
    expect(finished).toMatchObject({ code: 0 });
    return finished.stdout;
  };

  it.each([
    ['/bin/sh', { isOurs: true, code: 7, children: 0 }],
    ['/nonexistent', { failure: 'ENOENT spawn', children: 0 }],
  ])('a child outlives its intermediate process that is killed: %s', { timeout }, async (program, expected) => {
    // Five seconds: on a busy machine one was not enough to see the intermediate process.
    const stdout = await traced('execve:delay_enter=5000000', 'killed', program);
    expect(JSON.parse(stdout)).toEqual(expected);
  });

  it.each(['close_range:error=ENOSYS', 'close_range:error=EPERM', 'close_range:error=EINVAL', 'openat:delay_enter=0'])(
    'a child that gets only /dev/null has that, and its parent keeps what it has: %s',
    { timeout },
    async (inject) => {
      const directory = temporaryDirectory();
      expect(JSON.parse(await traced(inject, 'onlyNull', directory))).toEqual({
        ends: Array.from({ length: 2 }, () => '/dev/null /dev/null 0 1 2 end'),
        isKept: true,
        failure: 'ENOENT chdir',
        children: 0,
      });
    },
  );

  it.each(['ENOSYS', 'EPERM'])(
    'a child has no other descriptors where close_range gives %s',
    { timeout },
    async (error) => {
      expect(await traced(`close_range:error=${error}`, 'descriptors')).toBe('0\n1\n2\n3\n4\n{"code":0}');
    },
  );
});
