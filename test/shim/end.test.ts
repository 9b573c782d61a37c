/** The end of a shim: one listener, told once, and nothing kept of one that was removed. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/base/promises.js';
import { ShimEnd } from '../../src/shim/end.js';

describe('the end of a shim', () => {
  it.each(['resolve', 'reject'] as const)('is told to the last listener alone: %s', async (settle) => {
    const exit = deferred<null>();
    const end = new ShimEnd({ exited: exit.promise, release: () => false });
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
    const end = new ShimEnd({ exited: Promise.resolve(), release: () => false });
    await Promise.resolve();
    const told: string[] = [];
    end.onEnd(() => told.push('removed'));
    end.onEnd(undefined);
    end.onEnd(() => told.push('late'));
    expect(told).toEqual([]);
    await Promise.resolve();
    expect(told).toEqual(['late']);
  });

  it('is not released if it has ended: its listeners are told', async () => {
    const released: string[] = [];
    const release = (): boolean => released.push('pidfd') > 0;
    const running = new ShimEnd({ exited: new Promise(() => undefined), release });
    expect(running.release()).toBe(true);
    const ended = new ShimEnd({ exited: Promise.resolve(), release });
    await Promise.resolve();
    expect(ended.release()).toBe(false);
    expect(released).toEqual(['pidfd']);
  });
});
