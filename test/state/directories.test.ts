/** The files of the state directory: valid ids, the exact bytes written, and the meaning of each content read. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { makeDirectory } from '../../src/disk/files.js';
import { ContainerDir } from '../../src/state/container.js';
import { checkId } from '../../src/oci/ids.js';
import { type Scratch, test } from '../support/scratch.js';

test.for(['a', 'A-9_.+', '0'.repeat(255)])('%s is a valid id', (id) => {
  checkId('id', id);
});

test.for(['', '.', '..', '.a', '-a', '_a', 'a/b', 'a b', 'a\n', 'a\0', 'é', 'x'.repeat(256)])(
  '%j is no valid id',
  (id) => {
    expect(() => checkId('id', id)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
  },
);

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
    durable: false,
    key: 'k',
    runtimeEnv: { XDG_RUNTIME_DIR: '/x' },
  };
  dir.writeState(state);
  expect(fs.readFileSync(join(dir.path, 'state.json'), 'utf8')).toBe(
    '{"bundle":"/b","labels":["a=1"],"stdin":"","stdout":"","stderr":"","runtime":"runc",' +
      '"runtimeArgs":["--root","/r"],"shim":"outlive-shim","noPivotRoot":true,"key":"k","runtimeEnv":{"XDG_RUNTIME_DIR":"/x"}}\n',
  );
  expect(dir.readState()).toEqual(state);
  fs.rmSync(dir.stateFile);
  dir.writeState({ ...state, durable: true });
  expect(fs.readFileSync(join(dir.path, 'state.json'), 'utf8')).toMatch(/,"durable":true}\n$/);
  expect(dir.readState()).toEqual({ ...state, durable: true });
});

test("process.json, byte for byte: the OCI process object, and beside it the keys of containerd's process.go (June 2016)", ({
  scratch,
}) => {
  const { path, dir } = processDir(scratch);
  const spec = { args: ['a', 'b'], terminal: true };
  const state = {
    exec: true,
    create: false,
    durable: false,
    containerdStdin: '/i',
    containerdStdout: '/o',
    containerdStderr: '/e',
    runtimeArgs: ['-x'],
    noPivotRoot: false,
    checkpoint: '',
    rootUID: 1,
    rootGID: 2,
    key: 'k',
  };
  dir.writeProcess(spec, state);
  expect(fs.readFileSync(join(path, 'process.json'), 'utf8')).toBe(
    '{"args":["a","b"],"terminal":true,"exec":true,"containerdStdin":"/i","containerdStdout":"/o",' +
      '"containerdStderr":"/e","runtimeArgs":["-x"],"noPivotRoot":false,"checkpoint":"","rootUID":1,"rootGID":2,"key":"k"}\n',
  );
  expect(dir.readProcess()).toEqual({ spec, state });
  dir.writeProcess(spec, { ...state, create: true });
  expect(fs.readFileSync(join(path, 'process.json'), 'utf8')).toMatch(/,"rootGID":2,"key":"k","create":true}\n$/);
  expect(dir.readProcess()).toEqual({ spec, state: { ...state, create: true } });
  dir.writeProcess(spec, { ...state, durable: true });
  expect(fs.readFileSync(join(path, 'process.json'), 'utf8')).toMatch(/,"rootGID":2,"key":"k","durable":true}\n$/);
  expect(dir.readProcess()).toEqual({ spec, state: { ...state, durable: true } });
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
])('the pid file %j gives %s', ([text, pid], { scratch }) => {
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
])('the exitStatus %j gives %s', ([text, status], { scratch }) => {
  const { path, dir } = processDir(scratch);
  expect(dir.readExitStatus()).toBeUndefined();
  fs.writeFileSync(join(path, 'exitStatus'), text);
  expect(dir.readExitStatus()).toBe(status);
});

test("identity.json: the supervisor's record never takes the place of the shim's, which says more", ({ scratch }) => {
  const { path, dir } = processDir(scratch);
  const identity = { pid: 5, startTimeTicks: 6, bootId: 'b' };
  const shims = '{"pid":5,"startTimeTicks":6,"bootId":"b","shim":{"pid":4,"startTimeTicks":3,"version":"v"}}\n';
  fs.writeFileSync(join(path, 'identity.json'), shims);
  dir.writeIdentity(identity);
  expect(fs.readFileSync(join(path, 'identity.json'), 'utf8')).toBe(shims);
  expect(dir.readShim()).toMatchObject({ pid: 4 });
  fs.rmSync(join(path, 'identity.json'));
  dir.writeIdentity(identity);
  expect(fs.readFileSync(join(path, 'identity.json'), 'utf8')).toBe(`${JSON.stringify(identity)}\n`);
});
