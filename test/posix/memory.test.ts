// isAbove(): which of two buffers lies at the higher address.
import { expect, it } from 'vitest';
import { isAbove } from '../../src/posix/memory.js';

it('compares where the memory of two buffers begins', () => {
  const memory = new ArrayBuffer(16);
  const [low, high] = [new Uint8Array(memory, 0, 16), Buffer.from(memory, 1, 1)];
  expect(isAbove(high, low)).toBe(true);
  expect(isAbove(low, high)).toBe(false);
  expect(isAbove(low, new Uint8Array(memory))).toBe(false);
});

it.each([
  ['buffer', 'text', new Uint8Array(1)],
  ['other', new Uint8Array(1), undefined],
])('refuses a %s that is none', (name, buffer, other) => {
  expect(() => isAbove(buffer as Uint8Array, other as Uint8Array)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining(`"${name}"`) as string }),
  );
});
