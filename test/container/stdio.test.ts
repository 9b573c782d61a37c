/** The kinds of stdio of a start: what is made for each, before the shim runs, and what is left after a failure. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, type LogOptions, type StdioOptions } from '../../src/index.js';
import { processDir } from '../support/fake-runtime.js';
import { type Scratch, test } from '../support/scratch.js';
import { catchUncaught } from '../support/uncaught.js';

const CAT = { args: ['sh', '-c', 'cat; echo error >&2; exit 4'] };

/** All paths below a directory. */
function tree(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
}

const modeOf = (path: string): number => statSync(path).mode & 0o7777;

describe("'pipe' and 'ignore'", () => {
  test('the library makes the FIFOs, private whatever the umask is; they go with the process', async ({ scratch }) => {
    const container = await scratch.container('host', CAT);
    const dir = processDir(scratch, container);
    const umask = process.umask(0);
    let started;
    try {
      started = await container.start({ stdio: { stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' } });
    } finally {
      process.umask(umask);
    }
    expect(started.stdio).toEqual({ stdin: join(dir, 'stdin'), stdout: join(dir, 'stdout'), stderr: '/dev/null' });
    for (const name of ['stdin', 'stdout']) {
      expect(statSync(join(dir, name)).isFIFO()).toBe(true);
      expect(modeOf(join(dir, name))).toBe(0o600);
    }
    expect(existsSync(join(dir, 'stderr'))).toBe(false);
    expect(readFileSync(join(dir, 'process.json'), 'utf8')).not.toContain('"log"');
    const output = text(started.openStdout());
    started.openStdin().end('typed\n');
    started.closeStdin();
    expect(await output).toBe('typed\n');
    expect(await started.wait()).toMatchObject({ status: 4 });
    const again = scratch.keep(await Container.load(scratch.root, container.id));
    expect(again.processes()[0]?.stdio).toEqual(started.stdio);
    await container.delete();
    expect(existsSync(dir)).toBe(false);
  });

  test('exec: in a directory of its own', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    await container.start();
    const exec = await container.exec('one', CAT, { stdio: { stdin: 'pipe', stderr: 'pipe' } });
    expect(exec.stdio.stderr).toBe(join(scratch.root, container.id, 'one', 'stderr'));
    const errors = text(exec.openStderr());
    exec.closeStdin();
    expect(await errors).toBe('error\n');
    await exec.wait();
    await container.removeProcess('one');
    expect(existsSync(join(scratch.root, container.id, 'one'))).toBe(false);
  });
});

describe('a directory for the log that is not fit', () => {
  const start = async (scratch: Scratch, dir: string): Promise<unknown> => {
    const container = await scratch.container('host', CAT);
    const before = tree(join(scratch.root, container.id));
    const started = await container.start({ stdio: { stdout: 'log' }, log: { dir } }).catch((error: unknown) => error);
    expect(tree(join(scratch.root, container.id))).toEqual(before);
    return started;
  };

  test('a file in it: refused, and the file stays', async ({ scratch }) => {
    const dir = scratch.mkdir('log');
    writeFileSync(join(dir, 'mine'), 'mine');
    expect(await start(scratch, dir)).toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect(tree(dir)).toEqual(['mine']);
  });

  test.for(['key', 'writer', '00000000000000000000.raw'])('a %s in it: refused', async (name, { scratch }) => {
    const dir = scratch.mkdir('log');
    writeFileSync(join(dir, name), 'mine');
    expect(await start(scratch, dir)).toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect(readFileSync(join(dir, name), 'utf8')).toBe('mine');
  });

  test('none there', async ({ scratch }) => {
    const dir = join(scratch.dir, 'none');
    expect(await start(scratch, dir)).toMatchObject({ code: 'ENOENT', path: dir });
    expect(existsSync(dir)).toBe(false);
  });

  test('a file, a link, or a directory that others may write to', async ({ scratch }) => {
    const [file, link, open] = ['file', 'link', 'open'].map((name) => join(scratch.dir, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(file, '');
    symlinkSync(scratch.mkdir('log'), link);
    mkdirSync(open);
    for (const path of [file, link]) expect(await start(scratch, path)).toMatchObject({ code: 'ERR_INVALID_STATE' });
    chmodSync(open, 0o777);
    expect(await start(scratch, open)).toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect(tree(open)).toEqual([]);
  });
});

describe('options that are refused', () => {
  test.for([
    [{ stdout: 'pip' }, undefined, 'ERR_INVALID_ARG_VALUE'],
    [{ stdin: 'log' }, undefined, 'ERR_INVALID_ARG_VALUE'],
    [{ stdout: 'pipe' }, {}, 'ERR_INVALID_ARG_VALUE'],
    [{ stdout: 'log' }, { maxBytes: 1 }, 'ERR_OUT_OF_RANGE'],
    [{ stdout: 'log' }, 'big', 'ERR_INVALID_ARG_TYPE'],
  ] as const)('stdio %j, log %j: by each start, and nothing is made', async ([stdio, log, code], { scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const options = { stdio: stdio as StdioOptions, ...(log === undefined ? {} : { log: log as LogOptions }) };
    const before = tree(scratch.root);
    await expect(container.start(options)).rejects.toMatchObject({ code });
    await expect(container.createInit(options)).rejects.toMatchObject({ code });
    expect(tree(scratch.root)).toEqual(before);
    await container.start();
    await expect(container.exec('one', CAT, options)).rejects.toMatchObject({ code });
    expect(existsSync(join(scratch.root, container.id, 'one'))).toBe(false);
  });

  test('a created one: options are for create()', async ({ scratch }) => {
    const container = await scratch.container('host', CAT);
    await container.createInit({ stdio: { stdin: 'pipe' } });
    await expect(container.start({ stdio: { stdout: 'pipe' } })).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  });
});

describe('a start that fails', () => {
  const failing = (scratch: Scratch): Promise<Container> => scratch.container('host', { args: ['/no/such/program'] });

  test('nothing that was made for it is left', async ({ scratch }) => {
    const container = await failing(scratch);
    const dir = scratch.mkdir('log');
    const before = tree(scratch.dir);
    const stdio: StdioOptions = { stdin: 'pipe', stdout: 'log', stderr: 'pipe' };
    for (const log of [{ dir }, {}]) {
      await expect(container.start({ stdio, log })).rejects.toThrow();
      expect(tree(scratch.dir)).toEqual(before);
    }
  });

  test('what was in a directory that it took over stays', async ({ scratch }) => {
    const container = await failing(scratch);
    const dir = processDir(scratch, container);
    mkdirSync(join(dir, 'log'), { recursive: true, mode: 0o700 });
    writeFileSync(join(dir, 'log', 'key'), 'of a supervisor that died');
    writeFileSync(join(dir, 'note'), 'mine');
    const stdio: StdioOptions = { stdin: 'pipe', stdout: 'log', stderr: 'pipe' };
    await expect(container.start({ stdio })).rejects.toThrow();
    expect(tree(dir)).toEqual(['note']);
  });
});

test('exec() of a command: its output is in the log unless stdio is given', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['sleep', '1000'] });
  await container.start();
  const words = ['sh', '-c', 'echo out; echo err >&2'];
  for (const options of [undefined, {}, { stdio: undefined }]) {
    const process = await container.exec(words, options);
    await process.wait();
    const read: string[] = [];
    for await (const item of process.output()) {
      if (item.type === 'data') read.push(`${item.stream} ${item.data.toString()}`);
    }
    expect(read.sort()).toEqual(['stderr err\n', 'stdout out\n']);
  }
  const quiet = await container.exec(words, { stdio: { stdin: 'pipe' } });
  expect(quiet.stdio).toMatchObject({ stdout: '/dev/null', stderr: '/dev/null' });
  await expect(container.exec(words, { stdio: null } as object)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
});

test('the end of a stdin stream after the end was told is no error, as with child_process', async ({ scratch }) => {
  const uncaught = catchUncaught();
  const container = await scratch.container('host', { args: ['sleep', '1000'] });
  const process = await container.start({ stdio: { stdin: 'pipe' } });
  const { stdin } = process;
  process.signal('SIGKILL');
  expect(await process.wait()).toMatchObject({ status: 137 });
  const closed = stdin === null ? undefined : once(stdin, 'close');
  stdin?.end();
  await closed;
  expect(uncaught).toEqual([]);
});
