/** Where the state root is if none is given. */
import { userInfo } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { defaultRoot } from '../../src/index.js';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function rootWith(env: Record<string, string | undefined>, uid = 65534): string {
  vi.spyOn(process, 'geteuid').mockReturnValue(uid);
  for (const name of ['OUTLIVE_ROOT', 'XDG_STATE_HOME', 'HOME']) vi.stubEnv(name, env[name]);
  return defaultRoot();
}

test('OUTLIVE_ROOT, else /var/lib/outlive for root, else XDG_STATE_HOME, else the home directory', () => {
  const env = { OUTLIVE_ROOT: '/given', XDG_STATE_HOME: '/state', HOME: '/home/me' };
  expect(rootWith(env)).toBe('/given');
  expect(rootWith({ ...env, OUTLIVE_ROOT: '' }, 0)).toBe('/var/lib/outlive');
  expect(rootWith({ ...env, OUTLIVE_ROOT: undefined })).toBe('/state/outlive');
  expect(rootWith({ HOME: '/home/me' })).toBe('/home/me/.local/state/outlive');
});

test('a home or state directory that is empty or relative is none: it would be another one in each working directory', () => {
  const passwd = `${userInfo().homedir}/.local/state/outlive`;
  for (const HOME of [undefined, '', 'home/me']) expect([HOME, rootWith({ HOME })]).toEqual([HOME, passwd]);
  expect(rootWith({ XDG_STATE_HOME: 'state', HOME: '/home/me' })).toBe('/home/me/.local/state/outlive');
});
