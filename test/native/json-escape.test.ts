// The native JSON escaper (native/common/json_escape.h) against JSON.stringify, and on bytes that JavaScript has no string for.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { JsonTool } from './tools.js';

describe('the escaper', () => {
  async function escaped(bytes: string | Uint8Array, maxBytes = 65536): Promise<string> {
    const tool = new JsonTool('escape', String(maxBytes));
    try {
      return (await tool.ask(bytes)).text;
    } finally {
      expect(await tool.close()).toBe(0);
    }
  }

  test('writes what JSON.stringify writes', async () => {
    const tool = new JsonTool('escape', '65536');
    const inside = (text: string) => JSON.stringify(text).slice(1, -1);
    try {
      const ascii = String.fromCharCode(...Array.from({ length: 128 }, (_, code) => code));
      expect((await tool.ask(ascii)).text).toBe(inside(ascii));
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
          expect((await tool.ask(text)).text).toBe(inside(text));
        }),
        { numRuns: 500 },
      );
    } finally {
      expect(await tool.close()).toBe(0);
    }
  });

  test.each([
    ['ff', '\ufffd'],
    ['61 80 62', 'a\ufffdb'],
    ['c3', '\ufffd'],
    ['e2 82', '\ufffd\ufffd'],
    ['e2 82 22', '\ufffd\ufffd\\"'],
    ['c0 af', '\ufffd\ufffd'],
    ['ed a0 80', '\ufffd\ufffd\ufffd'],
    ['f4 90 80 80', '\ufffd\ufffd\ufffd\ufffd'],
    ['f0 9f 98 80', '😀'],
    ['f4 8f bf bf', '\u{10ffff}'],
    ['ef bf bd', '\ufffd'],
  ])('the bytes %s', async (hex, expected) => {
    expect(await escaped(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBe(expected);
  });

  test.each([
    ['abc', 2, 'ab'],
    ['abc', 0, ''],
    ['a"b', 2, 'a'],
    ['a"b', 3, 'a\\"'],
    ['\u0001x', 5, ''],
    ['\u0001x', 6, '\\u0001'],
    ['aé', 2, 'a'],
    ['aé', 3, 'aé'],
    ['😀', 3, ''],
    ['😀', 4, '😀'],
    ['', 4, ''],
  ])('%j in at most %d bytes', async (text, maxBytes, expected) => {
    expect(await escaped(text, maxBytes)).toBe(expected);
  });
});
