/** The promise helpers: each settles once, and none leaves a timer or a listener behind. */
import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Waiters, deferred, within } from '../../src/base/promises.js';

describe('promises', () => {
  test('Waiters: all get the event or its failure, and those that gave up are forgotten', async () => {
    const waiters = new Waiters<number>();
    const controller = new AbortController();
    const both = [waiters.wait(), waiters.wait(controller.signal)];
    expect(waiters.size).toBe(2);
    waiters.resolve(1);
    expect(await Promise.all(both)).toEqual([1, 1]);
    const reason = new Error('enough');
    const aborted = expect(waiters.wait(controller.signal)).rejects.toBe(reason);
    controller.abort(reason);
    await aborted;
    await expect(waiters.wait(controller.signal)).rejects.toBe(reason);
    expect(await waiters.waitAtMost(1)).toBeUndefined();
    expect(waiters.size).toBe(0);
    const failing = expect(waiters.waitAtMost(1000)).rejects.toThrow('no');
    waiters.reject(() => new Error('no'));
    await failing;
    expect([waiters.size, getEventListeners(controller.signal, 'abort').length]).toEqual([0, 0]);
  });

  test('within: the result, undefined when late, the rejection when it fails', async () => {
    expect(await within(Promise.resolve('x'), 1000)).toBe('x');
    expect(await within(delay(10_000, 'late', { ref: false }), 1)).toBeUndefined();
    await expect(within(Promise.reject(new Error('no')), 1000)).rejects.toThrow('no');
  });

  test('a limit that is too long for a timer is not over at once', async () => {
    const limitMs = 2 ** 31;
    expect(await within(delay(20, 'in time'), limitMs)).toBe('in time');
    const waiters = new Waiters<string>();
    const waiting = waiters.waitAtMost(limitMs);
    await delay(20);
    waiters.resolve('in time');
    expect(await waiting).toBe('in time');
  });

  test('deferred settles once', async () => {
    const { promise, resolve, reject } = deferred<number>();
    resolve(1);
    reject(new Error('too late'));
    expect(await promise).toBe(1);
  });
});
