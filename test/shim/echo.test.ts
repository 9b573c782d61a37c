/** What is typed into a terminal that echoes is echoed whole: the kernel drops echo if input comes in bursts. */
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import { expect } from 'vitest';
import type { Process } from '../../src/index.js';
import { processDir, shimPid } from '../support/fake-runtime.js';
import { statOf } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

async function start(scratch: Scratch, script: string): Promise<{ process: Process; shim: number }> {
  const container = await scratch.container('host', { args: ['sh', '-c', script], terminal: true });
  const process = await container.start({ stdio: scratch.fifos(true) });
  return { process, shim: shimPid(processDir(scratch, container)) };
}

const pasteOf = (fill: string): string =>
  Array.from({ length: 1250 }, (_, i) => `${String(i).padStart(6, '0')} `.padEnd(79, fill) + '\n').join('');

const echoOf = (typed: string): string => typed.replaceAll('\n', '\r\n').replaceAll('\x01', '^A');

/** What comes back of a paste, after which stdin is closed. */
async function paste(process: Process, typed: string): Promise<string> {
  const output = text(process.openStdout());
  process.openStdin().end(typed);
  process.closeStdin();
  await process.wait();
  return output;
}

test.for([
  ['text', 'y'],
  ['control characters, whose echo is twice as long', '\x01'],
])('100 kB of %s', async ([, fill], { scratch }) => {
  const typed = pasteOf(fill ?? '');
  for (let round = 0; round < 5; round++) {
    const { process } = await start(scratch, 'exec cat >/dev/null');
    expect(await paste(process, typed)).toBe(echoOf(typed));
  }
});

test('while the process prints as much, and after it has not read for a while', async ({ scratch }) => {
  const typed = pasteOf('\x01');
  for (let round = 0; round < 5; round++) {
    const { process } = await start(scratch, 'sleep 0.2; exec cat');
    // cat prints each line as it was typed, except that the terminal ends it by CR LF.
    const size = echoOf(typed).length + typed.replaceAll('\n', '\r\n').length;
    expect((await paste(process, typed)).length).toBe(size);
  }
});

test('the interrupt character reaches a process that neither reads nor is read from', async ({ scratch }) => {
  const { process, shim } = await start(scratch, 'trap "exit 9" INT; yes & while :; do wait; done');
  const stdin = process.openStdin();
  // More than is typed at once, less than the kernel's buffer of unread input.
  stdin.write('z\n'.repeat(1500));
  await until('the input is typed, the output blocked', async () => {
    const before = statOf(shim)?.cpuTicks;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return statOf(shim)?.cpuTicks === before;
  });
  stdin.end('\x03');
  const output = process.openStdout();
  output.resume();
  expect(await process.wait()).toMatchObject({ status: 9 });
  if (!output.closed) await once(output, 'close');
});

test('while input is held back that the process does not read, the shim uses no processor time', async ({
  scratch,
}) => {
  const { process, shim } = await start(scratch, 'trap "exit 9" TERM; echo ready; sleep 1000 & wait');
  const output = process.openStdout();
  await once(output, 'data');
  output.resume();
  const stdin = process.openStdin();
  stdin.write(pasteOf('y'));
  // Each wait is as long as the one before was, up to half a second.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const before = statOf(shim)?.cpuTicks ?? NaN;
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((statOf(shim)?.cpuTicks ?? NaN) - before).toBeLessThanOrEqual(1);
  process.signal('SIGTERM');
  expect(await process.wait()).toMatchObject({ status: 9 });
  stdin.destroy();
});
