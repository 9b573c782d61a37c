// Process ids, groups, sessions and pidfds: the calls when they succeed.
import { spawn as spawnByNode } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { childrenOf } from '../support/proc.js';
import { openDescriptors, sleeper } from './helpers.js';

describe('kill', () => {
  it('sends a signal by name, by number and by real-time name', async () => {
    for (const [signal, expected] of [
      ['SIGTERM', 'SIGTERM'],
      [9, 'SIGKILL'],
      ['SIGRTMIN+3', 'SIGRTMIN+3'],
      ['SIGRTMAX', 'SIGRTMIN+30'],
      [32, 'SIG32'],
    ] as const) {
      const child = await sleeper();
      posix.kill(child.pid, signal);
      expect(await child.exited).toMatchObject({ code: null, signal: expected });
    }
  });

  it('sends nothing for signal 0', async () => {
    const child = await sleeper();
    posix.kill(child.pid, 0);
    posix.kill(process.pid, 0);
    expect(child.pidfd).toBeGreaterThan(2);
  });

  it('reaches a whole group by its negated id', async () => {
    const leader = await sleeper({ setpgid: true });
    const member = await sleeper({ setpgid: leader.pid });
    posix.kill(-leader.pid, 'SIGHUP');
    expect([(await leader.exited).signal, (await member.exited).signal]).toEqual(['SIGHUP', 'SIGHUP']);
  });
});

describe('groups and sessions', () => {
  it('are given for this process, by 0 and by its pid', () => {
    expect(posix.getpgid(0)).toBe(posix.getpgid(process.pid));
    expect(posix.getsid(0)).toBe(posix.getsid(process.pid));
  });

  it('change: a child moves to its own group and back', () => {
    const before = posix.getpgid(0);
    posix.setpgid(0, 0);
    onTestFinished(() => {
      posix.setpgid(0, before);
      expect(posix.getpgid(0)).toBe(before);
    });
    expect(posix.getpgid(0)).toBe(process.pid);
  });
});

describe('the subreaper attribute', () => {
  it('is set, adopts an orphan, and is unset', async () => {
    expect(posix.getChildSubreaper()).toBe(false);
    posix.setChildSubreaper(true);
    onTestFinished(() => {
      posix.setChildSubreaper(false);
    });
    expect(posix.getChildSubreaper()).toBe(true);
    const before = childrenOf(process.pid);
    const parent = await posix.spawn('sh', ['-c', 'sleep 60 & exit 0']);
    expect(await parent.exited).toMatchObject({ code: 0 });
    const [orphan = 0] = childrenOf(process.pid).filter((pid) => !before.includes(pid));
    const pidfd = posix.pidfdOpen(orphan);
    posix.pidfdSendSignal(pidfd, 'SIGKILL');
    await new Promise<void>((resolve) => {
      posix.watchReadable(pidfd, resolve);
    });
    expect(posix.pidfdHasEnded(pidfd)).toBe(true);
    expect(posix.waitPidfd(pidfd)).toMatchObject({ signal: 'SIGKILL' });
    posix.close(pidfd);
  });
});

describe('a pidfd', () => {
  it('signals its process; once that is reaped, waiting fails with ECHILD', async () => {
    const before = openDescriptors();
    const child = await sleeper();
    const pidfd = posix.pidfdOpen(child.pid);
    expect(posix.waitPidfd(pidfd)).toBeNull();
    expect(posix.pidfdHasEnded(pidfd)).toBe(false);
    posix.pidfdSendSignal(pidfd, 0);
    child.kill('SIGKILL');
    await child.exited;
    expect(() => posix.waitPidfd(pidfd)).toThrow(expect.objectContaining({ code: 'ECHILD' }) as Error);
    posix.close(pidfd);
    expect(openDescriptors()).toEqual(before);
  });

  it('of a child of child_process can be watched without taking it from libuv', async () => {
    const child = spawnByNode('sh', ['-c', 'exit 3']);
    const exited = once(child, 'exit');
    const pidfd = posix.pidfdOpen(child.pid ?? 0);
    const readable = new Promise<void>((resolve) => {
      posix.watchReadable(pidfd, resolve);
    });
    await readable;
    expect(await exited).toEqual([3, null]);
    posix.close(pidfd);
  });
});
