// readLog() of what is there: bytes, streams, times, marks; gaps; where to begin; cursors.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type OutputItem, type OutputReadOptions, readLog } from '../../src/index.js';
import { readOutput } from '../../src/output/read.js';
import { fileName } from '../support/log-writer.js';
import { temporaryDirectory } from '../posix/helpers.js';
import { all, brief, briefs, newLog } from './helpers.js';

/** A log with two streams, a resize in between, an end, and output after it. */
function mixedLog(): string {
  const { dir, writer } = newLog();
  writer.resize(80, 24);
  writer.write('stdout', 'one\n');
  writer.write('stderr', 'two\n');
  writer.resize(100, 30);
  writer.write('stdout', 'three\n');
  writer.end(7);
  writer.write('stdout', 'late\n');
  writer.close();
  return dir;
}

const MIXED = ['resize:80x24', 'out:one\n', 'err:two\n', 'resize:100x30', 'out:three\n', 'end:7', 'out:late\n'];

describe('what is there', () => {
  it('is given in order, with stream, time and marks', async () => {
    const items = await all(readLog(mixedLog()));
    expect(items.map(brief)).toEqual(MIXED);
    expect(items.map((item) => (item.type === 'gap' ? 0 : item.timeMs - 1_000_000))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('is cut at 64 KiB, and byte-exact over segments', async () => {
    const { dir, writer } = newLog(100_000);
    const sent = Buffer.alloc(1_000_000, 'abcdefghijklmnopqrstuvwxyz\n');
    for (let at = 0; at < sent.length; at += 70_000) writer.write('stdout', sent.subarray(at, at + 70_000));
    const items = await all(readLog(dir));
    const data = items.map((item) => (item.type === 'data' ? item.data : Buffer.alloc(0)));
    expect(Math.max(...data.map(({ length }) => length))).toBe(65_536);
    expect(Buffer.concat(data).equals(sent)).toBe(true);
  });

  it('is nothing in a log without a segment', async () => {
    const { dir } = newLog();
    expect(await briefs(readLog(dir))).toEqual([]);
    expect(await briefs(readLog(dir, { from: 'end' }))).toEqual([]);
  });

  it('has microseconds in its times', async () => {
    const { dir, writer } = newLog();
    writer.timeMs = 1_764_180_000_123.457;
    writer.write('stdout', 'x');
    const [item] = await all(readLog(dir));
    expect(item).toMatchObject({ timeMs: 1_764_180_000_123.457 });
  });

  it('ends at what was there at the call, however fast more comes', async () => {
    const { dir, writer } = newLog(10);
    writer.write('stdout', 'first');
    const got: string[] = [];
    for await (const item of readLog(dir)) {
      got.push(brief(item));
      writer.write('stdout', 'more!');
    }
    expect(got).toEqual(['out:first']);
  });

  it('has only the bytes of one stream with `stream`, and all marks', async () => {
    const dir = mixedLog();
    expect(await briefs(readLog(dir, { stream: 'stderr' }))).toEqual([
      'resize:80x24',
      'err:two\n',
      'resize:100x30',
      'end:7',
    ]);
  });

  it('reads to the last byte when the writer was killed within a record', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'whole');
    writer.tear();
    writer.close();
    expect(await briefs(readLog(dir))).toEqual(['out:whole']);
    expect(await briefs(readLog(dir, { follow: true }))).toEqual(['out:whole']);
  });
});

describe('a gap', () => {
  it('counts the bytes that were removed, and those that could not be written', async () => {
    const { dir, writer } = newLog(4, 2);
    for (const text of ['aaaa', 'bbbb', 'cccc']) writer.write('stdout', text);
    writer.drop(10);
    writer.write('stderr', 'dddd');
    expect(await briefs(readLog(dir))).toEqual(['gap:8', 'out:cccc', 'gap:10', 'err:dddd']);
  });

  it('comes when the segment is removed under the reader', async () => {
    const { dir, writer } = newLog(1_000_000);
    for (const byte of ['a', 'b', 'c']) writer.write('stdout', Buffer.alloc(1_000_000, byte));
    let bytes = 0;
    const gaps: number[] = [];
    for await (const item of readLog(dir)) {
      if (item.type === 'gap') gaps.push(item.bytes);
      if (item.type === 'data' && (bytes += item.data.length) === 65_536) writer.removeOldest();
    }
    // What was read ahead is given.
    expect(gaps).toEqual([3_000_000 - bytes]);
    expect(gaps[0]).toBeGreaterThan(400_000);
  });

  it('is at most what was there at the call', async () => {
    const { dir, writer } = newLog(4);
    writer.write('stdout', 'aaaa');
    writer.write('stdout', 'bbbb');
    const items = readLog(dir);
    expect(brief((await items.next()).value as OutputItem)).toBe('out:aaaa');
    for (const text of ['cccc', 'dddd', 'eeee']) writer.write('stdout', text);
    for (let i = 0; i < 4; i++) writer.removeOldest();
    expect(await briefs(items)).toEqual(['gap:4']);
  });
});

describe('from', () => {
  const read = (dir: string, from: OutputReadOptions['from'], stream?: 'stdout' | 'stderr'): Promise<string[]> =>
    briefs(readLog(dir, { from, stream }));

  it("'end' gives nothing of what was, but says how the process has ended", async () => {
    expect(await read(mixedLog(), 'end')).toEqual(['end:7']);
  });

  it('tail gives the last bytes', async () => {
    const dir = mixedLog();
    expect(await read(dir, { tail: 0 })).toEqual(['end:7']);
    expect(await read(dir, { tail: 3 })).toEqual(['end:7', 'out:te\n']);
    expect(await read(dir, { tail: 5 })).toEqual(['end:7', 'out:late\n']);
    expect(await read(dir, { tail: 13 })).toEqual(['err:o\n', 'resize:100x30', 'out:three\n', 'end:7', 'out:late\n']);
    expect(await read(dir, { tail: 1e15 })).toEqual(MIXED);
  });

  it('tail counts one stream’s bytes with `stream`', async () => {
    const dir = mixedLog();
    expect(await read(dir, { tail: 3 }, 'stderr')).toEqual(['err:wo\n', 'resize:100x30', 'end:7']);
    expect(await read(dir, { tail: 12 }, 'stdout')).toEqual([
      'out:\n',
      'resize:100x30',
      'out:three\n',
      'end:7',
      'out:late\n',
    ]);
  });

  it('lines gives the last lines, over streams and segments', async () => {
    const { dir, writer } = newLog(6);
    for (const text of ['a\n', 'b1', 'b2\n', 'c\nd\n', 'e']) writer.write('stdout', text);
    const lines = async (n: number): Promise<string> =>
      (await read(dir, { lines: n })).map((item) => item.slice(4)).join('');
    expect(await lines(0)).toBe('');
    expect(await lines(1)).toBe('e');
    expect(await lines(2)).toBe('d\ne');
    expect(await lines(4)).toBe('b1b2\nc\nd\ne');
    expect(await lines(5)).toBe('a\nb1b2\nc\nd\ne');
    expect(await lines(99)).toBe('a\nb1b2\nc\nd\ne');
    writer.write('stderr', 'x\ny\n');
    writer.write('stdout', 'f\n');
    expect(await read(dir, { lines: 1 }, 'stderr')).toEqual(['err:y\n']);
    expect(await read(dir, { lines: 1 }, 'stdout')).toEqual(['out:e', 'out:f\n']);
    expect(await read(dir, { lines: 2 })).toEqual(['err:y\n', 'out:f\n']);
  });

  it('lines finds lines longer than a block', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', `first\n${'x'.repeat(200_000)}\n`);
    for (let i = 0; i < 3000; i++) writer.write(i % 2 ? 'stdout' : 'stderr', 'y');
    const items = await all(readLog(dir, { from: { lines: 2 } }));
    expect(items.reduce((sum, item) => sum + (item.type === 'data' ? item.data.length : 0), 0)).toBe(203_001);
  });

  it('since begins at the first record of that time, and goes on if the clock was set back', async () => {
    const { dir, writer } = newLog(4);
    for (const [timeMs, text] of [
      [100, 'aa'],
      [200, 'bb'],
      [300, 'cc'],
      [150, 'dd'],
      [250, 'ee'],
    ] as const) {
      writer.timeMs = timeMs;
      writer.write('stdout', text);
    }
    expect(await read(dir, { since: 0 })).toEqual(['out:aa', 'out:bb', 'out:cc', 'out:dd', 'out:ee']);
    expect(await read(dir, { since: 201 })).toEqual(['out:cc', 'out:dd', 'out:ee']);
    expect(await read(dir, { since: new Date(200) })).toEqual(['out:bb', 'out:cc', 'out:dd', 'out:ee']);
    expect(await read(dir, { since: 301 })).toEqual([]);
  });

  it('is refused if it is none of these', () => {
    const { dir } = newLog();
    const code = (options: unknown): unknown => {
      try {
        readLog(dir, options as OutputReadOptions);
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
      return undefined;
    };
    for (const from of [null, 5, [], true]) expect(code({ from })).toBe('ERR_INVALID_ARG_TYPE');
    for (const from of [
      '',
      'begin',
      {},
      { tail: 1, lines: 1 },
      { bytes: 1 },
      { since: NaN },
      { since: new Date(NaN) },
    ]) {
      expect(code({ from })).toBe('ERR_INVALID_ARG_VALUE');
    }
    for (const from of [{ tail: -1 }, { lines: 1.5 }, { tail: 2 ** 53 }])
      expect(code({ from })).toBe('ERR_OUT_OF_RANGE');
    expect(code({ from: { tail: '1' } })).toBe('ERR_INVALID_ARG_TYPE');
    expect(code({ from: { since: '2026' } })).toBe('ERR_INVALID_ARG_TYPE');
    expect(code({ follow: 1 })).toBe('ERR_INVALID_ARG_TYPE');
    expect(code({ stream: 'stdin' })).toBe('ERR_INVALID_ARG_VALUE');
    expect(code({ signal: {} })).toBe('ERR_INVALID_ARG_TYPE');
    expect(code({ tail: 5 })).toBe('ERR_INVALID_ARG_VALUE');
    expect(code(null)).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('a cursor', () => {
  it('goes on exactly after its item, whichever it is', async () => {
    const dir = mixedLog();
    const items = await all(readLog(dir));
    for (const [i, { cursor }] of items.entries()) {
      expect(await briefs(readLog(dir, { from: cursor })), `item ${i}`).toEqual(MIXED.slice(i + 1));
      expect(await briefs(readLog(dir, { from: cursor, stream: 'stderr' }))).toEqual(
        MIXED.slice(i + 1).filter((text) => !text.startsWith('out')),
      );
    }
  });

  it('goes on after its item when the log has gone on over segments, and when its segment is gone', async () => {
    const { dir, writer } = newLog(4);
    writer.write('stdout', 'aaaa');
    writer.resize(1, 1);
    const cursors = (await all(readLog(dir))).map(({ cursor }) => cursor);
    expect(cursors).toHaveLength(2);
    writer.resize(2, 2);
    writer.write('stdout', 'bbbb');
    writer.resize(3, 3);
    expect(await briefs(readLog(dir, { from: cursors[0] }))).toEqual([
      'resize:1x1',
      'resize:2x2',
      'out:bbbb',
      'resize:3x3',
    ]);
    expect(await briefs(readLog(dir, { from: cursors[1] }))).toEqual(['resize:2x2', 'out:bbbb', 'resize:3x3']);
    writer.removeOldest();
    expect(await briefs(readLog(dir, { from: cursors[1] }))).toEqual(['out:bbbb', 'resize:3x3']);
    writer.write('stdout', 'cccc');
    writer.removeOldest();
    expect(await briefs(readLog(dir, { from: cursors[1] }))).toEqual(['gap:4', 'out:cccc']);
  });

  it('of a gap goes on after the gap', async () => {
    const { dir, writer } = newLog(4, 1);
    for (const text of ['aaaa', 'bbbb']) writer.write('stdout', text);
    const [gap] = await all(readLog(dir));
    expect(gap).toMatchObject({ type: 'gap', bytes: 4 });
    expect(await briefs(readLog(dir, { from: gap?.cursor }))).toEqual(['out:bbbb']);
  });

  it('beyond the end, as after a power cut, goes on there', async () => {
    const { dir, writer } = newLog(20);
    writer.write('stdout', 'kept, lost');
    const [item] = await all(readLog(dir));
    const { dir: cut, writer: cutWriter } = newLog(20);
    cutWriter.write('stdout', 'kept, ');
    const from = item?.cursor;
    expect(await briefs(readLog(cut, { from }))).toEqual([]);
    cutWriter.close();
    expect(await briefs(readLog(cut, { from, follow: true }))).toEqual([]);
    writer.write('stdout', 'more');
    expect(await briefs(readLog(dir, { from }))).toEqual(['out:more']);
  });

  it('of another process, or no cursor, is refused at the call', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'x');
    const [item] = await all(readLog(dir));
    const cursor = item?.cursor ?? '';
    const refused = { code: 'ERR_INVALID_ARG_VALUE' };
    expect(() => readOutput({ dir, key: 'another' }, { from: cursor })).toThrow(expect.objectContaining(refused));
    for (const from of [
      `${cursor}0`,
      cursor.slice(0, -1),
      'the-key',
      'the-key.0.0.-1.0',
      `the-key.0.0.${'9'.repeat(16)}.0`,
    ]) {
      expect(() => readLog(dir, { from }), from).toThrow(expect.objectContaining(refused));
    }
  });
});

describe('a directory', () => {
  it('without a log is refused at the call', () => {
    const dir = temporaryDirectory();
    for (const path of [dir, join(dir, 'none')]) {
      expect(() => readLog(path)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
    }
    expect(() => readLog(5 as unknown as string)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  });

  it.each([true, false])(
    'that is another process’s by now, or gone, is ERR_PROCESS_EXITED; follow: %s',
    async (follow) => {
      const { dir } = newLog();
      const items = readOutput({ dir, key: 'the-key' }, { follow });
      writeFileSync(join(dir, 'key'), 'another\n');
      await expect(items.next()).rejects.toMatchObject({ code: 'ERR_PROCESS_EXITED' });
      const late = readOutput({ dir, key: 'another' }, { follow });
      rmSync(dir, { recursive: true });
      await expect(late.next()).rejects.toMatchObject({ code: 'ERR_PROCESS_EXITED' });
      expect(await late.next()).toEqual({ done: true, value: undefined });
    },
  );

  it('whose index is lost gives the bytes as stdout’s', async () => {
    const { dir, writer } = newLog();
    writer.write('stderr', 'text');
    rmSync(join(dir, fileName(0, 'idx')));
    expect(await briefs(readLog(dir))).toEqual(['out:text']);
  });
});
