/** Where runtimes and shims are found: those that ship with the library, a path, and PATH. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { findRuntime, findShim, normalizeProgram } from '../../src/disk/programs.js';
import { nativeExecutable } from '../../src/posix/index.js';
import { test } from '../support/scratch.js';

describe('programs', () => {
  test('a path is made absolute, a name is kept', () => {
    expect(normalizeProgram('runc')).toBe('runc');
    expect(normalizeProgram('./runc')).toBe(join(process.cwd(), 'runc'));
    expect(normalizeProgram('/a/../b')).toBe('/b');
  });

  test('the programs of the package are found by name', () => {
    expect(findRuntime('host')).toBe(nativeExecutable('outlive-host'));
    expect(findShim('outlive-shim')).toBe(nativeExecutable('outlive-shim'));
  });

  test('PATH is searched in order; directories and files without execute permission are skipped', ({ scratch }) => {
    const [one, two, three] = ['one', 'two', 'three'].map((name) => scratch.mkdir(name)) as [string, string, string];
    const old = process.env.PATH;
    mkdirSync(join(one, 'tool'));
    writeFileSync(join(two, 'tool'), '');
    chmodSync(join(two, 'tool'), 0o644);
    writeFileSync(join(three, 'tool'), '#!/bin/sh\n');
    chmodSync(join(three, 'tool'), 0o755);
    process.env.PATH = `/no/such/dir:${one}:${two}:${three}`;
    try {
      expect(findRuntime('tool')).toBe(join(three, 'tool'));
      expect(findShim('tool')).toBe(join(three, 'tool'));
      process.env.PATH = one;
      const missing = { code: 'ERR_NOT_INSTALLED', message: 'tool not installed on system' };
      expect(() => findRuntime('tool')).toThrow(expect.objectContaining(missing));
    } finally {
      process.env.PATH = old;
    }
  });
});
