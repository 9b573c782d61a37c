// The native JSON reader against JSON.parse, on generated and on mutated documents.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { expectLikeJavaScript } from './json-oracle.js';
import { JsonTool } from './tools.js';

let parser: JsonTool;

beforeAll(() => {
  parser = new JsonTool('parse');
});

afterAll(async () => {
  expect(await parser.close()).toBe(0);
});

const wellFormedValue = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });

/** JSON text with a few bytes changed, removed, doubled or inserted: almost valid. */
const mutatedDocument = fc
  .tuple(
    wellFormedValue,
    fc.constantFrom(undefined, 1, '\t\r\n'),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        remove: fc.nat({ max: 3 }),
        insert: fc.oneof(
          fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', '0', '-', '.', 'e', '+', ' ', '\n', '\0', '\x1f'),
          fc.constantFrom('\\u', '\\ud800', '\\udc00', '\\uD83D\\uDE00', '\ufeff', '\u00a0', 'true', '""', '[1,]', 'é'),
          fc.uint8Array({ maxLength: 3 }),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([value, space, edits]) => {
    let bytes = Buffer.from(JSON.stringify(value, null, space));
    for (const { at, remove, insert } of edits) {
      const from = Math.floor(at * bytes.length);
      bytes = Buffer.concat([bytes.subarray(0, from), Buffer.from(insert), bytes.subarray(from + remove)]);
    }
    return bytes;
  });

describe('against JSON.parse', () => {
  test('what JSON.stringify writes comes back byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(wellFormedValue, async (value) => {
        const text = JSON.stringify(value);
        expect(await parser.ask(text)).toEqual({ ok: true, text });
        expect(await parser.ask(JSON.stringify(value, null, ' \t'))).toEqual({ ok: true, text });
      }),
      { numRuns: 1500 },
    );
  });

  test('any JavaScript string, lone surrogates too, is accepted exactly if it has a UTF-8 form', async () => {
    const anyString = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 });
    const surrogates = fc.array(fc.constantFrom(0xd800, 0xdbff, 0xdc00, 0xdfff, 0x41, 0x5c), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyString, surrogates), async (codes) => {
        await expectLikeJavaScript(parser, Buffer.from(JSON.stringify({ k: String.fromCharCode(...codes) })));
      }),
      { numRuns: 1500 },
    );
  });

  test('mutated documents are accepted or refused alike, with the same values', async () => {
    await fc.assert(
      fc.asyncProperty(mutatedDocument, (bytes) => expectLikeJavaScript(parser, bytes)),
      { numRuns: 4000 },
    );
  });

  test('texts made of tokens of the grammar are accepted or refused alike', async () => {
    const pieces = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"',
        '\\',
        '0',
        '1',
        '-',
        '.',
        'e',
        'E',
        '+',
        'null',
        'true',
        ' ',
        '\n',
      ),
      { maxLength: 10 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, (list) => expectLikeJavaScript(parser, Buffer.from(list.join('')))),
      { numRuns: 6000 },
    );
  });
});
