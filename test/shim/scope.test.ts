/** `scope: 'systemd'`, on a systemd-run that makes no scope: what it is told, what the shim gets, and how it may fail. */
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, vi } from 'vitest';
import { Container, type ContainerOptions } from '../../src/index.js';
import { ScopedStart, scopeCommand, scopeName } from '../../src/shim/scope.js';
import { expectNothingLeft, fakeContainer, processDir } from '../support/fake-runtime.js';
import { type Scratch, test } from '../support/scratch.js';
import { shimPid } from '../support/shims.js';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';

const fakes = fileURLToPath(new URL('../fixtures/systemd', import.meta.url));
const command = { file: '/shim', args: ['id', '/b', '/r'], env: { PATH: '/p' } };

/** The runtime directory of a user who has a manager. */
function managerDir(scratch: Scratch): string {
  const dir = scratch.mkdir('runtime-dir');
  mkdirSync(join(dir, 'systemd'));
  writeFileSync(join(dir, 'systemd/private'), '');
  return dir;
}

/** A container in a scope, by the fake systemd-run. */
function scoped(scratch: Scratch, answer = '', options: Partial<ContainerOptions> = {}): Promise<Container> {
  vi.stubEnv('PATH', `${fakes}:${process.env.PATH}`);
  vi.stubEnv('XDG_RUNTIME_DIR', managerDir(scratch));
  const runtimeEnv = { FAKE_NOTES: join(scratch.dir, 'notes'), FAKE_ANSWER: answer };
  return scratch.container('host', { args: ['sleep', '1000'] }, { scope: 'systemd', runtimeEnv, ...options });
}

const notes = (scratch: Scratch): string[] => readFileSync(join(scratch.dir, 'notes'), 'utf8').split('\n');

