/** The checks of arguments: the code of each refusal. */
import { describe, expect, test } from 'vitest';
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkString,
  checkStrings,
  checkTimeout,
} from '../../src/base/arg-checks.js';

const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';
const RANGE = 'ERR_OUT_OF_RANGE';

describe('arguments', () => {
  test.for<[string, () => void, string]>([
    ['a string that is a number', () => checkString('x', 1), TYPE],
    ['an empty string', () => checkString('x', ''), VALUE],
    ['a string with a NUL', () => checkString('x', 'a\0b'), VALUE],
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

  test('valid arguments pass', () => {
    checkString('x', 'a');
    checkStrings('x', ['', 'a']);
    checkBoolean('x', false);
    checkObject('x', {});
    checkInteger('x', 0, 0, 2);
    checkInteger('x', 2, 0, 2);
    checkTimeout('x', 2 ** 31 - 1);
  });
});
