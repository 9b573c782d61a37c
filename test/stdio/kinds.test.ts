/** checkStdio() and planStdio(): which kinds and paths are taken, and which path each stream gets. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type LogOptions, type StdioOptions, checkStdio, planStdio } from '../../src/stdio/kinds.js';

const MIB = 1024 * 1024;
const DIR = '/root/c/init';
const LOG = { dir: join(DIR, 'log'), maxBytes: 16 * MIB, segmentBytes: 2 * MIB };

const plan = (stdio?: StdioOptions, log?: LogOptions, terminal = false): unknown =>
  planStdio(checkStdio(stdio, log), DIR, terminal);

describe('a plan of stdio', () => {
  test('a missing, empty or ignored stream is /dev/null', () => {
    const nothing = { stdio: { stdin: '/dev/null', stdout: '/dev/null', stderr: '/dev/null' }, fifos: [] };
    expect(plan()).toEqual(nothing);
    expect(plan({ stdin: '', stdout: 'ignore' })).toEqual(nothing);
  });

  test('a pipe is a FIFO in the process directory', () => {
    const stdio = { stdin: `${DIR}/stdin`, stdout: `${DIR}/stdout`, stderr: `${DIR}/stderr` };
    expect(plan({ stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' })).toEqual({ stdio, fifos: Object.values(stdio) });
  });

  test('a path becomes absolute', () => {
    expect(plan({ stdin: '/dev/null', stdout: './a/../b', stderr: '/c/' })).toEqual({
      stdio: { stdin: '/dev/null', stdout: join(process.cwd(), 'b'), stderr: '/c' },
      fifos: [],
    });
  });

  test('a log is a directory in the process directory, or the one that was given', () => {
    const stdio = { stdin: '/dev/null', stdout: LOG.dir, stderr: LOG.dir };
    expect(plan({ stdout: 'log', stderr: 'log' })).toEqual({ stdio, fifos: [], log: LOG });
    expect(plan({ stderr: 'log' })).toEqual({ stdio: { ...stdio, stdout: '/dev/null' }, fifos: [], log: LOG });
    const log = { dir: '/logs/one/', maxBytes: 65536, segmentBytes: 4096 };
    expect(plan({ stdout: 'log' }, log)).toEqual({
      stdio: { stdin: '/dev/null', stdout: '/logs/one', stderr: '/dev/null' },
      fifos: [],
      log: { ...log, dir: '/logs/one' },
    });
    expect(plan({ stdout: 'log' }, { maxBytes: 65_537 })).toMatchObject({ log: { segmentBytes: 8192 } });
    expect(plan({ stdout: 'log' }, { maxBytes: 2 ** 50, segmentBytes: 2 ** 49 })).toMatchObject({
      log: { segmentBytes: 2 ** 49 },
    });
  });

  test('with a terminal no stderr is made', () => {
    const nothing = '/dev/null';
    expect(plan({ stdin: 'pipe', stdout: 'log', stderr: 'log' }, undefined, true)).toEqual({
      stdio: { stdin: `${DIR}/stdin`, stdout: LOG.dir, stderr: nothing },
      fifos: [`${DIR}/stdin`],
      log: LOG,
    });
    for (const stderr of ['pipe', 'log', 'ignore'] as const) {
      expect(plan({ stderr }, undefined, true)).toEqual({
        stdio: { stdin: nothing, stdout: nothing, stderr: nothing },
        fifos: [],
      });
    }
    expect(plan({ stderr: '/err' }, undefined, true)).toMatchObject({ stdio: { stderr: '/err' } });
  });
});

describe('what is refused', () => {
  const TYPE = 'ERR_INVALID_ARG_TYPE';
  const VALUE = 'ERR_INVALID_ARG_VALUE';
  const RANGE = 'ERR_OUT_OF_RANGE';
  const log = { stdout: 'log' };

  test.for([
    ['pipe', undefined, TYPE, 'options.stdio'],
    [null, undefined, TYPE, 'options.stdio'],
    [['pipe'], undefined, TYPE, 'options.stdio'],
    [{ stdOut: 'log' }, undefined, VALUE, 'options.stdio.stdOut'],
    [{ stdin: 0 }, undefined, TYPE, 'options.stdio.stdin'],
    [{ stdout: true }, undefined, TYPE, 'options.stdio.stdout'],
    [{ stderr: null }, undefined, TYPE, 'options.stdio.stderr'],
    [{ stdin: 'log' }, undefined, VALUE, 'options.stdio.stdin'],
    [{ stdout: 'ingore' }, undefined, VALUE, 'options.stdio.stdout'],
    [{ stdout: 'Log' }, undefined, VALUE, 'options.stdio.stdout'],
    [{ stderr: 'file' }, undefined, VALUE, 'options.stdio.stderr'],
    [{ stdout: '/a\0' }, undefined, VALUE, 'options.stdio.stdout'],
    [{ stdout: '/a\ud800' }, undefined, VALUE, 'options.stdio.stdout'],
    [{ stdout: 'pipe' }, {}, VALUE, 'options.log'],
    [undefined, {}, VALUE, 'options.log'],
    [log, null, TYPE, 'options.log'],
    [log, 5, TYPE, 'options.log'],
    [log, { max: 1 }, VALUE, 'options.log.max'],
    [log, { maxBytes: '1' }, TYPE, 'options.log.maxBytes'],
    [log, { maxBytes: 65_535 }, RANGE, 'options.log.maxBytes'],
    [log, { maxBytes: 2 ** 50 + 1 }, RANGE, 'options.log.maxBytes'],
    [log, { maxBytes: 65_536.5 }, RANGE, 'options.log.maxBytes'],
    [log, { maxBytes: NaN }, RANGE, 'options.log.maxBytes'],
    [log, { segmentBytes: 4095 }, RANGE, 'options.log.segmentBytes'],
    [log, { maxBytes: 65_536, segmentBytes: 32_769 }, RANGE, 'options.log.segmentBytes'],
    [log, { segmentBytes: 4096n }, TYPE, 'options.log.segmentBytes'],
    [log, { dir: 7 }, TYPE, 'options.log.dir'],
    [log, { dir: '' }, VALUE, 'options.log.dir'],
    [log, { dir: '/a\0' }, VALUE, 'options.log.dir'],
  ] as const)('stdio %j, log %o', ([stdio, given, code, name]) => {
    const thrown: unknown = expect.objectContaining({ code, message: expect.stringContaining(name) as string });
    expect(() => checkStdio(stdio as never, given as never)).toThrow(thrown);
  });
});
