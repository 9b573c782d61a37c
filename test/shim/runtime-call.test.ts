/** How the shim calls the runtime: the exact argv of each command, and the descriptors, signals and directory it gets. */
import { mkdirSync, readFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { posix } from '../../src/index.js';
import { isReaped } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';
import { fakeContainer, processDir, runtime, shimPid } from '../support/fake-runtime.js';

/** The lines that the recording runtime wrote about one of its calls. */
function recorded(dir: string, command: string, what: string): string[] {
  return readFileSync(join(dir, `${command}.${what}`), 'utf8')
    .trimEnd()
    .split('\n');
}

/** Waits for the end of the runtime's delete, which comes after the exit; it writes the file `where` last. */
async function deleted(dir: string): Promise<void> {
  const path = join(dir, 'delete.where');
  await until('the delete was recorded', () => existsSync(path) && readFileSync(path, 'utf8').split('\n').length === 5);
}

const globals = (dir: string, script: string): string[] => [
  '--log',
  `${dir}/log.json`,
  '--log-format',
  'json',
  '--script',
  script,
];

test('run, and delete at the end', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'record');
  const dir = processDir(scratch, container);
  await (await container.start()).wait();
  expect(recorded(dir, 'run', 'argv')).toEqual([
    ...globals(dir, 'exit 0'),
    'run',
    '-d',
    '--bundle',
    container.bundle,
    '--pid-file',
    `${dir}/pid`,
    container.id,
  ]);
  await deleted(dir);
  expect(recorded(dir, 'delete', 'argv')).toEqual([...globals(dir, 'exit 0'), 'delete', container.id]);
});

test('run without pivot_root', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'record', 'exit 0', { noPivotRoot: true });
  const dir = processDir(scratch, container);
  await (await container.start()).wait();
  const argv = recorded(dir, 'run', 'argv');
  expect(argv.slice(6)).toEqual([
    'run',
    '-d',
    '--bundle',
    container.bundle,
    '--no-pivot',
    '--pid-file',
    `${dir}/pid`,
    container.id,
  ]);
});

test('create, without -d; the library, not the shim, calls start', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'record', 'read x', { noPivotRoot: true });
  const dir = processDir(scratch, container);
  const process = await container.createInit({ stdio: scratch.fifos() });
  expect(recorded(dir, 'create', 'argv')).toEqual([
    ...globals(dir, 'read x'),
    'create',
    '--bundle',
    container.bundle,
    '--no-pivot',
    '--pid-file',
    `${dir}/pid`,
    container.id,
  ]);
  process.closeStdin();
  await process.wait();
  await deleted(dir);
  expect(existsSync(join(dir, 'start.argv'))).toBe(false);
  expect(recorded(dir, 'delete', 'argv')).toEqual([...globals(dir, 'read x'), 'delete', container.id]);
});

test('exec, without a bundle, and without a delete at the end', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'record', 'read x', { noPivotRoot: true });
  const init = await container.start({ stdio: scratch.fifos() });
  const process = await container.exec('more', { args: ['unused'] }, { stdio: scratch.fifos() });
  const dir = processDir(scratch, container, 'more');
  const shim = shimPid(dir);
  expect(recorded(dir, 'exec', 'argv')).toEqual([
    ...globals(dir, 'read x'),
    'exec',
    '-d',
    '--process',
    `${dir}/process.json`,
    '--pid-file',
    `${dir}/pid`,
    container.id,
  ]);
  process.closeStdin();
  // The status of `read` at end-of-file.
  expect(await process.wait()).toMatchObject({ status: 1 });
  await until('the shim has left', () => isReaped(shim));
  expect(existsSync(join(dir, 'delete.argv'))).toBe(false);
  init.closeStdin();
  await init.wait();
});

test.for([
  [{}, []],
  [{ shell: true }, ['--shell-job']],
  [{ tcp: true, unixSockets: true, shell: false }, ['--tcp-established', '--ext-unix-sk']],
  [{ emptyNS: ['network', 'a b'] }, ['--empty-ns', 'network', '--empty-ns', 'a b']],
  [undefined, []],
] as const)('restore of a checkpoint with %j has the flags %j', async ([config, flags], { scratch }) => {
  const container = await fakeContainer(scratch, 'record', 'exit 0', { noPivotRoot: true });
  const image = join(container.bundle, 'checkpoints', 'one');
  mkdirSync(image, { recursive: true });
  if (config !== undefined) writeFileSync(join(image, 'config.json'), JSON.stringify(config));
  const dir = processDir(scratch, container);
  await (await container.start({ checkpoint: 'one' })).wait();
  expect(recorded(dir, 'restore', 'argv').slice(6)).toEqual([
    'restore',
    '-d',
    '--image-path',
    image,
    '--work-path',
    `${dir}/restore-work`,
    ...flags,
    '--bundle',
    container.bundle,
    '--no-pivot',
    '--pid-file',
    `${dir}/pid`,
    container.id,
  ]);
});

test('restore of a checkpoint with a broken config.json names file and position', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'record');
  const image = scratch.mkdir('image');
  writeFileSync(join(image, 'config.json'), '{\n  "tcp": yes\n}');
  await expect(container.start({ checkpoint: image })).rejects.toMatchObject({
    code: 'ERR_SHIM',
    message: expect.stringContaining(`${image}/config.json:2:10: `) as string,
  });
});

