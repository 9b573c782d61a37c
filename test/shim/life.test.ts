/** What the shim leaves and takes along: the runtime that it runs, the mark after its delete, unread output. */
import { existsSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { posix } from '../../src/index.js';
import { childrenOf, isGone, statOf } from '../support/proc.js';
import { fakeContainer, processDir, shimPid } from '../support/fake-runtime.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';

test('the runtime ends with a shim that is killed', async ({ scratch }) => {
  const path = join(scratch.dir, 'hangs');
  writeFileSync(path, '#!/bin/sh\ncase "$*" in *" run "*) exec sleep 1000 ;; esac\nexit 1\n', { mode: 0o700 });
  const container = await scratch.container(path, { args: ['unused'] });
  const failed = expect(container.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_STARTED' });
  const shim = await until('the shim', () => {
    const dir = processDir(scratch, container);
    return existsSync(join(dir, 'process.json')) && trying(() => shimPid(dir));
  });
  const runtime = await until('the runtime', () => childrenOf(shim)[0]);
  process.kill(shim, 'SIGKILL');
  await until('the end of the runtime', () => isGone(runtime));
  await failed;
});

test('the shim marks that the runtime has deleted the container', async ({ scratch }) => {
  const good = await fakeContainer(scratch, 'run-script', 'exit 3');
  const ended = await good.start();
  await ended.wait();
  await until('the mark', () => existsSync(join(processDir(scratch, good), 'deleted')));
  await good.delete();
});

test('a shim that only holds unread output leaves on SIGTERM; one with a running process does not', async ({
  scratch,
}) => {
  const container = await scratch.container('host', { args: ['sh', '-c', 'echo unread; read x; exit 4'] });
  const stdio = scratch.fifos();
  const init = await container.start({ stdio });
  const shim = shimPid(processDir(scratch, container));
  process.kill(shim, 'SIGTERM');
  expect(init.state()).toBe('running');
  init.openStdin().end('\n');
  expect(await init.wait()).toMatchObject({ status: 4 });
  // The signal of before counts: a service manager that stops everything waits for us.
  await until('the end of the shim', () => isGone(shim));
});

test('a shim with a running process is ended by no signal but SIGKILL, also by those that the C library keeps for itself', async ({
  scratch,
}) => {
  const container = await scratch.container('host', { args: ['sh', '-c', 'read x; exit 4'] });
  const init = await container.start({ stdio: scratch.fifos() });
  const shim = shimPid(processDir(scratch, container));
  for (let signal = 1; signal <= 64; signal++) {
    if (signal !== constants.signals.SIGKILL && signal !== constants.signals.SIGSTOP) process.kill(shim, signal);
  }
  init.openStdin().end('\n');
  expect(await init.wait()).toMatchObject({ status: 4 });
});

test('a shim that lingers leaves on SIGTERM', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['sh', '-c', 'echo unread; exit 4'] });
  const init = await container.start({ stdio: scratch.fifos() });
  const shim = shimPid(processDir(scratch, container));
  expect(await init.wait()).toMatchObject({ status: 4 });
  await until('the mark', () => existsSync(join(processDir(scratch, container), 'deleted')));
  expect(isGone(shim)).toBe(false);
  process.kill(shim, 'SIGTERM');
  await until('the end of the shim', () => isGone(shim));
});

function trying<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

test('the shim is not a child of its supervisor, and is in a session of its own', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['sh', '-c', 'read x; exit 4'] });
  const init = await container.start({ stdio: scratch.fifos() });
  const shim = shimPid(processDir(scratch, container));
  expect(posix.getsid(shim)).toBe(shim);
  expect(posix.getsid(shim)).not.toBe(posix.getsid(0));
  expect(statOf(shim)?.parent).not.toBe(process.pid);
  init.openStdin().end('\n');
  expect(await init.wait()).toMatchObject({ status: 4 });
});
