/** Bad input: each is one error with a code, and changes nothing. */
import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Container, posix } from '../../src/index.js';
import { processesWith } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';

const TRUE = { args: ['true'] };

/** All paths below a directory. */
function tree(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
}

async function creating(scratch: Scratch, change: object): Promise<Container> {
  const { bundle } = await scratch.container('host', TRUE);
  return Container.create({ root: scratch.root, id: scratch.newId(), bundle, ...change });
}

describe('Container.create', () => {
  test.for([
    ['../up', 'ERR_INVALID_ARG_VALUE'],
    ['a/b', 'ERR_INVALID_ARG_VALUE'],
    ['', 'ERR_INVALID_ARG_VALUE'],
    ['.', 'ERR_INVALID_ARG_VALUE'],
    ['-x', 'ERR_INVALID_ARG_VALUE'],
    ['a\0b', 'ERR_INVALID_ARG_VALUE'],
    ['x'.repeat(256), 'ERR_INVALID_ARG_VALUE'],
    [7, 'ERR_INVALID_ARG_TYPE'],
  ] as const)('refuses the id %j', async ([id, code], { scratch }) => {
    const { bundle } = await scratch.container('host', TRUE);
    const before = tree(scratch.dir);
    await expect(Container.create({ root: scratch.root, id: id as string, bundle })).rejects.toMatchObject({ code });
    expect(tree(scratch.dir)).toEqual(before);
  });

  test.for([
    [{ timeoutMs: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ timeoutMs: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ timeoutMs: '5' }, 'ERR_INVALID_ARG_TYPE'],
    [{ runtimeArgs: 'x' }, 'ERR_INVALID_ARG_TYPE'],
    [{ runtimeArgs: ['a\0'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ labels: [1] }, 'ERR_INVALID_ARG_TYPE'],
    [{ noPivotRoot: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ bundle: undefined }, 'ERR_INVALID_ARG_TYPE'],
    [{ runtime: '' }, 'ERR_INVALID_ARG_VALUE'],
  ] as const)('refuses %j', async ([change, code], { scratch }) => {
    await expect(creating(scratch, change)).rejects.toMatchObject({ code });
  });

  test('an id in use is ERR_CONTAINER_EXISTS, and its container stays as it is', async ({ scratch }) => {
    const { id, bundle } = await scratch.container('host', TRUE);
    const before = tree(scratch.root);
    await expect(Container.create({ root: scratch.root, id, bundle })).rejects.toMatchObject({
      code: 'ERR_CONTAINER_EXISTS',
    });
    expect(tree(scratch.root)).toEqual(before);
  });

  test('of two that create one id at once, one succeeds', async ({ scratch }) => {
    const { bundle } = await scratch.container('host', TRUE);
    const options = { root: scratch.root, id: scratch.newId(), bundle };
    const results = await Promise.allSettled([Container.create(options), Container.create(options)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('a state root that does not exist is a system error with its path', async ({ scratch }) => {
    const { bundle } = await scratch.container('host', TRUE);
    const root = join(scratch.dir, 'nowhere');
    const created = Container.create({ root, id: 'a', bundle });
    await expect(created).rejects.toMatchObject({ code: 'ENOENT', path: root });
  });

  test('a state root that is a file is a system error', async ({ scratch }) => {
    const { bundle } = await scratch.container('host', TRUE);
    const root = join(scratch.dir, 'file');
    writeFileSync(root, '');
    await expect(Container.create({ root, id: 'a', bundle })).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  test('a state root that cannot be written is a system error', async ({ scratch }) => {
    const { bundle } = await scratch.container('host', TRUE);
    // Not even root can make a directory in /sys; elsewhere modes do not stop root.
    const code = expect.stringMatching(/^(EACCES|EPERM|EROFS)$/) as string;
    await expect(Container.create({ root: '/sys', id: 'a', bundle })).rejects.toMatchObject({ code });
  });

  test('a bundle without config.json is ENOENT with its path', async ({ scratch }) => {
    const bundle = scratch.mkdir('bundle');
    const created = Container.create({ root: scratch.root, id: 'a', bundle });
    await expect(created).rejects.toMatchObject({ code: 'ENOENT', path: join(bundle, 'config.json') });
    expect(tree(scratch.root)).toEqual([]);
  });

  test.for([
    ['{\n  "process": {,}\n}', /config\.json:2:15: /],
    ['', /config\.json:1:1: /],
    ['[]', /config\.json: must hold a JSON object/],
    ['{}', /process\.args must be a non-empty array of strings/],
    ['{"process":{"args":[]}}', /process\.args must be/],
    ['{"process":{"args":["a",1]}}', /process\.args must be/],
  ] as const)('a broken config.json %j is an error with its place', async ([config, message], { scratch }) => {
    const bundle = scratch.mkdir('bundle');
    writeFileSync(join(bundle, 'config.json'), config);
    const created = Container.create({ root: scratch.root, id: 'a', bundle });
    await expect(created).rejects.toThrow(message);
    await expect(created).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(tree(scratch.root)).toEqual([]);
  });
});

describe('Container.load', () => {
  test('an unknown id is ERR_CONTAINER_NOT_FOUND', async ({ scratch }) => {
    await expect(Container.load(scratch.root, 'none')).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' });
    await expect(Container.load(join(scratch.dir, 'no'), 'none')).rejects.toMatchObject({
      code: 'ERR_CONTAINER_NOT_FOUND',
    });
  });

  test.for(['', '{', '{"bundle":1}', '[]', '{"bundle":"/b","runtime":"host","shim":"s","labels":[1]}'])(
    'a broken state.json %j is ERR_INVALID_STATE with its path',
    async (content, { scratch }) => {
      const container = await scratch.container('host', TRUE);
      const path = join(scratch.root, container.id, 'state.json');
      writeFileSync(path, content);
      const loaded = Container.load(scratch.root, container.id);
      await expect(loaded).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
      await expect(loaded).rejects.toThrow(path);
    },
  );
});

describe('container.start', () => {
  test('a file under the name of a FIFO makes start() fail, and stays as it is', async ({ scratch }) => {
    for (const name of ['exit', 'control']) {
      for (const plant of [
        (path: string) => writeFileSync(path, 'mine'),
        (path: string) => symlinkSync('/dev/null', path),
        (path: string) => mkdirSync(path),
      ]) {
        const container = await scratch.container('host', TRUE);
        const dir = join(scratch.root, container.id, 'init');
        mkdirSync(dir);
        plant(join(dir, name));
        const before = tree(scratch.root);
        await expect(container.start()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
        expect(tree(scratch.root)).toEqual(before);
        expect(lstatSync(join(dir, name)).isFIFO()).toBe(false);
      }
    }
  });

  test('existing FIFOs are used', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sh', '-c', 'exit 5'] });
    const dir = join(scratch.root, container.id, 'init');
    mkdirSync(dir);
    posix.mkfifo(join(dir, 'exit'), 0o600);
    posix.mkfifo(join(dir, 'control'), 0o600);
    const process = await container.start();
    expect(await process.wait()).toMatchObject({ status: 5 });
  });

  test('a second start is ERR_INVALID_STATE, and the first process keeps running', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['cat'] });
    const results = await Promise.allSettled([
      container.start({ stdio: scratch.fifos() }),
      container.start({ stdio: scratch.fifos() }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(results[1]).toMatchObject({ reason: { code: 'ERR_INVALID_STATE' } });
    const [process] = container.processes();
    expect(process?.state()).toBe('running');
    await expect(process?.start()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  });

  test.for([
    [{ stdout: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ stdout: 'a\0b' }, 'ERR_INVALID_ARG_VALUE'],
  ] as const)('refuses the stdio %j', async ([stdio, code], { scratch }) => {
    const container = await scratch.container('host', TRUE);
    await expect(container.start({ stdio: stdio as object })).rejects.toMatchObject({ code });
    expect(processesWith(container.id)).toEqual([]);
  });

  test('a stdio path that cannot be opened is ERR_SHIM with the path', async ({ scratch }) => {
    const container = await scratch.container('host', TRUE);
    const started = container.start({ stdio: { stdout: join(scratch.dir, 'no', 'dir') } });
    await expect(started).rejects.toMatchObject({ code: 'ERR_SHIM' });
    await expect(started).rejects.toThrow(/open stdout .*no\/dir: No such file or directory/);
    expect(tree(join(scratch.root, container.id))).toEqual(['.lock', 'state.json']);
  });
});

describe('a process', () => {
  test('refuses invalid sizes and signals', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['cat'] });
    const process = await container.start({ stdio: scratch.fifos() });
    for (const [width, height] of [
      [0, 1],
      [1, 65536],
      [1.5, 1],
      [-1, 1],
    ] as const) {
      expect(() => process.resize(width, height)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    }
    expect(() => process.resize('80' as never, 24)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => process.signal('SIGNONE' as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
    for (const number of [-1, 65, 1.5]) {
      expect(() => process.signal(number)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    }
    expect(process.state()).toBe('running');
    await process.stop();
    // Also after its end: it is the caller's mistake.
    expect(() => process.signal('SIGNONE' as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
    expect(() => process.signal(65)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    expect(() => process.signal(0)).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
  });

  test('wait() can be aborted, and close() rejects it', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['cat'] });
    const process = await container.start({ stdio: scratch.fifos() });
    const reason = new Error('enough');
    await expect(process.wait({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = process.wait({ signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    const other = process.wait();
    process.close();
    await expect(other).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    await expect(process.wait()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect(process.exitFd).toBe(-1);
    expect(process.state()).toBe('running');
  });
});
