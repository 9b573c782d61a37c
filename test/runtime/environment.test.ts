/** The environment of shim and runtime: small, recorded where it decides, and never the supervisor's service's. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, vi } from 'vitest';
import { Container, posix } from '../../src/index.js';
import { checkRuntimeEnv, recordedEnv, runtimeEnvironment } from '../../src/runtime/environment.js';
import { runtimeArgs, writeContainerBundle } from '../support/bundles.js';
import { shimIn } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { installed, isRoot, want } from '../support/strict.js';

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

describe('a secret and a service’s socket of the supervisor', () => {
  const hasRunc = installed('runc') && installed('busybox');
  const NAMES = ['MY_SECRET', 'NOTIFY_SOCKET', 'LISTEN_FDS', 'JENKINS_NODE_COOKIE'];

  test('reach no command of the runtime: neither the shim’s nor the library’s', async ({ scratch }) => {
    for (const name of NAMES) vi.stubEnv(name, 'x');
    const [runtime, seen] = [join(scratch.dir, 'runtime'), join(scratch.dir, 'seen')];
    const host = posix.nativeExecutable('outlive-host');
    const script = `#!/bin/sh\n{ echo "$@"; env; } >>"${seen}"\nexec "${host}" "$@"\n`;
    writeFileSync(runtime, script, { mode: 0o700 });
    // With a root of its own: only the shipped runtime gets one from the library.
    const ownRoot = ['--root', scratch.mkdir('runtime-root')];
    const container = await scratch.container('host', { args: ['sleep', '1000'] }, { runtime, runtimeArgs: ownRoot });
    await container.start();
    const second = await container.exec('second', { args: ['true'] });
    await second.wait();
    await container.pids();
    await container.delete();
    const text = readFileSync(seen, 'utf8');
    for (const command of [' run -d', ' exec -d', ' ps ', ' delete ']) expect(text).toContain(command);
    for (const name of NAMES) expect(text).not.toContain(name);
    expect(text).toContain('\nPATH=');
  });

  describe.runIf(want('runc and busybox (Debian: busybox-static)', hasRunc))('of runc', () => {
    test('reach no hook', async ({ scratch }) => {
      for (const name of NAMES) vi.stubEnv(name, 'x');
      const seen = join(scratch.dir, 'seen');
      const bundle = writeContainerBundle(
        scratch.mkdir('bundle'),
        'runc',
        { args: ['true'] },
        {
          rootless: !isRoot,
          change: (spec) => {
            const hook = (name: string) => [
              { path: '/bin/sh', args: ['sh', '-c', `{ echo ${name}; env; } >>"${seen}"`] },
            ];
            const hooks = {
              createRuntime: hook('createRuntime'),
              poststart: hook('poststart'),
              poststop: hook('poststop'),
            };
            return { ...spec, hooks };
          },
        },
      );
      const options = { root: scratch.root, id: scratch.newId(), bundle, runtime: 'runc' };
      const made = await Container.create({ ...options, runtimeArgs: runtimeArgs('runc', scratch.dir) });
      const container = scratch.keep(made);
      expect(await (await container.start()).wait()).toMatchObject({ status: 0 });
      await container.delete();
      const text = readFileSync(seen, 'utf8');
      for (const hook of ['createRuntime', 'poststart', 'poststop']) expect(text).toContain(`${hook}\n`);
      for (const name of NAMES) expect(text).not.toContain(name);
    });
  });
});
