/** The files of the state directory: exact names and bytes, whole or not at all, and no trust in what is planted there. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { makeDirectory, readText, writeFileAtomic } from '../../src/disk/files.js';
import { ContainerDir } from '../../src/state/container.js';
import { checkId } from '../../src/oci/ids.js';
import { type Scratch, test } from '../support/scratch.js';

const modeOf = (path: string): number => fs.statSync(path).mode & 0o777;

test.for([0o000, 0o022, 0o077, 0o777])(
  'files are 0600 and directories 0700 whatever the umask: %o',
  (mask, { scratch }) => {
    const old = process.umask(mask);
    const dir = join(scratch.dir, 'made');
    try {
      makeDirectory(dir);
      writeFileAtomic(join(dir, 'file'), 'x');
    } finally {
      process.umask(old);
    }
    expect(modeOf(dir)).toBe(0o700);
    expect(modeOf(join(dir, 'file'))).toBe(0o600);
  },
);

test('writeFileAtomic: the whole new file under the name, and no other file stays', ({ scratch }) => {
  const path = join(scratch.dir, 'file');
  writeFileAtomic(path, 'old');
  const before = fs.openSync(path, 'r');
  writeFileAtomic(path, 'new é');
  expect(fs.readFileSync(before, 'utf8')).toBe('old');
  fs.closeSync(before);
  expect(fs.readFileSync(path, 'utf8')).toBe('new é');
  const target = join(scratch.dir, 'dir');
  fs.mkdirSync(target);
  expect(() => writeFileAtomic(target, 'x')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
  expect(fs.readdirSync(scratch.dir).sort()).toEqual(['dir', 'file', 'state']);
});

test('writeFileAtomic replaces a planted link, and does not write through it', ({ scratch }) => {
  const secret = join(scratch.dir, 'secret');
  fs.writeFileSync(secret, 'kept');
  fs.symlinkSync(secret, join(scratch.dir, 'file'));
  writeFileAtomic(join(scratch.dir, 'file'), 'x');
  expect(fs.readFileSync(secret, 'utf8')).toBe('kept');
  expect(fs.lstatSync(join(scratch.dir, 'file')).isFile()).toBe(true);
});

test('readText refuses a link, a FIFO (without waiting for a writer), a directory and what is too large', ({
  scratch,
}) => {
  const path = (name: string): string => join(scratch.dir, name);
  fs.writeFileSync(path('file'), '12345');
  fs.symlinkSync(path('file'), path('link'));
  posix.mkfifo(path('fifo'), 0o600);
  expect(readText(path('file'), 5)).toBe('12345');
  expect(readText(path('file'), 3, 'truncate')).toBe('123');
  const invalid = expect.objectContaining({ code: 'ERR_INVALID_STATE' }) as Error;
  expect(() => readText(path('file'), 4)).toThrow(invalid);
  expect(() => readText(path('fifo'), 5)).toThrow(invalid);
  expect(() => readText(scratch.dir, 5)).toThrow(invalid);
  expect(() => readText(path('link'), 5)).toThrow(expect.objectContaining({ code: 'ELOOP' }));
  expect(() => readText(path('none'), 5)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test.for(['a', 'A-9_.+', '0'.repeat(255)])('%s is an id', (id) => {
  checkId('id', id);
});

test.for(['', '.', '..', '.a', '-a', '_a', 'a/b', 'a b', 'a\n', 'a\0', 'é', 'x'.repeat(256)])('%j is no id', (id) => {
  expect(() => checkId('id', id)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
});

function processDir(scratch: Scratch): { path: string; dir: ReturnType<ContainerDir['process']> } {
  const container = new ContainerDir(scratch.root, 'c');
  makeDirectory(container.path);
  const dir = container.process('p');
  makeDirectory(dir.path);
  return { path: dir.path, dir };
}

test('state.json, byte for byte', ({ scratch }) => {
  const dir = new ContainerDir(scratch.root, 'c');
  makeDirectory(dir.path);
  const state = {
    bundle: '/b',
    labels: ['a=1'],
    stdin: '',
    stdout: '',
    stderr: '',
    runtime: 'runc',
    runtimeArgs: ['--root', '/r'],
    shim: 'outlive-shim',
    noPivotRoot: true,
  };
  dir.writeState(state);
  expect(fs.readFileSync(join(dir.path, 'state.json'), 'utf8')).toBe(
    '{"bundle":"/b","labels":["a=1"],"stdin":"","stdout":"","stderr":"","runtime":"runc",' +
      '"runtimeArgs":["--root","/r"],"shim":"outlive-shim","noPivotRoot":true}\n',
  );
  expect(dir.readState()).toEqual(state);
});

test("process.json, byte for byte: the OCI process object, and the seed's keys beside it", ({ scratch }) => {
  const { path, dir } = processDir(scratch);
  const spec = { args: ['a', 'b'], terminal: true };
  const state = {
    exec: true,
    create: false,
    containerdStdin: '/i',
    containerdStdout: '/o',
    containerdStderr: '/e',
    runtimeArgs: ['-x'],
    noPivotRoot: false,
    checkpoint: '',
    rootUID: 1,
    rootGID: 2,
  };
  dir.writeProcess(spec, state);
  expect(fs.readFileSync(join(path, 'process.json'), 'utf8')).toBe(
    '{"args":["a","b"],"terminal":true,"exec":true,"containerdStdin":"/i","containerdStdout":"/o",' +
      '"containerdStderr":"/e","runtimeArgs":["-x"],"noPivotRoot":false,"checkpoint":"","rootUID":1,"rootGID":2}\n',
  );
  expect(dir.readProcess()).toEqual({ spec, state });
  dir.writeProcess(spec, { ...state, create: true });
  expect(fs.readFileSync(join(path, 'process.json'), 'utf8')).toMatch(/,"rootGID":2,"create":true}\n$/);
  expect(dir.readProcess()).toEqual({ spec, state: { ...state, create: true } });
});

test.for<[string, number | undefined]>([
  ['', undefined],
  ['123', 123],
  ['123\n', 123],
  ['0', undefined],
  ['1', undefined],
  ['-5', undefined],
  ['12x', undefined],
  ['1 2', undefined],
  ['2147483647', 2147483647],
  ['2147483648', undefined],
])('a pid file that says %j: %s', ([text, pid], { scratch }) => {
  const { path, dir } = processDir(scratch);
  fs.writeFileSync(join(path, 'pid'), text);
  expect(dir.readPid()).toBe(pid);
});

test.for<[string, number | undefined]>([
  ['', undefined],
  ['\n', undefined],
  ['0', 0],
  ['255\n', 255],
  ['256', NaN],
  ['-1', NaN],
  ['x', NaN],
])('an exitStatus that says %j: %s', ([text, status], { scratch }) => {
  const { path, dir } = processDir(scratch);
  expect(dir.readExitStatus()).toBeUndefined();
  fs.writeFileSync(join(path, 'exitStatus'), text);
  expect(dir.readExitStatus()).toBe(status);
});
