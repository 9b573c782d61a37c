/** The exact exit status for every way in which a process can end; and how the shim handles orphans. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { childrenOf } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';
import { fakeContainer, noProcessLeft, processDir, shimPid } from '../support/fake-runtime.js';

/** Runs a script to its end: what wait() says, and the bytes of exitStatus. */
async function statusOf(scratch: Scratch, script: string, name = 'run-script'): Promise<[unknown, string]> {
  const container = await fakeContainer(scratch, name, script);
  const process = await container.start();
  const exit = await process.wait();
  const bytes = readFileSync(join(processDir(scratch, container), 'exitStatus'), 'latin1');
  await container.delete();
  return [exit, bytes];
}

/** All of `items`, a few at a time. */
async function batched<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}

const ascending = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test(
  'every exit code from 0 to 255 is recorded, decimal and without a newline',
  { timeout: 120_000 },
  async ({ scratch }) => {
    await batched(ascending(0, 255), async (code) => {
      expect([code, ...(await statusOf(scratch, `exit ${code}`))]).toMatchObject([
        code,
        { status: code, record: { code, signal: null } },
        String(code),
      ]);
    });
  },
);

// Signals that do not kill by default (signal(7)). 32 and 33 belong to the C library; a shell's kill refuses them.
const { SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH } = constants.signals;
const harmless: number[] = [SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH, 32, 33];

test('death by each signal that can kill gives status 128 + n', async ({ scratch }) => {
  const deadly = ascending(1, 64).filter((signal) => !harmless.includes(signal));
  await batched(deadly, async (signal) => {
    const died = await statusOf(scratch, `ulimit -c 0; kill -${signal} $$; sleep 1000`);
    expect([signal, ...died]).toMatchObject([
      signal,
      { status: 128 + signal, record: { code: null, signal: expect.stringMatching(/^SIG/) as string } },
      String(128 + signal),
    ]);
  });
});

test.for([0, 7, 255])(
  'a process that has exited before its runtime ends keeps its status %i',
  async (code, { scratch }) => {
    expect(await statusOf(scratch, `exit ${code}`, 'leave-zombie')).toMatchObject([{ status: code }, String(code)]);
  },
);

test('a process that was killed before its runtime ends keeps its status', async ({ scratch }) => {
  expect(await statusOf(scratch, 'kill -KILL $$', 'leave-zombie')).toMatchObject([{ status: 137 }, '137']);
});

test('a process whose parent outlives the runtime for a moment is adopted by the shim', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'late-parent', 'read x; exit 21');
  const process = await container.start({ stdio: scratch.fifos() });
  expect(process.state()).toBe('running');
  process.closeStdin();
  expect(await process.wait()).toMatchObject({ status: 21 });
});

test('a process whose parent does not end cannot be adopted: its exit is lost, and it is killed', async ({
  scratch,
}) => {
  const container = await fakeContainer(scratch, 'stay-parent');
  const process = await container.start();
  const exit = await process.wait();
  expect(exit.status).toBeUndefined();
  expect(exit.lost).toMatch(/status|no child/);
  expect(() => process.exitStatus()).toThrow(expect.objectContaining({ code: 'ERR_EXIT_STATUS_LOST' }));
  await noProcessLeft(container);
});

test('orphans are reaped and are not taken for the process', async ({ scratch }) => {
  const script =
    'i=0; while [ $i -lt 100 ]; do (sh -c "exit 9" &); i=$((i+1)); done; (sleep 1000 & kill $!); read x; exit 5';
  const container = await fakeContainer(scratch, 'run-script', script);
  const process = await container.start({ stdio: scratch.fifos() });
  const shim = shimPid(processDir(scratch, container));
  await until('the process is all that is left', () => {
    const children = childrenOf(shim);
    return children.length === 1 && children[0] === process.systemPid && childrenOf(process.systemPid).length === 0;
  });
  expect(process.state()).toBe('running');
  process.closeStdin();
  expect(await process.wait()).toMatchObject({ status: 5 });
});

test('SIGKILL of the shim: the exit is lost with that reason; no status is invented', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'run-script', 'exec sleep 1000');
  const process = await container.start();
  globalThis.process.kill(shimPid(processDir(scratch, container)), 'SIGKILL');
  const exit = await process.wait();
  expect(exit.status).toBeUndefined();
  expect(exit.lost).toMatch(/without recording/);
  expect(() => process.exitStatus()).toThrow(expect.objectContaining({ code: 'ERR_EXIT_STATUS_LOST' }));
  globalThis.process.kill(process.systemPid, 'SIGKILL');
  await noProcessLeft(container);
});

test('signals that end a program do nothing to the shim', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'run-script', 'read x; exit 6');
  const process = await container.start({ stdio: scratch.fifos() });
  const shim = shimPid(processDir(scratch, container));
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGPIPE', 'SIGUSR1', 'SIGTSTP'] as const) {
    globalThis.process.kill(shim, signal);
  }
  process.closeStdin();
  expect(await process.wait()).toMatchObject({ status: 6 });
});
