/**
 * What a job leaves running (a server in the background, a daemon in a session of its own), and when it ends:
 * docs/troubleshooting.md, "What ends with a job".
 */
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { isGone, processesWith, readIfThere } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { killShim } from '../support/shims.js';
import { until } from '../support/until.js';

/** A process that the job leaves: its parent has ended, and it is in a session of its own. It has no other name than this time. */
class Daemon {
  readonly #seconds: string;

  constructor(scratch: Scratch) {
    this.#seconds = String(100_000_000 + Math.floor(Math.random() * 800_000_000));
    scratch.atEnd(() => {
      for (const pid of this.#pids()) process.kill(pid, 'SIGKILL');
      return Promise.resolve();
    });
  }

  /** A job that starts it, and then does what `then` says. */
  startedBy(then: string): { args: string[] } {
    const daemon = `sleep ${this.#seconds} </dev/null >/dev/null 2>&1 &`;
    const setsid = 'command -v setsid >/dev/null && setsid=setsid || setsid="busybox setsid"';
    return { args: ['sh', '-c', `${setsid}; $setsid sh -c '${daemon}'; ${then}`] };
  }

  async started(): Promise<void> {
    await until('the daemon runs', () => this.isRunning);
  }

  async ended(): Promise<void> {
    await until('the daemon has ended', () => !this.isRunning);
  }

  get isRunning(): boolean {
    return this.#pids().length > 0;
  }

  #pids(): number[] {
    return processesWith(`sleep\0${this.#seconds}`);
  }
}

/** Lets the job go on to its end when the test has seen the daemon. */
const waitForLine = 'read line';

describe.each(runtimes)('%s', (runtime) => {
  test('the end of the first process ends it', async ({ scratch }) => {
    const daemon = new Daemon(scratch);
    const container = await scratch.container(runtime, daemon.startedBy(`${waitForLine}; exit 3`));
    const job = await container.start({ stdio: { stdin: 'pipe' } });
    await daemon.started();
    job.stdin?.write('\n');
    expect(await job.wait()).toMatchObject({ status: 3 });
    await daemon.ended();
  });

  test.for(['SIGTERM', 'SIGKILL'] as const)(
    'stop() by %s ends it: when the call resolves',
    async (signal, { scratch }) => {
      const daemon = new Daemon(scratch);
      const container = await scratch.container(runtime, daemon.startedBy('sleep 1000'));
      const job = await container.start();
      await daemon.started();
      await job.stop({ signal, graceMs: 100 });
      expect(daemon.isRunning).toBe(false);
    },
  );

  test('signal() that ends the first process ends it', async ({ scratch }) => {
    const daemon = new Daemon(scratch);
    const container = await scratch.container(runtime, daemon.startedBy('sleep 1000'));
    const job = await container.start();
    await daemon.started();
    job.signal('SIGKILL');
    expect(await job.wait()).toMatchObject({ status: 137 });
    await daemon.ended();
  });

  test('delete() ends it: when the call resolves', async ({ scratch }) => {
    const daemon = new Daemon(scratch);
    const container = await scratch.container(runtime, daemon.startedBy('sleep 1000'));
    await container.start();
    await daemon.started();
    await container.delete();
    expect(daemon.isRunning).toBe(false);
  });

  test('of an additional process: its end and its removal leave it, the end of the container ends it', async ({
    scratch,
  }) => {
    const daemon = new Daemon(scratch);
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const first = await container.start();
    const other = await container.exec('other', daemon.startedBy(`${waitForLine}; exit 3`), {
      stdio: { stdin: 'pipe' },
    });
    await daemon.started();
    other.stdin?.write('\n');
    expect(await other.wait()).toMatchObject({ status: 3 });
    await other.remove();
    expect(daemon.isRunning).toBe(true);
    await first.stop({ signal: 'SIGKILL' });
    expect(daemon.isRunning).toBe(false);
  });

  test('SIGKILL of the shim leaves it; the supervisor that finds out ends it, on the host only in a cgroup', async ({
    scratch,
  }) => {
    const daemon = new Daemon(scratch);
    const container = await scratch.container(runtime, daemon.startedBy('sleep 1000'));
    const job = await container.start();
    await daemon.started();
    const hasCgroup = /^0::.*\/outlive-/m.test(readIfThere(`/proc/${job.systemPid}/cgroup`));
    job.close();
    await killShim(scratch, container.id);
    expect([isGone(job.systemPid), daemon.isRunning]).toEqual([false, true]);
    const [found] = scratch.keep(await Container.load(scratch.root, container.id)).processes();
    expect(await found?.wait()).toMatchObject({ status: undefined, lost: expect.stringContaining('shim') as string });
    await until('the job has ended', () => isGone(job.systemPid));
    if (runtime !== 'host' || hasCgroup) await daemon.ended();
    else expect(daemon.isRunning).toBe(true);
  });
});
