/** The log of a process's output on each runtime: first and exec'ed processes, other users, terminals. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { noProcessLeft, processDir, shimPid } from '../support/fake-runtime.js';
import { type LogContent, readLogFiles, readSegments } from '../support/log-files.js';
import { LOGGED, endRecorded } from '../support/log-shim.js';
import { isGone } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { test } from '../support/scratch.js';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';

/** What a terminal shows, without the line discipline's carriage returns. */
const shown = ({ stdout }: LogContent): string => stdout.replaceAll('\r', '');

describe.each(runtimes)('%s', (runtime) => {
  test('the output of a process, and its end', async ({ scratch }) => {
    const script = 'echo out; echo err >&2; echo by path >/dev/stdout; exit 42';
    const container = await scratch.container(runtime, { args: ['sh', '-c', script] });
    const init = await container.start({ stdio: LOGGED });
    expect(await init.wait()).toMatchObject({ status: 42 });
    const log = await endRecorded(join(processDir(scratch, container), 'log'));
    expect(log).toMatchObject({ stdout: 'out\nby path\n', stderr: 'err\n', gaps: [], end: 42 });
    await noProcessLeft(container);
  });

  test('an exec’ed process has a log of its own; what it left writes on, and keeps its shim', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const init = await container.start({ stdio: LOGGED });
    const gate = runtime === 'host' ? join(scratch.dir, 'go') : '/tmp/go';
    const script = `(while [ ! -e '${gate}' ]; do sleep 0.05; done; echo late) & echo now; exit 7`;
    const exec = await container.exec('second', { args: ['sh', '-c', script] }, { stdio: LOGGED });
    const dir = processDir(scratch, container, 'second');
    const shim = shimPid(dir);
    expect(await exec.wait()).toMatchObject({ status: 7 });
    expect(await endRecorded(join(dir, 'log'))).toMatchObject({ stdout: 'now\n', end: 7 });
    expect(isGone(shim)).toBe(false);
    // A container's root is read-only for itself.
    writeFileSync(runtime === 'host' ? gate : join(container.bundle, 'rootfs', gate), '');
    await until('the shim has left', () => isGone(shim));
    expect(readLogFiles(join(dir, 'log'))).toMatchObject({ stdout: 'now\nlate\n', end: 7 });
    expect(readLogFiles(join(processDir(scratch, container), 'log'))).toMatchObject({ stdout: '', end: undefined });
    init.signal('SIGKILL');
    await init.wait();
  });

  test('a terminal: its output, the size that it has, each other size where it came', async ({ scratch }) => {
    // It looks when the shim has the terminal: some runtimes leave the size at 0, and the shim sets it then.
    const script = 'read x; stty size; read x; stty size; read x; echo out; echo err >&2; exit 3';
    const spec = { args: ['sh', '-c', script], terminal: true };
    const container = await scratch.container(runtime, spec);
    const init = await container.start({ stdio: { stdin: scratch.fifos(true).stdin, stdout: 'log' } });
    const dir = join(processDir(scratch, container), 'log');
    const stdin = init.openStdin();
    await until('the first record', () => readLogFiles(dir).sizes.length === 1);
    stdin.write('\n');
    await until('its size', () => shown(readLogFiles(dir)).includes('24 80\n'));
    init.resize(100, 30);
    await until('the record', () => readLogFiles(dir).sizes.length === 2);
    stdin.write('\n');
    await until('the new size', () => shown(readLogFiles(dir)).includes('30 100\n'));
    stdin.end('\n');
    expect(await init.wait()).toMatchObject({ status: 3 });
    const log = await endRecorded(dir);
    // The three empty lines are the echo of what was typed.
    expect(shown(log)).toBe('\n24 80\n\n30 100\n\nout\nerr\n');
    expect(log).toMatchObject({ stderr: '', gaps: [], end: 3 });
    expect(log.sizes).toEqual([
      [80, 24],
      [100, 30],
    ]);
    const records = readSegments(dir).flatMap((segment) => segment.records);
    expect(records.filter(({ kind }) => kind === 3).map(({ position }) => position)).toEqual([
      0,
      '\r\n24 80\r\n'.length,
    ]);
  });
});

test('a terminal whose process writes much: nothing is lost, and nothing waits for a reader', async ({ scratch }) => {
  const count = 20_000;
  const script = `stty -opost; i=0; while [ $i -lt ${count} ]; do printf "%08d\\n" $i; i=$((i+1)); done; exit 5`;
  const container = await scratch.container('host', { args: ['sh', '-c', script], terminal: true });
  const init = await container.start({ stdio: { stdout: 'log' } });
  expect(await init.wait()).toMatchObject({ status: 5 });
  const { stdout, gaps, end } = await endRecorded(join(processDir(scratch, container), 'log'));
  const all = Array.from({ length: count }, (_, i) => `${String(i).padStart(8, '0')}\n`).join('');
  expect([stdout === all, gaps, end]).toEqual([true, [], 5]);
});

// Users in a user namespace: user-namespace.test.ts.
if (isRoot) {
  test.for(runtimes)('a process of another user may open its output again: %s', async (runtime, { scratch }) => {
    const script = 'id -u; echo by path >/dev/stdout; echo error by path >>/dev/stderr';
    const spec = { args: ['sh', '-c', script], user: { uid: 1234, gid: 1235 } };
    const container = await scratch.container(runtime, spec);
    const init = await container.start({ stdio: LOGGED });
    expect(await init.wait()).toMatchObject({ status: 0 });
    const log = await endRecorded(join(processDir(scratch, container), 'log'));
    expect(log).toMatchObject({ stdout: '1234\nby path\n', stderr: 'error by path\n', end: 0 });
  });
}
