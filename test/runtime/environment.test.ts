/** The environment of shim and runtime: small, recorded where it decides, and never the supervisor's service's. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, vi } from 'vitest';
import { Container } from '../../src/index.js';
import { checkRuntimeEnv, recordedEnv, runtimeEnvironment } from '../../src/runtime/environment.js';
import { shimIn } from '../support/proc.js';
import { test } from '../support/scratch.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('runtimeEnvironment()', () => {
  test('has what runtimes need, and nothing else of this program', () => {
    vi.stubEnv('PATH', '/p');
    vi.stubEnv('XDG_RUNTIME_DIR', '/run/user/1');
    for (const name of ['NOTIFY_SOCKET', 'LISTEN_FDS', 'MY_SECRET', 'RUNNER_TRACKING_ID']) vi.stubEnv(name, 'x');
    const env = runtimeEnvironment(undefined);
    expect(env).toMatchObject({ PATH: '/p', XDG_RUNTIME_DIR: '/run/user/1' });
    expect(Object.keys(env)).not.toEqual(expect.arrayContaining(['NOTIFY_SOCKET']));
    for (const name of ['NOTIFY_SOCKET', 'LISTEN_FDS', 'MY_SECRET', 'RUNNER_TRACKING_ID']) {
      expect(env).not.toHaveProperty(name);
    }
  });

  test('has the recorded XDG_RUNTIME_DIR, also if there was none', () => {
    vi.stubEnv('XDG_RUNTIME_DIR', '/then');
    const recorded = recordedEnv({ MORE: '1' });
    vi.stubEnv('XDG_RUNTIME_DIR', '/now');
    expect(runtimeEnvironment(recorded)).toMatchObject({ XDG_RUNTIME_DIR: '/then', MORE: '1' });
    expect(runtimeEnvironment({}).XDG_RUNTIME_DIR).toBeUndefined();
  });
});

describe('options.runtimeEnv', () => {
  test.for([
    ['ERR_INVALID_ARG_TYPE', 'A=1'],
    ['ERR_INVALID_ARG_TYPE', { A: 1 }],
    ['ERR_INVALID_ARG_VALUE', { 'A=B': '1' }],
    ['ERR_INVALID_ARG_VALUE', { '': '1' }],
    ['ERR_INVALID_ARG_VALUE', { A: 'b\0' }],
    ['ERR_INVALID_ARG_VALUE', { NOTIFY_SOCKET: '/run/x' }],
    ['ERR_INVALID_ARG_VALUE', { LISTEN_FDS: '1' }],
  ] as const)('%s for %j', ([code, value]) => {
    expect(() => checkRuntimeEnv('options.runtimeEnv', value)).toThrow(expect.objectContaining({ code }) as Error);
  });

  test('reaches the shim, is kept with the container, and not passed to the process', async ({ scratch }) => {
    vi.stubEnv('MY_SECRET', 'x');
    const bundle = (await scratch.container('host', { args: ['sh', '-c', 'read x'] })).bundle;
    const id = scratch.newId();
    const made = await Container.create({ root: scratch.root, id, bundle, runtimeEnv: { EXTRA: 'kept' } });
    const process = await scratch.keep(made).start({ stdio: scratch.fifos() });
    const environ = (pid: number): string[] => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const shim = environ(shimIn(join(scratch.root, id, 'init')) ?? 0);
    expect(shim).toContain('EXTRA=kept');
    expect(shim).not.toContain('MY_SECRET=x');
    expect(environ(process.systemPid)).not.toContain('EXTRA=kept');
    const state = JSON.parse(readFileSync(join(scratch.root, id, 'state.json'), 'utf8')) as { runtimeEnv: object };
    expect(state.runtimeEnv).toMatchObject({ EXTRA: 'kept' });
    process.openStdin().end('\n');
    await process.wait();
    expect(existsSync(join(scratch.root, id))).toBe(true);
  });
});