beforeEach(() => {
  vi.stubEnv('INVOCATION_ID', 'of the supervisor');
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe('the command', () => {
  const scope = { unit: 'u.scope', description: 'd' };
  const options = ['--scope', '--quiet', '--collect', '--no-ask-password', '--unit=u.scope', '--description=d'];
  const rest = ['-p', 'Delegate=yes', '--', '/bin/sh', '-c'];

  test("asks the system's manager", () => {
    const script =
      'unset INVOCATION_ID; unset XDG_RUNTIME_DIR; unset PWD; unset OLDPWD; unset SHLVL; exec "$0" "$@" 2>/dev/null';
    expect(scopeCommand(command, { ...scope, managerDir: undefined })).toEqual({
      args: [...options, ...rest, script, '/shim', 'id', '/b', '/r'],
      env: { PATH: '/p' },
    });
  });

  test("asks the user's manager in its directory; the shim gets the recorded one", () => {
    const env = { PATH: '/p', XDG_RUNTIME_DIR: "/it's" };
    const { args, env: given } = scopeCommand({ ...command, env }, { ...scope, managerDir: '/run/user/1' });
    expect(args).toEqual(['--user', ...options, ...rest, expect.any(String), '/shim', 'id', '/b', '/r']);
    expect(args.join(' ')).toContain("XDG_RUNTIME_DIR='/it'\\''s'; ");
    expect(given).toEqual({ PATH: '/p', XDG_RUNTIME_DIR: '/run/user/1' });
  });

  test('names the scope after the container, as systemd allows it', () => {
    expect(scopeName('a+b_c.d-e')).toMatch(/^outlive-a_b_c\.d-e-[0-9a-f-]{13}\.scope$/);
    expect(scopeName('x'.repeat(255)).length).toBeLessThan(256);
    expect(scopeName('a')).not.toBe(scopeName('a'));
  });
});

describe('a start', () => {
  test('is by systemd-run, which becomes the shim, in the small environment', async ({ scratch }) => {
    const container = await scoped(scratch);
    const init = await container.start();
    const shim = shimPid(scratch, container.id);
    const identity = join(processDir(scratch, container), 'identity.json');
    await until('the shim records its pid', () => readFileSync(identity, 'utf8').includes(`"shim":{"pid":${shim},`));
    expect(readlinkSync(`/proc/${shim}/fd/2`)).toBe('/dev/null');
    const env = readFileSync(`/proc/${shim}/environ`, 'utf8');
    expect(env).not.toMatch(/INVOCATION_ID|SHLVL/);
    expect(env).toContain(`XDG_RUNTIME_DIR=${process.env.XDG_RUNTIME_DIR}\0`);
    expect(notes(scratch).includes('--user')).toBe(!isRoot);
    expect(notes(scratch)).toContain(`--description=outlive ${container.id} init`);
    init.signal('SIGKILL');
    expect((await init.wait()).status).toBe(137);
  });

  test('is recorded: a program that loads the container starts its processes so', async ({ scratch }) => {
    const container = await scoped(scratch);
    expect(JSON.parse(readFileSync(join(scratch.root, container.id, 'state.json'), 'utf8'))).toMatchObject({
      scope: 'systemd',
    });
    await container.start();
    const loaded = scratch.keep(await Container.load(scratch.root, container.id));
    const other = await loaded.exec('other', { args: ['true'] });
    expect((await other.wait()).status).toBe(0);
    expect(notes(scratch)).toContain(`--description=outlive ${container.id} other`);
  });

  test('may be with another XDG_RUNTIME_DIR than the container was made with', async ({ scratch }) => {
    const container = await scoped(scratch);
    const then = process.env.XDG_RUNTIME_DIR;
    const now = managerDir(scratch);
    vi.stubEnv('XDG_RUNTIME_DIR', now);
    await container.start();
    const env = readFileSync(`/proc/${shimPid(scratch, container.id)}/environ`, 'utf8');
    expect(env).toContain(`XDG_RUNTIME_DIR=${then}\0`);
    // Root asks the system's manager, which is not found by it.
    expect(notes(scratch)).toContain(`XDG_RUNTIME_DIR=${isRoot ? then : now}`);
  });

  test('fails with what systemd says, and can be tried again', async ({ scratch }) => {
    const said = 'Failed to connect to bus: "No such" file\nand more';
    const container = await scoped(scratch, said);
    const message = 'no scope of systemd: Failed to connect to bus: "No such" file; and more';
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(container.start()).rejects.toMatchObject({ code: 'ERR_SCOPE_UNAVAILABLE', message });
      await expectNothingLeft(scratch, container);
    }
  });

  test('fails in time if systemd does not answer', async ({ scratch }) => {
    const container = await scoped(scratch, 'hang', { timeoutMs: 500 });
    await expect(container.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
    await expectNothingLeft(scratch, container);
  });

  test("fails with the runtime's error if that is what failed", async ({ scratch }) => {
    vi.stubEnv('PATH', `${fakes}:${process.env.PATH}`);
    vi.stubEnv('XDG_RUNTIME_DIR', managerDir(scratch));
    const runtimeEnv = { FAKE_NOTES: join(scratch.dir, 'notes') };
    const container = await fakeContainer(scratch, 'fail-with-log', '', { scope: 'systemd', runtimeEnv });
    await expect(container.start()).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    await expectNothingLeft(scratch, container);
    const silent = await fakeContainer(scratch, 'fail-silently', '', { scope: 'systemd', runtimeEnv });
    await expect(silent.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_STARTED' });
  });

  test('fails if there is no systemd-run', async ({ scratch }) => {
    const container = await scoped(scratch);
    const bin = scratch.mkdir('bin');
    symlinkSync('/bin/sh', join(bin, 'sh'));
    vi.stubEnv('PATH', bin);
    await expect(container.start()).rejects.toMatchObject({
      code: 'ERR_SCOPE_UNAVAILABLE',
      cause: expect.objectContaining({ code: 'ERR_NOT_INSTALLED' }) as unknown,
    });
    await expectNothingLeft(scratch, container);
  });

  test('fails if the user has no manager, and says what to do', ({ scratch }) => {
    vi.stubEnv('PATH', `${fakes}:${process.env.PATH}`);
    vi.stubEnv('XDG_RUNTIME_DIR', scratch.mkdir('runtime-dir'));
    vi.spyOn(process, 'geteuid').mockReturnValue(987654321);
    const dir = scratch.mkdir('process');
    expect(() => new ScopedStart(command, 'id', dir)).toThrow(
      expect.objectContaining({
        code: 'ERR_SCOPE_UNAVAILABLE',
        message: expect.stringMatching(/loginctl enable-linger.*KillMode=process/) as unknown,
      }) as Error,
    );
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('the option', () => {
  test.for([
    ['ERR_INVALID_ARG_TYPE', 1],
    ['ERR_INVALID_ARG_TYPE', null],
    ['ERR_INVALID_ARG_VALUE', 'auto'],
    ['ERR_INVALID_ARG_VALUE', ''],
  ] as const)('%s: %j', async ([code, scope], { scratch }) => {
    const given = { scope } as unknown as Partial<ContainerOptions>;
    await expect(scratch.container('host', { args: ['true'] }, given)).rejects.toMatchObject({ code });
  });

  test("'none' is as if it were not given", async ({ scratch }) => {
    const container = await scoped(scratch, '', { scope: 'none' });
    await container.start();
    expect(existsSync(join(scratch.dir, 'notes'))).toBe(false);
    const state = JSON.parse(readFileSync(join(scratch.root, container.id, 'state.json'), 'utf8')) as object;
    expect(state).not.toHaveProperty('scope');
  });
});
