/** How work is split over turns of the event loop. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { inTurns, ownTurn } from '../../src/base/turns.js';
import { Turns, work } from '../support/turns.js';

test('ownTurn: each gets a turn that no other one has, in the order of the calls', async () => {
  const turns = new Turns();
  const order: number[] = [];
  const calls = Array.from({ length: 5 }, async (_, i) => {
    await ownTurn();
    turns.note();
    order.push(i);
  });
  await Promise.all(calls);
  turns.stop();
  expect(order).toEqual([0, 1, 2, 3, 4]);
  expect(new Set(turns.of).size).toBe(5);
});

describe('inTurns', () => {
  test('does little work at once', async () => {
    const seen: number[] = [];
    const done = inTurns([1, 2, 3], (item) => {
      work(3);
      seen.push(item);
    });
    expect(seen).toEqual([1, 2, 3]);
    await done;
  });

  test('does much work in many turns, in order, and begins at once', async () => {
    const turns = new Turns();
    const seen: number[] = [];
    const items = Array.from({ length: 64 }, (_, i) => i);
    const done = inTurns(items, (item) => {
      work(0.3);
      turns.note();
      seen.push(item);
    });
    expect(seen).toEqual(items.slice(0, 16));
    await done;
    turns.stop();
    expect(seen).toEqual(items);
    expect(new Set(turns.of).size).toBe(4);
  });

  test('rejects with what an item throws, and leaves out the rest', async () => {
    const seen: number[] = [];
    const done = inTurns([1, 2, 3], (item) => {
      seen.push(item);
      if (item === 2) throw new Error('two');
    });
    await expect(done).rejects.toThrow('two');
    await nextTurn();
    expect(seen).toEqual([1, 2]);
  });
});
