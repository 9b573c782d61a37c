/** What one listener's error costs the others: nothing. */
import { expect, test } from 'vitest';
import { callEach } from '../../src/base/listeners.js';
import { catchUncaught } from '../support/uncaught.js';
import { until } from '../support/until.js';

test('callEach: calls each once and in order, also after one that throws, and each error is one uncaught exception', async () => {
  const uncaught = catchUncaught();
  const called: number[] = [];
  callEach([1, 2, 3, 4], (item) => {
    called.push(item);
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- a listener may throw anything
    if (item % 2 === 0) throw item;
  });
  expect(called).toEqual([1, 2, 3, 4]);
  expect(uncaught).toEqual([]);
  await until('both are uncaught', () => uncaught.length >= 2);
  expect(uncaught).toEqual([2, 4]);
});
