/** The end of a shim: one listener, told once, and nothing kept of one that was removed. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/base/promises.js';
import { ShimEnd } from '../../src/shim/end.js';

describe('the end of a shim', () => {
  it.each(['resolve', 'reject'] as const)('is told to the last listener alone: %s', async (settle) => {
    const exit = deferred<null>();
    const end = new ShimEnd(exit.promise);
    const told: string[] = [];
    end.onEnd(() => told.push('first'));
    end.onEnd(() => told.push('second'));
    exit[settle](null);
    expect(told).toEqual([]);
    await exit.promise.catch(() => undefined);
    await Promise.resolve();
    expect(told).toEqual(['second']);
  });

  it('is told to a listener that comes after it, soon, unless that is removed', async () => {
    const end = new ShimEnd(Promise.resolve());
    await Promise.resolve();
    const told: string[] = [];
    end.onEnd(() => told.push('removed'));
    end.onEnd(undefined);
    end.onEnd(() => told.push('late'));
    expect(told).toEqual([]);
    await Promise.resolve();
    expect(told).toEqual(['late']);
  });
});
