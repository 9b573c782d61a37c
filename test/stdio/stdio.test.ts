/** newStdio(): which path each stream gets. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newStdio } from '../../src/stdio/stdio.js';

const TYPE = 'ERR_INVALID_ARG_TYPE';
const VALUE = 'ERR_INVALID_ARG_VALUE';

describe('newStdio', () => {
  test('a missing or empty path becomes /dev/null; paths become absolute', () => {
    const nothing = { stdin: '/dev/null', stdout: '/dev/null', stderr: '/dev/null' };
    expect(newStdio()).toEqual(nothing);
    expect(newStdio({ stdin: '', stdout: '' })).toEqual(nothing);
    expect(newStdio({ stdout: 'a/../b', stderr: '/c' })).toEqual({
      ...nothing,
      stdout: join(process.cwd(), 'b'),
      stderr: '/c',
    });
  });

  test('an invalid path is refused', () => {
    expect(() => newStdio({ stdin: 0 as never })).toThrow(expect.objectContaining({ code: TYPE }));
    for (const word of ['pipe', 'ingore', 'log', 'file']) {
      expect(() => newStdio({ stdout: word })).toThrow(expect.objectContaining({ code: VALUE }));
    }
    expect(() => newStdio({ stdOut: '/a' } as never)).toThrow(expect.objectContaining({ code: VALUE }));
    expect(() => newStdio('pipe' as never)).toThrow(expect.objectContaining({ code: TYPE }));
    expect(() => newStdio(null as never)).toThrow(expect.objectContaining({ code: TYPE }));
    expect(() => newStdio({ stdin: '/a\ud800' })).toThrow(expect.objectContaining({ code: VALUE }));
    expect(() => newStdio({ stdin: '/a\0b' })).toThrow(expect.objectContaining({ code: VALUE }));
  });
});
