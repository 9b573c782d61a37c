/** The runtime's log: what is read from whole, broken and truncated lines. */
import { describe, expect, test } from 'vitest';
import { firstError, parseLog } from '../../src/state/log.js';

describe('runtime-log', () => {
  test.each<[string, string, [string, string][]]>([
    ['nothing', '', []],
    [
      'one object a line',
      '{"level":"info","msg":"a"}\n{"level":"error","msg":"b"}\n',
      [
        ['info', 'a'],
        ['error', 'b'],
      ],
    ],
    [
      'objects one behind the other',
      '{"level":"info","msg":"a"}{"level":"error","msg":"b"}',
      [
        ['info', 'a'],
        ['error', 'b'],
      ],
    ],
    ['an object over several lines', '{\n "level": "error",\n "msg": "b"\n}\n', [['error', 'b']]],
    ['escapes', '{"level":"error","msg":"a \\"b\\" \\u00e9 }{"}\n', [['error', 'a "b" é }{']]],
    ['no newline at the end', '{"level":"error","msg":"b"}', [['error', 'b']]],
    ['unescaped quotes', '{"level":"error","msg":"exec: "foo": not found"}\n', [['error', 'exec: "foo": not found']]],
    [
      'unescaped quotes, and members behind',
      '{"level":"error","msg":"exec: "foo": x","time":"now"}\n',
      [['error', 'exec: "foo": x']],
    ],
    [
      'a broken line between good ones',
      '{"level":"info","msg":"a"}\n{"level":"warning","msg":"x "y" z"}\n{"level":"error","msg":"b"}\n',
      [
        ['info', 'a'],
        ['warning', 'x "y" z'],
        ['error', 'b'],
      ],
    ],
    [
      'cut off in the middle',
      '{"level":"info","msg":"a"}\n{"level":"error","msg":"cut o',
      [
        ['info', 'a'],
        ['error', 'cut o'],
      ],
    ],
    ['objects that are no log entries', '{}\n{"msg":"x"}\n{"level":"error","msg":"b"}\n', [['error', 'b']]],
    ['no JSON at all', 'panic: runtime error\n', []],
    ['a message that is no string', '{"level":"error","msg":{"a":1}}\n', [['error', '{"a":1}']]],
    ['no message', '{"level":"error"}\n', [['error', '']]],
  ])('%s', (_, text, expected) => {
    expect(parseLog(text).map(({ level, msg }) => [level, msg])).toEqual(expected);
  });

  test('the first entry of level error, fatal or panic counts', () => {
    const log = (...levels: string[]): { level: string; msg: string }[] =>
      levels.map((level, i) => ({ level, msg: `${level} ${i}` }));
    expect(firstError(log('info', 'warning', 'debug'))).toBeUndefined();
    expect(firstError(log('info', 'error', 'error'))).toMatchObject({ msg: 'error 1' });
    expect(firstError(log('warning', 'fatal', 'error'))).toMatchObject({ msg: 'fatal 1' });
    expect(firstError(log('panic'))).toMatchObject({ msg: 'panic 0' });
  });
});
