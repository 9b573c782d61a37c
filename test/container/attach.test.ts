/** process.attach(): what a viewer is shown, what it can type, and how it ends. On the host runtime. */
import { once } from 'node:events';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import type { AttachOptions, Process } from '../../src/index.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const LOGGED = { stdin: 'pipe', stdout: 'log', stderr: 'log' } as const;
const ESC = '\x1b';

/** A process that prints `before`, reads a line, prints `after`, reads another line, and ends with 5. */
async function started(
  scratch: Scratch,
  before: string,
  after = '',
  { stdio = LOGGED, terminal = false } = {},
): Promise<Process> {
  const files = [before, after].map((content, i) => {
    const path = join(scratch.mkdir('text'), String(i));
    writeFileSync(path, content, 'latin1');
    return path;
  });
  const echo = terminal ? 'stty raw -echo; ' : '';
  const script = `${echo}cat ${files[0]}; touch ${files[0]}.shown; read x; cat ${files[1]}; read x; exit 5`;
  const container = await scratch.container('host', { args: ['sh', '-c', script], terminal });
  const process = await container.start({ stdio });
  await until('the first text is printed', () => existsSync(`${files[0]}.shown`));
  await until('the log has it', async () => (await logged(process)).length >= before.length);
  return process;
}

async function logged(process: Process): Promise<string> {
  const parts: Buffer[] = [];
  for await (const item of process.output()) if (item.type === 'data') parts.push(item.data);
  return Buffer.concat(parts).toString('latin1');
}

/** Collects what is shown. */
function collected(viewer: Readable): () => string {
  let got = '';
  viewer.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')));
  return () => got;
}

async function untilShown(shown: () => string, wanted: string): Promise<void> {
  await until(
    () => `${JSON.stringify(wanted)} is shown; so far ${JSON.stringify(shown())}`,
    () => shown().includes(wanted),
  );
}

/** What a viewer is shown of a process that prints `before`, then `after` when it was attached. */
async function shownOf(scratch: Scratch, options: AttachOptions, before: string, after: string): Promise<string> {
  const process = await started(scratch, before, after);
  const viewer = process.attach(options);
  const shown = text(viewer.setEncoding('latin1'));
  viewer.write('\n\n');
  const got = await shown;
  expect(await process.wait()).toMatchObject({ status: 5 });
  return got;
}

