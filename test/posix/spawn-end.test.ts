// spawn(): the exit of a child, a spawn that fails, and a process that ends before its children.
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { signalName } from '../../src/posix/signals.js';
import { childrenOf } from '../support/proc.js';
import { want } from '../support/strict.js';
import { canRun, fixture, openDescriptors, run, sleeper, temporaryDirectory } from './helpers.js';

const haveStrace = await canRun('strace', '-f', '-e', 'trace=none', 'true');

describe('the end of a child', () => {
  it('is reported for each of the 256 exit codes', async () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    const exits = await Promise.all(
      codes.map(async (code) => (await posix.spawn('sh', ['-c', `exit ${code}`])).exited),
    );
    expect(exits.map((exit) => [exit.code, exit.signal])).toEqual(codes.map((code) => [code, null]));
  });

  it('is reported for every signal that ends a process', async () => {
    const harmless = ['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'];
    const numbers = Array.from({ length: 64 }, (_, index) => index + 1).filter(
      (number) => !harmless.includes(signalName(number)),
    );
    const exits = await Promise.all(
      numbers.map(async (number) => {
        const child = await posix.spawn('sleep', ['60'], { env: {} });
        child.kill(number);
        return child.exited;
      }),
    );
    expect(exits.map((exit) => [exit.code, exit.signal])).toEqual(numbers.map((number) => [null, signalName(number)]));
  });

  it('comes with its resource usage', async () => {
    const child = await posix.spawn('sh', ['-c', 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done']);
    const { resourceUsage, coreDumped } = await child.exited;
    expect(coreDumped).toBe(false);
    expect(resourceUsage.userCPUTime).toBeGreaterThan(1000);
    expect(resourceUsage.maxRSS).toBeGreaterThan(100);
    expect(Object.keys(resourceUsage).sort()).toEqual(Object.keys(process.resourceUsage()).sort());
  });

  it('closes the pidfd; the object can signal nobody after that', async () => {
    const before = openDescriptors();
    const child = await sleeper();
    expect(child.pidfd).toBeGreaterThan(2);
    child.kill();
    expect(await child.exited).toMatchObject({ signal: 'SIGTERM' });
    expect(child.pidfd).toBe(-1);
    expect(() => {
      child.kill(0);
    }).toThrow(expect.objectContaining({ code: 'ESRCH', syscall: 'pidfd_send_signal' }) as Error);
    child.ref().unref().close();
    expect(openDescriptors()).toEqual(before);
  });

  it('is reported, and the child reaped, also after close()', async () => {
    const child = await posix.spawn('sh', ['-c', 'exit 9']);
    child.close();
    expect(child.pidfd).toBe(-1);
    expect(() => {
      child.kill(0);
    }).toThrow(expect.objectContaining({ code: 'ESRCH' }) as Error);
    const keepAlive = setInterval(() => undefined, 1000);
    expect(await child.exited).toMatchObject({ code: 9 });
    clearInterval(keepAlive);
    expect(childrenOf(process.pid)).not.toContain(child.pid);
  });

  it('is an error if somebody else reaped the child', async () => {
    const child = await posix.spawn('true');
    const pidfd = posix.pidfdOpen(child.pid);
    // Before the event loop turns.
    while (posix.waitPidfd(pidfd) === null) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    posix.close(pidfd);
    await expect(child.exited).rejects.toMatchObject({ code: 'ECHILD', syscall: 'waitid' });
    expect(child.pidfd).toBe(-1);
  });
});

describe('a spawn that fails', () => {
  it('leaves no child and no descriptor, and names the program', async () => {
    const [descriptors, children] = [openDescriptors(), childrenOf(process.pid)];
    const attempts = [
      posix.spawn('/nonexistent/program', ['a', Buffer.from('b')]),
      posix.spawn('true', [], { cwd: '/nonexistent' }),
      posix.spawn('true', [], { setpgid: 0x7ffffff0 }),
      posix.spawn('true', [], { stdio: [0, 1, 99999] }),
    ];
    const [program, directory] = (await Promise.allSettled(attempts)).map(
      (result) => (result as PromiseRejectedResult).reason as posix.SystemError,
    );
    expect(program).toMatchObject({
      code: 'ENOENT',
      errno: -2,
      syscall: 'spawn',
      path: '/nonexistent/program',
      spawnargs: ['a', 'b'],
      message: "ENOENT: no such file or directory, spawn '/nonexistent/program'",
    });
    expect(directory).toMatchObject({ code: 'ENOENT', syscall: 'chdir', path: '/nonexistent' });
    expect(openDescriptors()).toEqual(descriptors);
    expect(childrenOf(process.pid)).toEqual(children);
  });
});

describe('a process with children', () => {
  it.each([
    ['stays alive until its child has ended', 'ref', 'exited 3\n'],
    ['ends before a child that was unref()ed, which lives on', 'unref', 'alive\n'],
    ['ends before a child that was given up by close(), which lives on', 'close', 'alive\n'],
    ['reaps children that it dropped', 'drop', 'children 0 descriptors +0\n'],
    ['can end by process.exit() while it spawns', 'exit', ''],
  ])('%s', async (_, scenario, stdout) => {
    const finished = await run(process.execPath, ['--expose-gc', fixture('spawns.js'), scenario]);
    expect(finished).toMatchObject({ code: 0, stdout, stderr: '' });
  });

  it.runIf(want('strace', haveStrace))(
    'clones off the main thread, sharing memory, and waits for no other child',
    async () => {
      const trace = join(temporaryDirectory(), 'trace');
      const calls = 'trace=clone,clone3,fork,vfork,wait4,waitid,close_range,setpgid,execve';
      const finished = await run('strace', [
        '-f',
        '-e',
        calls,
        '-o',
        trace,
        process.execPath,
        fixture('spawns.js'),
        'plain',
      ]);
      expect(finished).toMatchObject({ code: 0, stdout: 'exited 3\n' });
      const lines = readFileSync(trace, 'utf8').split('\n');
      const main = lines[0]?.split(' ')[0] ?? '';
      const clones = lines.filter((line) => /clone\(.*CLONE_PIDFD/.test(line));
      expect(clones).toHaveLength(1);
      expect(clones[0]).toMatch(/flags=CLONE_VM\|CLONE_FILES\|CLONE_PIDFD\|CLONE_VFORK\|SIGCHLD/);
      expect(clones[0]?.startsWith(`${main} `)).toBe(false);
      expect(lines.filter((line) => /close_range\(0, 4294967295, (CLOSE_RANGE_UNSHARE|0x2)/.test(line))).toHaveLength(
        1,
      );
      expect(lines.filter((line) => /wait4|waitid\(P_ALL|fork\(/.test(line))).toEqual([]);
      expect(lines.filter((line) => /waitid\((P_PIDFD|0x3)/.test(line)).length).toBeGreaterThan(0);
    },
  );
});