test.for([
  ['{"emptyNS": "network"}', 'emptyNS must be an array'],
  ['{"emptyNS": [5]}', 'emptyNS must be strings without NUL'],
  ['{"tcp": 1}', 'tcp must be a boolean'],
] as const)('restore of a checkpoint with the config.json %s names file and key', async ([text, why], { scratch }) => {
  const container = await fakeContainer(scratch, 'record');
  const image = scratch.mkdir('image');
  writeFileSync(join(image, 'config.json'), text);
  await expect(container.start({ checkpoint: image })).rejects.toMatchObject({
    code: 'ERR_SHIM',
    message: `shim error: ${image}/config.json: ${why}`,
  });
});

test('a terminal adds the console socket; a runtime that sends none fails the start', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'record', 'read x', {}, { terminal: true });
  const dir = processDir(scratch, container);
  const stdio = scratch.fifos(true);
  const exit = await container.start({ stdio }).then(
    (process) => process.wait(),
    (error: unknown) => error,
  );
  // The library may read the pid before the shim removes it: then the start succeeds, and the exit is lost.
  if (exit instanceof Error) expect(exit).toMatchObject({ code: 'ERR_SHIM', message: /sent no terminal/ });
  else expect(exit).toMatchObject({ status: undefined });
  if (exit instanceof Error) return;
  const argv = recorded(dir, 'run', 'argv');
  expect(argv.slice(6)).toEqual([
    'run',
    '-d',
    '--bundle',
    container.bundle,
    '--console-socket',
    `${dir}/console.sock`,
    '--pid-file',
    `${dir}/pid`,
    container.id,
  ]);
});

test('the runtime gets three descriptors, no blocked or ignored signal, and the pid of its subreaper', async ({
  scratch,
}) => {
  const container = await fakeContainer(scratch, 'record', 'read x');
  const process = await container.start({ stdio: scratch.fifos() });
  const dir = processDir(scratch, container);
  const shim = shimPid(dir);
  // The fourth is the directory that ls(1) reads.
  expect(recorded(dir, 'run', 'fds')).toEqual(['0', '1', '2', '3']);
  const status = recorded(dir, 'run', 'status');
  expect(status).toContain('SigBlk:\t0000000000000000');
  expect(status).toContain('SigIgn:\t0000000000000000');
  expect(recorded(dir, 'run', 'where')).toEqual([String(shim), String(shim), dir, String(shim)]);
  process.closeStdin();
  await process.wait();
  await deleted(dir);
  expect(recorded(dir, 'delete', 'fds')).toEqual(['0', '1', '2', '3']);
  expect(recorded(dir, 'delete', 'status')).toContain('SigBlk:\t0000000000000000');
});

test('a runtime name is searched in PATH', async ({ scratch }) => {
  const path = globalThis.process.env.PATH ?? '';
  globalThis.process.env.PATH = `${runtime('').replace(/\/$/, '')}:${path}`;
  try {
    const container = await scratch.container(
      'run-script',
      { args: ['unused'] },
      { runtimeArgs: ['--script', 'exit 3'] },
    );
    const process = await container.start();
    expect(await process.wait()).toMatchObject({ status: 3 });
  } finally {
    globalThis.process.env.PATH = path;
  }
});

test.for(['no-such-runtime', '/no/such/runtime'])('%s is not installed', async (name, { scratch }) => {
  const container = await scratch.container(name, { args: ['unused'] });
  await expect(container.start()).rejects.toMatchObject({
    code: 'ERR_NOT_INSTALLED',
    message: `${name} not installed on system`,
  });
  expect(container.processes()).toEqual([]);
});

test.for(['no-such-shim', '/no/such/shim'])('%s as the shim is not installed', async (name, { scratch }) => {
  const container = await scratch.container('host', { args: ['true'] }, { shim: name });
  await expect(container.start()).rejects.toMatchObject({
    code: 'ERR_NOT_INSTALLED',
    message: `${name} not installed on system`,
  });
  expect(container.processes()).toEqual([]);
});

/** The original daemon gives its shim the runtime's name, and not its path. */
test.for([
  ['a program', undefined],
  ['a text that is no program', 'ENOEXEC'],
  ['a file that may not be executed', 'EACCES'],
  ['nothing', 'ENOENT'],
] as const)('a shim that gets a name finds on PATH: %s', async ([what, code], { scratch }) => {
  const bin = scratch.mkdir('bin');
  const byName = join(bin, 'shim');
  const real = posix.nativeExecutable('outlive-shim');
  writeFileSync(byName, `#!/bin/sh\nexec "${real}" "$1" "$2" any-runtime\n`, { mode: 0o700 });
  const found = join(bin, 'any-runtime');
  if (what === 'a program') writeFileSync(found, `#!/bin/sh\nexec ${runtime('run-script')} "$@"\n`, { mode: 0o700 });
  if (what.startsWith('a text')) writeFileSync(found, 'exit 0\n', { mode: 0o700 });
  if (what.startsWith('a file')) writeFileSync(found, '#!/bin/sh\n', { mode: 0o600 });
  const PATH = `/no/such/dir:${bin}:${globalThis.process.env.PATH ?? ''}`;
  const container = await fakeContainer(scratch, 'run-script', 'exit 6', { shim: byName, runtimeEnv: { PATH } });
  if (code === undefined) {
    expect(await (await container.start()).wait()).toMatchObject({ status: 6 });
    return;
  }
  const cause = { code, syscall: 'spawn' };
  await expect(container.start()).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME', cause });
});