describe('the readable side', () => {
  test('without replay: only what comes after the call', async ({ scratch }) => {
    expect(await shownOf(scratch, {}, 'before', 'after')).toBe('after');
    expect(await shownOf(scratch, { replay: 0 }, 'before', 'after')).toBe('after');
  });

  test('what a write causes is seen, though nothing was read before it', async ({ scratch }) => {
    const process = await started(scratch, 'before', 'after');
    const viewer = process.attach();
    viewer.write('\n');
    await until('it was printed', async () => (await logged(process)) === 'beforeafter');
    const shown = collected(viewer);
    await untilShown(shown, 'after');
    viewer.end('\n');
    await once(viewer, 'close');
    expect(shown()).toBe('after');
  });

  test('a number: that many last bytes', async ({ scratch }) => {
    expect(await shownOf(scratch, { replay: 3 }, 'before', 'after')).toBe('oreafter');
    expect(await shownOf(scratch, { replay: 1e9 }, 'before', 'after')).toBe('beforeafter');
    expect(await shownOf(scratch, { replay: 5 }, '', 'after')).toBe('after');
  });

  test('what a terminal would answer is left out of the replay, and live it is not', async ({ scratch }) => {
    const queries = `a${ESC}[6n${ESC}[cb${ESC}]11;?${ESC}\\c\x05`;
    for (const replay of ['screen', 1000] as const) {
      expect(await shownOf(scratch, { replay }, queries, queries)).toBe(`abc${queries}`);
    }
    // A sequence that is cut by the call: the live part is whole.
    expect(await shownOf(scratch, { replay: 1000 }, `a${ESC}[`, '6nb')).toBe(`a${ESC}[6nb`);
  });

  test('an editor on the alternate screen: its whole screen, without what was before', async ({ scratch }) => {
    const vim =
      `${ESC}[?1049h${ESC}[22;0;0t${ESC}[?1h${ESC}=${ESC}[?2004h${ESC}[1;24r${ESC}[27m${ESC}[H${ESC}[2J` +
      `${ESC}[?25l${ESC}[1;1Hfirst line\r\n${ESC}[94m~${ESC}[m${ESC}[1;1H${ESC}[?25h`;
    const asked = `${ESC}[?1049h${ESC}[>c${ESC}[6n`;
    const before = `$ ls\r\nfile\r\n$ vim file\r\n${asked}${vim.slice(8)}`;
    expect(await shownOf(scratch, { replay: 'screen' }, before, `${ESC}[?1049l`)).toBe(`${vim}${ESC}[?1049l`);
  });

  test('a screen is looked for in the last 256 KiB; without a clear it begins with a whole line', async ({
    scratch,
  }) => {
    const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i}\n`).join('');
    const got = await shownOf(scratch, { replay: 'screen' }, `${ESC}[2J${lines}`, 'after');
    const replayed = got.slice(0, -'after'.length);
    expect(lines.endsWith(`\n${replayed}`)).toBe(true);
    expect(replayed.length).toBeGreaterThan(256 * 1024 - 20);
    expect(replayed.length).toBeLessThanOrEqual(256 * 1024);
  });

  test('after the end: the replay, then the end', async ({ scratch }) => {
    const process = await started(scratch, 'before', 'after');
    process.openStdin().end('\n\n');
    await process.wait();
    const viewer = process.attach({ replay: 'screen' });
    expect(viewer.writable).toBe(false);
    expect(await text(viewer)).toBe('beforeafter');
    expect(await text(process.attach())).toBe('');
    expect(() => viewer.resize(80, 24)).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
  });

  test('a consumer that does not read holds back the viewer, not the process', async ({ scratch }) => {
    const big = 'x'.repeat(4_000_000);
    const process = await started(scratch, '', big);
    const viewer = process.attach();
    viewer.write('\n');
    await until('all is in the log', async () => (await logged(process)).length === big.length);
    viewer.read(0);
    expect(viewer.readableLength).toBeLessThan(300_000);
    const shown = text(viewer);
    viewer.write('\n');
    expect((await shown).length).toBe(big.length);
  });
});

describe('the writable side', () => {
  test('is not there if stdin is /dev/null, or a file', async ({ scratch }) => {
    for (const stdin of ['ignore', join(scratch.dir, 'input')]) {
      writeFileSync(join(scratch.dir, 'input'), '');
      const container = await scratch.container('host', { args: ['sh', '-c', 'sleep 0.2; echo out'] });
      const process = await container.start({ stdio: { ...LOGGED, stdin } });
      const viewer = process.attach({ replay: 100 });
      expect(viewer.writable).toBe(false);
      expect(await text(viewer)).toBe('out\n');
      await process.wait();
    }
  });

  test('does not keep stdin open: the process sees its end while viewers are there', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['cat'] });
    const process = await container.start({ stdio: LOGGED });
    const viewer = process.attach();
    const shown = text(viewer);
    await new Promise<void>((done) => viewer.write('typed\n', () => done()));
    const ended = process.attach();
    ended.resume().end('more\n');
    await once(ended, 'finish');
    process.closeStdin();
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(await shown).toBe('typed\nmore\n');
  });

  test('a program that has closed its stdin: EPIPE', async ({ scratch }) => {
    const script = 'exec <&-; echo closed; sleep 1000';
    const container = await scratch.container('host', { args: ['sh', '-c', script] });
    const process = await container.start({ stdio: LOGGED });
    const viewer = process.attach({ replay: 100 });
    await untilShown(collected(viewer), 'closed');
    const failed = once(viewer, 'error');
    const typing = setInterval(() => viewer.writable && viewer.write('x'), 20);
    const [error] = (await failed) as [NodeJS.ErrnoException];
    clearInterval(typing);
    expect(error).toMatchObject({ code: 'EPIPE', errno: -32, syscall: 'write', path: process.stdio.stdin });
    expect(process.state()).toBe('running');
    process.signal('SIGKILL');
    await process.wait();
  });

  test('what is typed while the process ends does not cost its last output', async ({ scratch }) => {
    const last = 'last words\n'.repeat(20_000);
    const process = await started(scratch, '', last);
    const viewer = process.attach();
    const shown = text(viewer);
    viewer.write('\n\n');
    for (let i = 0; i < 2000; i++) viewer.write('x'.repeat(1000));
    expect((await shown).length).toBe(last.length);
    expect(await process.wait()).toMatchObject({ status: 5 });
  });

  test('back-pressure: a program that does not read holds the writer back', async ({ scratch }) => {
    const go = join(scratch.dir, 'go');
    const script = `until [ -e ${go} ]; do sleep 0.01; done; wc -c`;
    const container = await scratch.container('host', { args: ['sh', '-c', script] });
    const process = await container.start({ stdio: LOGGED });
    const viewer = process.attach();
    const shown = text(viewer);
    const size = 5_000_000;
    let isWritten = false;
    viewer.end(Buffer.alloc(size), () => (isWritten = true));
    await until('the pipes are full', () => viewer.writableLength > 0);
    expect(isWritten).toBe(false);
    writeFileSync(go, '');
    await until('all is written', () => isWritten);
    process.closeStdin();
    expect((await shown).trim()).toBe(String(size));
    await process.wait();
  });
});

describe('the end of a viewer', () => {
  const destroyed: [string, (viewer: Duplex, aborter: AbortController) => void, string | undefined][] = [
    ['destroy()', (viewer) => viewer.destroy(), undefined],
    ['destroy(error)', (viewer) => viewer.destroy(Object.assign(new Error('mine'), { code: 'MINE' })), 'MINE'],
    ['the signal', (_viewer, aborter) => aborter.abort(), 'ABORT_ERR'],
  ];

  test.for(destroyed)('%s leaves the process alone', async ([, destroy, code], { scratch }) => {
    const process = await started(scratch, 'before', 'after');
    const aborter = new AbortController();
    const viewer = process.attach({ replay: 100, signal: aborter.signal });
    await untilShown(collected(viewer), 'before');
    const errors: NodeJS.ErrnoException[] = [];
    viewer.on('error', (error) => errors.push(error));
    const closed = new Promise((resolve) => viewer.once('close', resolve));
    destroy(viewer, aborter);
    await closed;
    expect(errors.map((error) => error.code)).toEqual(code === undefined ? [] : [code]);
    const other = process.attach();
    const shown = text(other);
    other.write('\n\n');
    expect(await shown).toBe('after');
    expect(await process.wait()).toMatchObject({ status: 5 });
  });

  test('a signal that was aborted before; destroy() at once', async ({ scratch }) => {
    const process = await started(scratch, '');
    const viewer = process.attach({ signal: AbortSignal.abort() });
    expect(await once(viewer, 'error')).toEqual([expect.objectContaining({ code: 'ABORT_ERR' })]);
    const other = process.attach({ replay: 10 });
    const closed = once(other, 'close');
    other.destroy();
    await closed;
    process.signal('SIGKILL');
    await process.wait();
  });

  test('the directory of the process is removed: the viewer ends', async ({ scratch }) => {
    const process = await started(scratch, 'before');
    const viewer = process.attach({ replay: 100 });
    const shown = collected(viewer);
    const closed = once(viewer, 'close');
    await untilShown(shown, 'before');
    await process.container.delete();
    await closed;
    expect(shown()).toBe('before');
  });

  test.for([true, false])(
    'it is removed before the viewer has begun (destroyed: %s): no error',
    async (isDestroyed, { scratch }) => {
      const process = await started(scratch, 'before');
      process.signal('SIGKILL');
      await process.wait();
      const viewer = process.attach({ replay: 100 });
      const errors: unknown[] = [];
      viewer.on('error', (error) => errors.push(error));
      const closed = new Promise((resolve) => viewer.on('close', resolve));
      if (isDestroyed) viewer.destroy();
      // Within this turn of the event loop. Its shim may still be there.
      const [path, gone] = [join(scratch.root, process.container.id), join(scratch.dir, 'gone')];
      renameSync(path, gone);
      viewer.resume();
      await closed;
      renameSync(gone, path);
      expect(errors).toEqual([]);
    },
  );
});

describe('what is refused', () => {
  test('a process without a log', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const process = await container.start({ stdio: { stdout: 'pipe' } });
    const refused: unknown = expect.objectContaining({
      code: 'ERR_INVALID_STATE',
      message: expect.stringContaining("'log'") as string,
    });
    expect(() => process.attach()).toThrow(refused);
    expect(() => process.output()).toThrow(refused);
  });

  test.for([
    [null, 'ERR_INVALID_ARG_TYPE'],
    [{ replay: 'all' }, 'ERR_INVALID_ARG_TYPE'],
    [{ replay: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ replay: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ replay: null }, 'ERR_INVALID_ARG_TYPE'],
    [{ signal: {} }, 'ERR_INVALID_ARG_TYPE'],
    [{ reply: 'screen' }, 'ERR_INVALID_ARG_VALUE'],
  ] as const)('%j', async ([options, code], { scratch }) => {
    const process = await started(scratch, '');
    expect(() => process.attach(options as never)).toThrow(expect.objectContaining({ code }));
    process.signal('SIGKILL');
    await process.wait();
  });
});
