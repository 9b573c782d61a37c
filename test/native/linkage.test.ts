/** What the built files need of the machine that they run on. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { posix } from '../../src/index.js';

const shim = posix.nativeExecutable('outlive-shim');
const addon = join(shim, '../outlive.node');

test('the addon needs no newer glibc than 2.28', () => {
  const symbols = execFileSync('objdump', ['--dynamic-syms', addon], { encoding: 'utf8' });
  const versions = [...symbols.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  expect(versions.length).toBeGreaterThan(0);
  expect(Math.max(...versions)).toBeLessThanOrEqual(28);
});

test.for(['outlive-shim', 'outlive-host'] as const)('%s needs no library and no loader', (name) => {
  const headers = execFileSync('readelf', ['--wide', '--program-headers', posix.nativeExecutable(name)], {
    encoding: 'utf8',
  });
  expect(headers).toContain('LOAD');
  expect(headers).not.toMatch(/INTERP|DYNAMIC/);
});
