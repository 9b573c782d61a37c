// The native JSON reader (native/common/json.h): accepted documents, refused ones with the place of the error, limits.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { accepted, refused, refusedBytes } from './json-cases.js';
import { expectLikeJavaScript, maxDepth, numbers } from './json-oracle.js';
import { JsonTool } from './tools.js';

const maxSizeBytes = 16 * 1024 * 1024;

let parser: JsonTool;
let describer: JsonTool;

beforeAll(() => {
  parser = new JsonTool('parse');
  describer = new JsonTool('describe');
});

afterAll(async () => {
  // Status 0 also means that the sanitizers, if the tool was built with them, found nothing at its exit.
  expect(await Promise.all([parser.close(), describer.close()])).toEqual([0, 0]);
});

describe('documents by hand', () => {
  test.each(accepted)('accepts %j', async (text) => {
    const answer = await parser.ask(text);
    expect(answer).toMatchObject({ ok: true });
    expect(JSON.parse(answer.text)).toEqual(JSON.parse(text));
    expect(numbers(answer.text)).toEqual(numbers(text));
  });

  test.each(refused)('refuses %j', async (text) => {
    expect(await parser.ask(text)).toMatchObject({ ok: false });
  });

  test.each(refusedBytes)('refuses the bytes %s', async (hex) => {
    expect(await parser.ask(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toMatchObject({ ok: false });
  });

  test('every single byte: alone, in a string, after a backslash, between tokens, in a name', async () => {
    for (let byte = 0; byte < 256; byte++) {
      for (const [before, after] of [
        ['', ''],
        ['"', '"'],
        ['"\\', '"'],
        ['[1', ',2]'],
        ['{"', '":1}'],
        ['[', ']'],
      ]) {
        await expectLikeJavaScript(
          parser,
          Buffer.concat([Buffer.from(before ?? ''), Buffer.of(byte), Buffer.from(after ?? '')]),
        );
      }
    }
  });

  test('every prefix of a document that uses the whole grammar is refused, and the document is accepted', async () => {
    const whole = Buffer.from('{"a\\n":[1,-2.5e+3,{"b":null},[],{}],"é😀\\ud83d\\ude00":"\\\\\\"","c":[true,false]}');
    for (let size = 0; size <= whole.length; size++) {
      expect((await parser.ask(whole.subarray(0, size))).ok).toBe(size === whole.length);
    }
  });

  test('every BMP code point escaped is the character itself, surrogates refused', async () => {
    const escaped = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`;
    for (let row = 0; row < 0x10000; row += 256) {
      const codes = Array.from({ length: 256 }, (_, i) => row + i);
      const text = `"${codes.map(escaped).join('')}"`;
      const answer = await parser.ask(text);
      const surrogates = row >= 0xd800 && row <= 0xdf00;
      expect(answer.ok).toBe(!surrogates);
      if (!surrogates) expect(JSON.parse(answer.text)).toBe(String.fromCharCode(...codes));
    }
  });
});

describe('the place of an error', () => {
  test.each([
    ['', '1:1 (offset 0): unexpected end of the document'],
    ['  ', '1:3 (offset 2): unexpected end of the document'],
    ['{"a":1,}', '1:8 (offset 7): expected a member name in quotes'],
    ['{\n  "a": 1\n  "b": 2\n}', "3:3 (offset 13): expected ',' or '}'"],
    ['[1 2]', "1:4 (offset 3): expected ',' or ']'"],
    ['{"a" 1}', "1:6 (offset 5): expected ':'"],
    ['[\r\n\r\n+1]', '3:1 (offset 5): expected a value'],
    ['[\r+1]', '1:3 (offset 2): expected a value'],
    ['["\\n\\n\\n", x]', '1:12 (offset 11): expected a value'],
    ['{"k\\n":\n"\\n"\n!', "3:1 (offset 13): expected ',' or '}'"],
    ['01', '1:2 (offset 1): a number starts with 0'],
    ['-', '1:2 (offset 1): unexpected end of the document'],
    ['[-]', '1:3 (offset 2): expected a digit'],
    ['nul', '1:1 (offset 0): expected a value'],
    ['"\\x"', '1:3 (offset 2): unknown escape in a string'],
    ['"\\u12G4"', '1:6 (offset 5): expected four hexadecimal digits'],
    ['"\\ud800"', '1:8 (offset 7): lone surrogate in a string'],
    ['"é\t"', '1:4 (offset 3): control character in a string'],
    ['1 1', '1:3 (offset 2): text after the end of the document'],
    ['"abc', '1:5 (offset 4): unexpected end of the document'],
  ])('%j: %s', async (text, message) => {
    expect(await parser.ask(text)).toEqual({ ok: false, text: message });
  });
});

describe('limits', () => {
  test.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
    ['both', '[{"a":', '}]'],
  ])('%s: 128 levels are accepted, one more is refused where it opens', async (_, open, close) => {
    const perUnit = close.length;
    const at = (levels: number, inner: string) =>
      open.repeat(levels / perUnit) + inner + close.repeat(levels / perUnit);
    for (const inner of ['0', '""', '{}', '[]']) {
      const inside = inner.length === 2 && inner !== '""' ? perUnit : 0;
      expect(await parser.ask(at(maxDepth - inside, inner))).toMatchObject({ ok: true });
    }
    expect(await parser.ask(at(maxDepth, '[]'))).toEqual({
      ok: false,
      text: expect.stringMatching(/nested too deeply$/) as string,
    });
  });

  test('a million unclosed brackets are refused at the limit', async () => {
    expect(await parser.ask('['.repeat(1e6))).toEqual({ ok: false, text: '1:129 (offset 128): nested too deeply' });
  });

  test('16 MiB are read, one byte more is refused', async () => {
    const number = Buffer.alloc(maxSizeBytes, '1');
    expect((await parser.ask(number)).text).toHaveLength(maxSizeBytes);
    const spaces = Buffer.alloc(maxSizeBytes + 1, ' ').fill('1', 0, 1);
    expect(await parser.ask(spaces.subarray(1))).toMatchObject({ ok: false });
    expect(await parser.ask(spaces.subarray(0, maxSizeBytes))).toEqual({ ok: true, text: '1' });
    expect(await parser.ask(spaces)).toEqual({ ok: false, text: '1:1 (offset 0): larger than 16 MiB' });
  });

  test('the most nodes that 16 MiB can hold: a wide array, duplicate names, strings, brackets', async () => {
    const fill = (open: string, item: string, last: string, close: string) => {
      const room = maxSizeBytes - open.length - last.length - close.length;
      return open + item.repeat(Math.floor(room / item.length)) + last + close;
    };
    for (const text of [
      fill('[', '0,', '0', ']'),
      fill('{', '"":0,', '"":0', '}'),
      fill('[', '"",', '""', ']'),
      fill('[', '[],', '[]', ']'),
      fill('['.repeat(maxDepth), '0,', '0', ']'.repeat(maxDepth)),
    ]) {
      const answer = await parser.ask(text);
      expect(answer.ok && answer.text === text, text.slice(0, 20)).toBe(true);
    }
  });

  test('half of that, broken off before the end, is refused', async () => {
    expect(await parser.ask('['.repeat(maxDepth) + '0,'.repeat(4e6))).toMatchObject({ ok: false });
  });
});

describe('what the accessors say', () => {
  test.each([
    ['null', {}],
    ['true', { bool: true }],
    ['false', { bool: false }],
    ['[1,[2,3],{}]', { count: 3 }],
    ['{"a":1,"b":{"key":2}}', { count: 2, firstName: 'a' }],
    ['{"key":[1,{"key":2}]}', { count: 1, firstName: 'key', key: [1, { key: 2 }] }],
    ['{"key":1,"x":2,"key":3}', { count: 3, firstName: 'key', key: 3 }],
    ['{"key":1,"\\u006bey":null}', { count: 2, firstName: 'key', key: null }],
    ['["key"]', { count: 1 }],
    ['{"ke":1,"keys":2,"Key":3,"key\\u0000":4,"":5}', { count: 5, firstName: 'ke' }],
    ['"abc"', { cStringLength: 3, stringLength: 3 }],
    ['""', { cStringLength: 0, stringLength: 0 }],
    ['"a\\u0000b"', { stringLength: 3 }],
    ['"\\ud83d\\ude00\\u20ac\\u00e9"', { cStringLength: 9, stringLength: 9 }],
    ['0', { int: '0' }],
    ['-0', { int: '0' }],
    ['-12', { int: '-12' }],
    ['9223372036854775807', { int: '9223372036854775807' }],
    ['-9223372036854775808', { int: '-9223372036854775808' }],
    ['9223372036854775808', {}],
    ['-9223372036854775809', {}],
    ['1.0', {}],
    ['1e2', {}],
    ['"1"', { cStringLength: 1, stringLength: 1 }],
  ])('%s', async (text, expected) => {
    const nothing = {
      count: 0,
      int: null,
      bool: null,
      cStringLength: -1,
      stringLength: 0,
      key: 'absent',
      firstName: '',
    };
    const answer = await describer.ask(text);
    expect(JSON.parse(answer.text)).toEqual({ ...nothing, ...expected });
  });
});
