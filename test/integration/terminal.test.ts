/** Terminals and late readers of stdin on each runtime: the size, SIGWINCH, /dev/stdin after closeStdin(). */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import type { Container, Process, ProcessSpec, Spec } from '../../src/index.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';

const shell = (script: string, more: Partial<ProcessSpec> = {}): Partial<ProcessSpec> & { args: string[] } => ({
  args: ['sh', '-c', script],
  terminal: true,
  ...more,
});

/** Reads until `wanted` has come, since the last call. */
function expecter(output: Readable): (wanted: string) => Promise<void> {
  let got = '';
  output.on('data', (chunk: Buffer) => (got += chunk.toString()));
  return async (wanted) => {
    while (!got.includes(wanted)) await once(output, 'data');
    got = got.slice(got.indexOf(wanted) + wanted.length);
  };
}

/** A container whose first process waits, for exec. */
async function waiting(scratch: Scratch, runtime: string): Promise<{ container: Container; init: Process }> {
  const container = await scratch.container(runtime, { args: ['sh', '-c', 'read x'] });
  return { container, init: await container.start({ stdio: scratch.fifos() }) };
}

/** Ends when the terminal has this size: runc and crun start the program before it is set. The host runtime does not. */
function untilSize(runtime: string, size: string): string {
  const hasSize = `[ "$(stty size 2>/dev/null)" = "${size}" ]`;
  return runtime === 'host' ? `${hasSize} && exit 5` : `until ${hasSize}; do :; done; exit 5`;
}

const sizes = [
  ['no size is given: 80 columns, 24 rows', {}, '24 80'],
  ['a size of 0 is given: 80 columns, 24 rows', { consoleSize: { width: 0, height: 0 } }, '24 80'],
  ["the spec's size wins", { consoleSize: { width: 101, height: 31 } }, '31 101'],
] as const;

for (const [what, more, size] of sizes) {
  test.for(runtimes)(`%s: a terminal for which ${what}`, async (runtime, { scratch }) => {
    const container = await scratch.container(runtime, shell(untilSize(runtime, size), more));
    // writeHostBundle() fills the size in by itself: take it out again.
    const path = join(container.bundle, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8')) as Spec;
    if (config.process !== undefined && !('consoleSize' in more)) delete config.process.consoleSize;
    writeFileSync(path, JSON.stringify(config));
    const process = await container.start({ stdio: scratch.fifos(true) });
    expect(await process.wait()).toMatchObject({ status: 5 });
    await container.delete();
  });

  test.for(runtimes)(`%s, exec: a terminal for which ${what}`, async (runtime, { scratch }) => {
    const { container, init } = await waiting(scratch, runtime);
    const process = await container.exec('tty', shell(untilSize(runtime, size), more), { stdio: scratch.fifos(true) });
    expect(await process.wait()).toMatchObject({ status: 5 });
    init.closeStdin();
    await init.wait();
  });
}

test.for(runtimes)('%s: each resize() sends one SIGWINCH, also one to the same size', async (runtime, { scratch }) => {
  const { container, init } = await waiting(scratch, runtime);
  const script = 'stty -echo; trap "echo WINCH; stty size" WINCH; echo ready; while ! read x; do :; done; exit 6';
  const start = {
    first: async () => (await scratch.container(runtime, shell(script))).start({ stdio: scratch.fifos(true) }),
    exec: () => container.exec('tty', shell(script), { stdio: scratch.fifos(true) }),
  };
  for (const how of ['first', 'exec'] as const) {
    const process = await start[how]();
    const output = process.openStdout();
    const expectNext = expecter(output);
    await expectNext('ready\r\n');
    for (const [width, height] of [
      [80, 24],
      [80, 24],
      [80, 24],
      [100, 30],
      [100, 30],
    ] as const) {
      process.resize(width, height);
      await expectNext(`WINCH\r\n${height} ${width}\r\n`);
    }
    let more = '';
    output.on('data', (chunk: Buffer) => (more += chunk.toString()));
    process.openStdin().end('\n');
    expect(await process.wait()).toMatchObject({ status: 6 });
    if (!output.closed) await once(output, 'close');
    expect(more).toBe('');
  }
  init.closeStdin();
  await init.wait();
});

test.for(runtimes)(
  '%s: who opens /dev/stdin after closeStdin() gets what was written, and end-of-file',
  async (runtime, { scratch }) => {
    const { container, init } = await waiting(scratch, runtime);
    const script = 'read x; sleep 0.3; cat /dev/stdin; exit 4';
    const start = {
      first: async () =>
        (await scratch.container(runtime, { args: ['sh', '-c', script] })).start({ stdio: scratch.fifos() }),
      exec: () => container.exec('late', { args: ['sh', '-c', script] }, { stdio: scratch.fifos() }),
    };
    for (const how of ['first', 'exec'] as const) {
      const process = await start[how]();
      const output = text(process.openStdout());
      const stdin = process.openStdin();
      stdin.end('first\n');
      await once(stdin, 'close');
      process.openStdin().end('rest\nno line');
      process.closeStdin();
      expect(await process.wait()).toMatchObject({ status: 4 });
      expect(await output).toBe('rest\nno line');
    }
    init.closeStdin();
    await init.wait();
  },
);
