/** The promise helpers: each settles once, and none leaves a timer or a listener behind. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { abortable, deferred, within } from '../../src/base/promises.js';

describe('promises', () => {
  test('abortable: settles as the promise does, or rejects with the reason', async () => {
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
