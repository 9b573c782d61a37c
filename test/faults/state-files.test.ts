/** Broken, truncated, huge and hostile files in the state directory: a load gives a container or an error with a code. */
import fc from 'fast-check';
import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Container, posix } from '../../src/index.js';
import { isGone } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const FILES = ['process.json', 'pid', 'identity.json', 'exitStatus', 'shim-log.json', 'log.json', '../state.json'];

/** What a supervisor does first. Each step must return, or throw an error with a code. */
async function loadAndLook(scratch: Scratch, id: string): Promise<void> {
  try {
    using container = await Container.load(scratch.root, id, { timeoutMs: 2000 });
    for (const process of container.processes()) {
      expect(['running', 'stopped', 'paused']).toContain(process.state());
      const { status, lost } = await process.wait();
      if (status === undefined) expect(lost).not.toBe('');
      else expect(status).toBe(status & 255);
    }
  } catch (error) {
    expect((error as { code?: unknown }).code).toMatch(/^(ERR_INVALID_STATE|E[A-Z]+)$/);
  }
}

/** A container whose process has ended; `restore` puts its files back after a change. */
async function ended(scratch: Scratch): Promise<{ id: string; dir: string; restore: () => void }> {
  const container = await scratch.container('host', { args: ['sh', '-c', 'exit 7'] });
  await (await container.start()).wait();
  container.close();
  const dir = join(scratch.root, container.id, 'init');
  const saved = FILES.flatMap((name) => {
    try {
      return [{ name, bytes: readFileSync(join(dir, name)) }];
    } catch {
      return [];
    }
  });
  const restore = (): void => {
    for (const name of FILES) rmSync(join(dir, name), { recursive: true, force: true });
    for (const { name, bytes } of saved) writeFileSync(join(dir, name), bytes, { mode: 0o600 });
  };
  return { id: container.id, dir, restore };
}

const file = fc.constantFrom(...FILES);

test('random bytes', async ({ scratch }) => {
  const { id, dir, restore } = await ended(scratch);
  await fc.assert(
    fc.asyncProperty(file, fc.uint8Array({ maxLength: 300 }), async (name, bytes) => {
      writeFileSync(join(dir, name), bytes);
      await loadAndLook(scratch, id);
      restore();
    }),
    { numRuns: 150 },
  );
});

test('JSON of any other shape', async ({ scratch }) => {
  const { id, dir, restore } = await ended(scratch);
  const keys = [
    'args',
    'bundle',
    'runtime',
    'shim',
    'labels',
    'containerdStdin',
    'containerdStdout',
    'log',
    'dir',
    'pid',
    'startTimeTicks',
    'level',
    'msg',
  ];
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()));
  await fc.assert(
    fc.asyncProperty(file, value, async (name, json) => {
      writeFileSync(join(dir, name), JSON.stringify(json));
      await loadAndLook(scratch, id);
      restore();
    }),
    { numRuns: 150 },
  );
});

test('a path of stdio that is none: the process is there, and its problem names the key', async ({ scratch }) => {
  const { id, dir } = await ended(scratch);
  const path = join(dir, 'process.json');
  const written = JSON.parse(readFileSync(path, 'utf8')) as object;
  for (const key of ['containerdStdin', 'containerdStdout', 'containerdStderr']) {
    for (const broken of [' ', 'out', './out', '/out\0']) {
      writeFileSync(path, JSON.stringify({ ...written, [key]: broken }));
      using container = await Container.load(scratch.root, id);
      const [process] = container.processes();
      expect(process?.problem).toBe(`${path}: ${key} must be an absolute path`);
      expect(process?.exitStatus()).toBe(7);
    }
  }
});

test('a running process whose process.json is JSON, but none of ours, runs on and is no other process', async ({
  scratch,
}) => {
  const { id } = await scratch.container('host', { args: ['sleep', '1000'] });
  const starter = scratch.keep(await Container.load(scratch.root, id));
  const { systemPid } = await starter.start();
  starter.close();
  const path = join(scratch.root, id, 'init', 'process.json');
  const written = JSON.parse(readFileSync(path, 'utf8')) as object;
  for (const broken of [{ ...written, args: [1] }, { args: [1] }]) {
    writeFileSync(path, JSON.stringify(broken));
    const container = scratch.keep(await Container.load(scratch.root, id));
    const [process] = container.processes();
    expect(process?.problem).toContain('process.json');
    expect(process?.systemPid).toBe(systemPid);
    expect(process?.state()).toBe('running');
    container.close();
  }
});

test('a file cut off anywhere', async ({ scratch }) => {
  const { id, dir, restore } = await ended(scratch);
  await fc.assert(
    fc.asyncProperty(file, fc.double({ min: 0, max: 1, noNaN: true }), async (name, share) => {
      try {
        const { length } = readFileSync(join(dir, name));
        truncateSync(join(dir, name), Math.floor(length * share));
      } catch {
        writeFileSync(join(dir, name), '');
      }
      await loadAndLook(scratch, id);
      restore();
    }),
    { numRuns: 100 },
  );
});

const REPLACEMENTS: Record<string, (path: string) => void> = {
  nothing: () => undefined,
  'a directory': (path) => {
    mkdirSync(path);
  },
  'a FIFO': (path) => posix.mkfifo(path, 0o600),
  'a link to a file': (path) => symlinkSync('/etc/hostname', path),
  'a link to itself': (path) => symlinkSync(path, path),
  'a terabyte of holes': (path) => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
  },
};

test.for(Object.keys(REPLACEMENTS))('%s in the place of each file', async (what, { scratch }) => {
  const { id, dir, restore } = await ended(scratch);
  for (const name of [...FILES, 'exit', 'control']) {
    rmSync(join(dir, name), { recursive: true, force: true });
    REPLACEMENTS[what]?.(join(dir, name));
    await loadAndLook(scratch, id);
    if (name !== 'exit' && name !== 'control') {
      restore();
      continue;
    }
    rmSync(join(dir, name), { recursive: true, force: true });
    posix.mkfifo(join(dir, name), 0o600);
  }
});

test.for([
  ['', 'lost'],
  ['256', 'lost'],
  ['-1', 'lost'],
  ['7x', 'lost'],
  ['0x07', 'lost'],
  ['7\n', 7],
  ['0', 0],
  ['255', 255],
] as const)('exitStatus %j is %s', async ([text, told], { scratch }) => {
  const { id, dir } = await ended(scratch);
  writeFileSync(join(dir, 'exitStatus'), text);
  using container = await Container.load(scratch.root, id);
  const exit = await container.processes()[0]?.wait();
  expect(exit?.status).toBe(told === 'lost' ? undefined : told);
  expect(exit?.lost === undefined).toBe(told !== 'lost');
});

test.for(['process.json', 'pid', 'identity.json', 'control', 'exitStatus', 'shim-log.json'])(
  'a running process is found and deleted without its %s',
  async (name, { scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const { systemPid } = await container.start();
    container.close();
    rmSync(join(scratch.root, container.id, 'init', name), { force: true });
    const loaded = scratch.keep(await Container.load(scratch.root, container.id));
    expect(loaded.processes().map(({ id }) => id)).toEqual(['init']);
    await loaded.delete();
    await until('the process has ended', () => isGone(systemPid));
    expect(readdirSync(scratch.root)).toEqual([]);
  },
);
