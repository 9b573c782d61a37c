/** The checks of arguments: the code of each refusal. */
import { describe, expect, test } from 'vitest';
import {
  checkAbortSignal,
  checkBoolean,
  checkInteger,
  checkJson,
  checkKeys,
  checkObject,
  checkString,
  checkStrings,
  checkText,
  checkTimeout,
  jsonCopy,
} from '../../src/base/arg-checks.js';

const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const RANGE = 'ERR_OUT_OF_RANGE';

function circle(): object {
  const object: Record<string, unknown> = {};
  object.self = object;
  return object;
}

describe('arguments', () => {
  test.for<[string, () => void, string]>([
    ['a string that is a number', () => checkString('x', 1), TYPE],
    ['an empty string', () => checkString('x', ''), VALUE],
    ['a string with a NUL', () => checkString('x', 'a\0b'), VALUE],
    ['a string with a lone surrogate', () => checkString('x', 'a\ud800b'), VALUE],
    ['a text with a lone surrogate at its end', () => checkText('x', 'a\udc00'), VALUE],
    ['a text with a NUL', () => checkText('x', '\0'), VALUE],
    ['strings with a lone surrogate', () => checkStrings('x', ['\udfff\ud800']), VALUE],
    ['an object with an unknown key', () => checkKeys('x', { a: 1, c: 2 }, ['a', 'b']), VALUE],
    ['keys of null', () => checkKeys('x', null, []), TYPE],
    ['JSON with a circle', () => checkJson('x', circle()), VALUE],
    ['JSON with a BigInt', () => checkJson('x', { a: 1n }), VALUE],
    ['JSON with a NUL deep inside', () => checkJson('x', { a: [{ b: 'a\0' }] }), VALUE],
    ['JSON with a lone surrogate in a key', () => checkJson('x', { a: { '\ud800': 1 } }), VALUE],
    ['JSON with NaN', () => checkJson('x', { a: [{ b: NaN }] }), RANGE],
    ['JSON with Infinity', () => jsonCopy('x', { a: -Infinity }), RANGE],
    // eslint-disable-next-line no-sparse-arrays
    ['strings with a hole', () => checkStrings('x', ['a', , 'b']), TYPE],
    ['a signal that is an object', () => checkAbortSignal('x', { aborted: false, reason: undefined }), TYPE],
    ['a signal that is null', () => checkAbortSignal('x', null), TYPE],
    ['strings that are one string', () => checkStrings('x', 'a'), TYPE],
    ['strings with a number', () => checkStrings('x', ['a', 1]), TYPE],
    ['strings with a NUL', () => checkStrings('x', ['a\0']), VALUE],
    ['a boolean that is a number', () => checkBoolean('x', 0), TYPE],
    ['an object that is null', () => checkObject('x', null), TYPE],
    ['an object that is a list', () => checkObject('x', []), TYPE],
    ['an integer that is text', () => checkInteger('x', '1', 0, 2), TYPE],
    ['a fraction', () => checkInteger('x', 1.5, 0, 2), RANGE],
    ['NaN', () => checkInteger('x', NaN, 0, 2), RANGE],
    ['too small', () => checkInteger('x', -1, 0, 2), RANGE],
    ['too large', () => checkInteger('x', 3, 0, 2), RANGE],
    ['a timeout of 0', () => checkTimeout('x', 0), RANGE],
    ['a timeout too large for a timer, which would take it for 1', () => checkTimeout('x', 2 ** 31), RANGE],
  ])('%s is refused', ([, check, code]) => {
    expect(check).toThrow(expect.objectContaining({ code }));
  });

  test('a copy is not changed with its original, and has no more than that', () => {
    const given = { a: [{ b: 1 }], c: undefined };
    const copy = jsonCopy('x', given);
    given.a[0] = { b: 2 };
    expect([copy, jsonCopy<unknown>('x', undefined)]).toEqual([{ a: [{ b: 1 }] }, undefined]);
  });

  test('valid arguments pass', () => {
    checkString('x', 'a');
    checkString('x', 'a\ud83d\ude00b');
    checkText('x', '');
    checkKeys('x', { a: 1 }, ['a', 'b']);
    checkJson('x', { a: ['\ud83d\ude00', null, 1.5, undefined] });
    checkJson('x', undefined);
    checkAbortSignal('x', undefined);
    checkAbortSignal('x', new AbortController().signal);
    checkStrings('x', ['', 'a']);
    checkBoolean('x', false);
    checkObject('x', {});
    checkInteger('x', 0, 0, 2);
    checkInteger('x', 2, 0, 2);
    checkTimeout('x', 2 ** 31 - 1);
  });
});
