/** The pure encoders and parsers: exact bytes out, and everything that may come in. */
import { describe, expect, test } from 'vitest';
import { CLOSE_STDIN_LINE, RELEASE_LINE, resizeLine } from '../../src/shim/control.js';
import { parseJsonObject } from '../../src/disk/json.js';
import { parseProcStat } from '../../src/kernel/stat.js';
import { firstError, parseLog } from '../../src/state/log.js';
import { rootIds } from '../../src/oci/mappings.js';

test('control lines, byte for byte', () => {
  expect(CLOSE_STDIN_LINE).toBe('0 0 0\n');
  expect(resizeLine(80, 24)).toBe('1 80 24\n');
  expect(resizeLine(65535, 1)).toBe('1 65535 1\n');
  expect(RELEASE_LINE).toBe('2 0 0\n');
});

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
    ['objects of no log', '{}\n{"msg":"x"}\n{"level":"error","msg":"b"}\n', [['error', 'b']]],
    ['no JSON at all', 'panic: runtime error\n', []],
    ['a message that is no text', '{"level":"error","msg":{"a":1}}\n', [['error', '{"a":1}']]],
    ['no message', '{"level":"error"}\n', [['error', '']]],
  ])('%s', (_, text, expected) => {
    expect(parseLog(text).map(({ level, msg }) => [level, msg])).toEqual(expected);
  });

  test('the first error counts, or worse', () => {
    const log = (...levels: string[]): { level: string; msg: string }[] =>
      levels.map((level, i) => ({ level, msg: `${level} ${i}` }));
    expect(firstError(log('info', 'warning', 'debug'))).toBeUndefined();
    expect(firstError(log('info', 'error', 'error'))).toBe('error 1');
    expect(firstError(log('warning', 'fatal', 'error'))).toBe('fatal 1');
    expect(firstError(log('panic'))).toBe('panic 0');
  });
});

describe('proc-stat', () => {
  const stat = (name: string): string =>
    `4242 (${name}) S 17 4242 4242 0 -1 4194560 100 0 0 0 1 2 3 4 20 0 1 0 987654321 5000 300 18446744073709551615 1 1 0`;

  test.each(['sh', 'a b', 'a) R 1 1 1', '((', '))', '', 'x\ny) Z 0', ') S 9 9 9 9'])('a process named %j', (name) => {
    expect(parseProcStat(stat(name) + '\n')).toEqual({ state: 'S', parentPid: 17, startTimeTicks: 987654321 });
  });

  test.each(['', '1 (x', '1 (x)', '1 (x) S', '1 (x) S 2 3', stat('x').replace('987654321', 'later')])(
    '%j is none',
    (text) => {
      expect(parseProcStat(text)).toBeUndefined();
    },
  );
});

describe('rootIds', () => {
  const map = (
    containerID: number,
    hostID: number,
    size = 1,
  ): { containerID: number; hostID: number; size: number } => ({
    containerID,
    hostID,
    size,
  });
  const pid = { type: 'pid' } as const;
  const user = [pid, { type: 'user' } as const];

  test('no user namespace: 0, whatever the mappings', () => {
    expect(rootIds({})).toEqual({ uid: 0, gid: 0 });
    expect(rootIds({ linux: {} })).toEqual({ uid: 0, gid: 0 });
    const linux = { namespaces: [pid], uidMappings: [map(0, 5)], gidMappings: [map(0, 6)] };
    expect(rootIds({ linux })).toEqual({ uid: 0, gid: 0 });
  });

  test('a user namespace: the host ids of 0/0, uid and gid apart', () => {
    const linux = {
      namespaces: user,
      uidMappings: [map(1, 1, 10), map(0, 100000, 65536)],
      gidMappings: [map(0, 200000), map(1, 7)],
    };
    expect(rootIds({ linux })).toEqual({ uid: 100000, gid: 200000 });
  });
});

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
  ])('%j is told with its place', (text, message) => {
    expect(() => parseJsonObject(text, '/x.json')).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_STATE', message: expect.stringContaining(message) as string }),
    );
  });
});
