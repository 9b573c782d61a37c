/** Runtimes and shims that fail, hang or lie: the start fails with code and reason, and leaves nothing. */
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { Container, openOutput } from '../../src/index.js';
import { processesWith } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';
import {
  expectNoStart,
  expectNothingLeft,
  fakeContainer,
  noProcessLeft,
  processDir,
  shim,
} from '../support/fake-runtime.js';

test.for([
  ['fail-with-log', 'ERR_OCI_RUNTIME', 'oci runtime error: no "such" thing'],
  ['fail-unescaped', 'ERR_OCI_RUNTIME', 'oci runtime error: exec: "foo": not found'],
  ['fail-silently', 'ERR_CONTAINER_NOT_STARTED', 'container not started: the runtime exited with status 1'],
  ['killed', 'ERR_CONTAINER_NOT_STARTED', 'container not started: the runtime was killed by signal 9'],
  ['no-pid', 'ERR_SHIM', 'shim error: the runtime ended without writing a pid'],
] as const)('%s: %s', async ([name, code, message], { scratch }) => {
  const container = await fakeContainer(scratch, name);
  await expect(container.start()).rejects.toMatchObject({ code, message });
  await expectNothingLeft(scratch, container);
  // Another attempt is possible.
  await expect(container.start()).rejects.toMatchObject({ code, message });
  await expectNothingLeft(scratch, container);
});

test.for(['', 'x', '0', '1', '-5', '12 34', '99999999999', '0x10', '9'.repeat(100)])(
  'a pid file that says "%s" is no pid',
  async (pid, { scratch }) => {
    const container = await fakeContainer(scratch, 'pid-is', pid);
    await expect(container.start()).rejects.toMatchObject({ code: 'ERR_SHIM' });
    await expectNothingLeft(scratch, container);
  },
);

test('a pid that is no child of the shim is not taken for the process, and not signalled', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'pid-is', String(process.pid));
  // The library may read the pid before the shim removes it: then the start succeeds, and the exit is lost.
  await expectNoStart(container, { code: 'ERR_SHIM', message: /no child of the shim/ });
});

test('a runtime that fails after it wrote a pid: no process is left, in whatever group', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'fail-after-pid');
  await expectNoStart(container, { code: 'ERR_CONTAINER_NOT_STARTED' });
  await noProcessLeft(container);
});

test('a runtime that hangs: its whole process group is killed, and nothing is left', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'hang', '', { timeoutMs: 500 });
  const started = container.start();
  started.catch(() => undefined);
  await until('it has children', () => processesWith(container.id).length >= 4);
  await expect(started).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
  await expectNothingLeft(scratch, container);
});

test('the exit is reported while the runtime’s delete hangs; after 10 s that is killed with its children', async ({
  scratch,
}) => {
  const container = await fakeContainer(scratch, 'hang-in-delete', 'exit 8', { timeoutMs: 30_000 });
  const began = performance.now();
  const started = await container.start();
  expect(await started.wait()).toMatchObject({ status: 8 });
  await until('the delete hangs', () => processesWith(container.id).length >= 3);
  await noProcessLeft(container);
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(readFileSync(join(processDir(scratch, container), 'shim-log.json'), 'utf8')).toBe(
    '{"level":"warning","msg":"the runtime\'s delete did not end in 10 s"}\n',
  );
});

test('stop() of one whose end is known waits for the clean-up all the same', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'hang-in-delete', 'exit 8', { timeoutMs: 4000 });
  const started = await container.start();
  expect(await started.wait()).toMatchObject({ status: 8 });
  await expect(started.stop()).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
});

test.for(['file', 'fifo', 'null'] as const)(
  'a runtime that prints a megabyte on stderr: to a %s',
  async (kind, { scratch }) => {
    const container = await fakeContainer(scratch, 'noisy', 'echo out; echo err >&2; exit 4');
    if (kind === 'null') {
      expect(await (await container.start()).wait()).toMatchObject({ status: 4 });
      return;
    }
    const stdio = kind === 'fifo' ? scratch.fifos() : { stderr: join(scratch.mkdir('io'), 'err') };
    if (kind === 'file') {
      expect(await (await container.start({ stdio })).wait()).toMatchObject({ status: 4 });
      expect(statSync(stdio.stderr).size).toBe(1048576 + 4);
      return;
    }
    // It is read from before the start on: for a user with many pipes, it may be too small for all that the runtime prints.
    const hold = openSync(stdio.stderr, 'r+');
    const stderr = text(openOutput(stdio.stderr));
    try {
      expect(await (await container.start({ stdio })).wait()).toMatchObject({ status: 4 });
    } finally {
      closeSync(hold);
    }
    expect(await stderr).toBe('x'.repeat(1048576) + 'err\n');
  },
);

test('a shim that dies at once: ERR_CONTAINER_NOT_STARTED', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'run-script', '', { shim: shim('dies') });
  await expect(container.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_STARTED' });
  await expectNothingLeft(scratch, container);
});

test('the log of a shim that does not escape its messages is read', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'run-script', '', { shim: shim('logs-unescaped') });
  await expect(container.start()).rejects.toMatchObject({
    code: 'ERR_SHIM',
    message: 'shim error: exec: "foo" not found',
  });
  await expectNothingLeft(scratch, container);
});

test('another program as the shim: start, signal, load, wait', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'run-script', '', { shim: shim('small') });
  writeFileSync(
    join(container.bundle, 'script'),
    'trap "exit 9" USR1; echo ready >ready; while :; do sleep 0.01; done',
  );
  const started = await container.start();
  const ready = join(processDir(scratch, container), 'ready');
  await until('the script has set its trap', () => existsSync(ready));
  expect(started.state()).toBe('running');
  const other = scratch.keep(await Container.load(scratch.root, container.id));
  const [loaded] = other.processes();
  expect(loaded?.state()).toBe('running');
  expect(loaded?.systemPid).toBe(started.systemPid);
  loaded?.signal('SIGUSR1');
  expect(await Promise.all([started.wait(), loaded?.wait()])).toMatchObject([{ status: 9 }, { status: 9 }]);
  const late = scratch.keep(await Container.load(scratch.root, container.id));
  expect(late.processes()[0]?.exitStatus()).toBe(9);
});

test.for([
  ['stdin', '/no/such/dir/in', 'No such file or directory'],
  ['stdout', '/no/such/dir/out', 'No such file or directory'],
  ['stderr', '/proc/self/mem/x', 'Not a directory'],
  ['stdin', '/', 'Is a directory'],
  ['stdout', '/', 'Is a directory'],
] as const)('%s %s: the error names it', async ([name, path, reason], { scratch }) => {
  const container = await fakeContainer(scratch, 'run-script');
  await expect(container.start({ stdio: { [name]: path } })).rejects.toMatchObject({
    code: 'ERR_SHIM',
    message: `shim error: open ${name} ${path}: ${reason}`,
  });
  await expectNothingLeft(scratch, container);
});

test('a path with quotes, a backslash and a newline comes back whole in the error', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'run-script');
  const dir = join(scratch.mkdir('odd'), 'a "quoted"\\\n\tname');
  mkdirSync(dir);
  await expect(container.start({ stdio: { stdin: join(dir, 'in') } })).rejects.toMatchObject({
    message: `shim error: open stdin ${dir}/in: No such file or directory`,
  });
});
