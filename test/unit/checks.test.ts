/** Arguments, promises and the search for programs. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkString,
  checkStrings,
  checkTimeout,
} from '../../src/base/arg-checks.js';
import { findRuntime, findShim, normalizeProgram } from '../../src/disk/programs.js';
import { nativeExecutable } from '../../src/posix/index.js';
import { abortable, deferred, within } from '../../src/base/promises.js';
import { newStdio } from '../../src/stdio/stdio.js';
import { test } from '../support/scratch.js';

const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const RANGE = 'ERR_OUT_OF_RANGE';

describe('arguments', () => {
  test.for<[string, () => void, string]>([
    ['a string that is none', () => checkString('x', 1), TYPE],
    ['an empty string', () => checkString('x', ''), VALUE],
    ['a string with a NUL', () => checkString('x', 'a\0b'), VALUE],
    ['strings that are none', () => checkStrings('x', 'a'), TYPE],
    ['strings with a number', () => checkStrings('x', ['a', 1]), TYPE],
    ['strings with a NUL', () => checkStrings('x', ['a\0']), VALUE],
    ['a boolean that is none', () => checkBoolean('x', 0), TYPE],
    ['an object that is null', () => checkObject('x', null), TYPE],
    ['an object that is a list', () => checkObject('x', []), TYPE],
    ['an integer that is text', () => checkInteger('x', '1', 0, 2), TYPE],
    ['a fraction', () => checkInteger('x', 1.5, 0, 2), RANGE],
    ['NaN', () => checkInteger('x', NaN, 0, 2), RANGE],
    ['too small', () => checkInteger('x', -1, 0, 2), RANGE],
    ['too large', () => checkInteger('x', 3, 0, 2), RANGE],
    ['a timeout of 0', () => checkTimeout('x', 0), RANGE],
    ['a timeout that a timer would take for 1', () => checkTimeout('x', 2 ** 31), RANGE],
  ])('%s is refused', ([, check, code]) => {
    expect(check).toThrow(expect.objectContaining({ code }));
  });

  test('what is right passes', () => {
    checkString('x', 'a');
    checkStrings('x', ['', 'a']);
    checkBoolean('x', false);
    checkObject('x', {});
    checkInteger('x', 0, 0, 2);
    checkInteger('x', 2, 0, 2);
    checkTimeout('x', 2 ** 31 - 1);
  });
});

describe('newStdio', () => {
  test('/dev/null for what is missing or empty; paths become absolute', () => {
    const nothing = { stdin: '/dev/null', stdout: '/dev/null', stderr: '/dev/null' };
    expect(newStdio()).toEqual(nothing);
    expect(newStdio({ stdin: '', stdout: '' })).toEqual(nothing);
    expect(newStdio({ stdout: 'a/../b', stderr: '/c' })).toEqual({
      ...nothing,
      stdout: join(process.cwd(), 'b'),
      stderr: '/c',
    });
  });

  test('what is no path is refused', () => {
    expect(() => newStdio({ stdin: 0 as never })).toThrow(expect.objectContaining({ code: TYPE }));
    expect(() => newStdio({ stdin: 'a\0b' })).toThrow(expect.objectContaining({ code: VALUE }));
  });
});

describe('promises', () => {
  test('abortable: the promise, or the reason, and no listener stays', async () => {
    const controller = new AbortController();
    expect(await abortable(Promise.resolve(1), controller.signal)).toBe(1);
    const waiting = abortable(new Promise(() => undefined), controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test('within: the result, undefined when late, the rejection when it fails', async () => {
    expect(await within(Promise.resolve('x'), 1000)).toBe('x');
    expect(await within(delay(10_000, 'late', { ref: false }), 1)).toBeUndefined();
    await expect(within(Promise.reject(new Error('no')), 1000)).rejects.toThrow('no');
  });

  test('deferred settles once', async () => {
    const { promise, resolve, reject } = deferred<number>();
    resolve(1);
    reject(new Error('too late'));
    expect(await promise).toBe(1);
  });
});

describe('programs', () => {
  test('a path is made absolute, a name is kept', () => {
    expect(normalizeProgram('runc')).toBe('runc');
    expect(normalizeProgram('./runc')).toBe(join(process.cwd(), 'runc'));
    expect(normalizeProgram('/a/../b')).toBe('/b');
  });

  test('the shipped ones by their names', () => {
    expect(findRuntime('host')).toBe(nativeExecutable('outlive-host'));
    expect(findShim('outlive-shim')).toBe(nativeExecutable('outlive-shim'));
  });

  test('PATH is searched in order; directories and what may not be run are passed over', ({ scratch }) => {
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
