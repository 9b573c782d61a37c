/** A queue gives its items in the order in which they came, however pushes and takes interleave. */
import { expect, test } from 'vitest';
import { Queue } from '../../src/base/queue.js';

test.each([0.3, 0.5, 0.7])('as an array does, with a share of %f pushes', (share) => {
  const queue = new Queue<{ number: number }>();
  const model: { number: number }[] = [];
  // A generator of its own, so that a failure comes again: the multiplier is that of MINSTD.
  let seed = 42;
  const random = (): number => (seed = (seed * 48_271) % 0x7fffffff) / 0x7fffffff;
  for (let number = 0; number < 5000; number++) {
    if (random() < share) {
      queue.push({ number });
      model.push({ number });
    } else expect(queue.take()).toEqual(model.shift());
    expect([queue.size, queue.peek()]).toEqual([model.length, model[0]]);
  }
  queue.clear();
  expect([queue.size, queue.peek(), queue.take()]).toEqual([0, undefined, undefined]);
  queue.push({ number: 1 });
  expect(queue.take()).toEqual({ number: 1 });
});
