/** JSON files: parsed, or refused with the place of the error. */
import { describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../src/disk/json.js';

describe('parseJsonObject', () => {
  test('an object', () => {
    expect(parseJsonObject('{"a": [1, "é"]}', '/x.json')).toEqual({ a: [1, 'é'] });
  });

  test.each([
    ['{"a": 1,}', '/x.json:1:9: '],
    ['{\n  "a": tru\n}', '/x.json:2:8: '],
    ['{"a": "unfinished', '/x.json:1:'],
    ['', '/x.json'],
    ['[1]', '/x.json: must hold a JSON object'],
    ['null', '/x.json: must hold a JSON object'],
    ['"text"', '/x.json: must hold a JSON object'],
  ])('%j is an error with its place', (text, message) => {
    expect(() => parseJsonObject(text, '/x.json')).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_STATE', message: expect.stringContaining(message) as string }),
    );
  });
});
