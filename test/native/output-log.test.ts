/** The shim's writer of a log, with a clock that is set back and forward: by the tool, which has a clock of its own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { posix, readLog } from '../../src/index.js';
import { all, brief, briefs, next } from '../output/helpers.js';
import { temporaryDirectory } from '../posix/helpers.js';
import { readLogFiles, readSegments } from '../support/log-files.js';
import { toolPath } from './tools.js';

const tool = toolPath('outlive-output-log-tool', process.env.OUTLIVE_OUTPUT_LOG_TOOL);
const [END, STDOUT] = [4, 1];

/** A log that these actions have written; see native/test/output_log_tool.cc. */
function written(actions: string[], maxBytes = 1 << 20, segmentBytes = maxBytes / 8): string {
  const dir = join(temporaryDirectory(), 'log');
  mkdirSync(dir, { mode: 0o700 });
  writeFileSync(join(dir, 'key'), 'the-key\n');
  posix.mkfifo(join(dir, 'writer'), 0o600);
  const { status, signal } = spawnSync(tool, [dir, String(maxBytes), String(segmentBytes), ...actions], {
    timeout: 20_000,
  });
  expect([status, signal]).toEqual([0, null]);
  return dir;
}

describe('a clock that is set back', () => {
  const hourUs = 3_600_000_000;
  const [noon, eleven] = [12 * hourUs, 11 * hourUs];
  const actions = [
    ...[`clock=${noon}`, 'out=a', `clock=${noon + 500}`, 'out=b'],
    // By an hour, and by less than the time within which bytes share a record.
    ...[`clock=${eleven}`, 'out=c', `clock=${eleven - 1}`, 'out=d', `clock=${eleven + 500}`, 'out=e'],
    ...[`clock=${noon + 1000}`, 'out=f', `clock=${-hourUs}`, 'out=g', 'end=3'],
  ];

  it('begins a new record each time: no byte has another time than that of its read, or up to 1 ms before it', () => {
    const { chunks, end } = readLogFiles(written(actions));
    const seen = chunks.map(({ text, timeUs }) => [text, timeUs]);
    expect(seen).toEqual([
      ['ab', noon],
      ['c', eleven],
      ['de', eleven - 1],
      ['f', noon + 1000],
      ['g', -hourUs],
    ]);
    expect(end).toBe(3);
  });

  it('loses no byte for a reader; `since` begins at the first record that is late enough, and leaves out none', async () => {
    const dir = written(actions);
    const items = await all(readLog(dir, { follow: true }));
    expect(items.map(brief)).toEqual(['out:ab', 'out:c', 'out:de', 'out:f', 'out:g', 'end:3']);
    expect(items.map((item) => 'timeMs' in item && item.timeMs)).toEqual(
      [noon, eleven, eleven - 1, noon + 1000, -hourUs, -hourUs].map((us) => us / 1000),
    );
    // From a cursor between records whose times go back.
    expect(await briefs(readLog(dir, { from: items[1]?.cursor }))).toEqual(['out:de', 'out:f', 'out:g', 'end:3']);
    const since = (us: number): Promise<string[]> => briefs(readLog(dir, { from: { since: us / 1000 } }));
    expect(await since(noon + 600)).toEqual(['out:f', 'out:g', 'end:3']);
    expect(await since(eleven)).toEqual(['out:ab', 'out:c', 'out:de', 'out:f', 'out:g', 'end:3']);
    expect(await since(noon + 2000)).toEqual(['end:3']);
  });

  it('does not change the order of segments, nor which is the oldest', () => {
    const many = Array.from({ length: 40 }, (_, i) => [
      `clock=${noon - i * hourUs}`,
      `out=${String(i).padStart(1000)}`,
    ]);
    const dir = written(many.flat(), 16_384, 4096);
    const { stdout, gaps, position } = readLogFiles(dir);
    expect(position).toBe(40_000);
    expect(gaps).toEqual([40_000 - stdout.length]);
    expect(stdout.endsWith('39')).toBe(true);
  });
});

describe('output of children after the end', () => {
  const late = (count: number): string[] => Array.from({ length: count }, (_, i) => `out=${String(i).padStart(1000)}`);
  const dir = (count: number): string =>
    written(['clock=1000', 'out=before', 'clock=2000', 'end=7', 'clock=3000', ...late(count)], 16_384, 4096);

  it('does not push out the end: each segment that is made after it begins with it', () => {
    const segments = readSegments(dir(100));
    expect(segments[0]?.start).toBeGreaterThan(0);
    for (const { start, records, size } of segments) {
      expect(records.slice(0, 2)).toEqual([
        { position: start, timeUs: 2000, kind: END, value: 7 },
        { position: start, timeUs: 3000, kind: STDOUT, value: 0 },
      ]);
      expect(size).toBeLessThanOrEqual(4096);
    }
  });

  it('comes after one `end` item, from wherever it is read', async () => {
    // All is kept, and the copies are not given.
    const kept = await briefs(readLog(dir(8)));
    expect(kept.filter((item) => item.startsWith('end'))).toEqual(['end:7']);
    expect(kept.indexOf('end:7')).toBe(1);
    const path = dir(100);
    const items = await all(readLog(path));
    expect(items.slice(0, 2).map(brief)).toEqual([expect.stringMatching(/^gap:/), 'end:7']);
    expect(items.filter(({ type }) => type === 'end')).toMatchObject([{ timeMs: 2, status: 7 }]);
    const bytes = items.reduce((sum, item) => sum + (item.type === 'data' ? item.data.length : 0), 0);
    expect(items[0]).toMatchObject({ bytes: 100_006 - bytes });
    // Each cursor goes on as this read did: without the end, once it was given.
    for (const [i, { cursor }] of items.entries()) {
      expect(await briefs(readLog(path, { from: cursor }))).toEqual(items.slice(i + 1).map(brief));
    }
    for (const from of ['end', { tail: 100 }, { tail: 9000 }, { lines: 1 }, { since: 3 }] as const) {
      const got = await briefs(readLog(path, { from }));
      expect([from, got.filter((item) => item.startsWith('end'))]).toEqual([from, ['end:7']]);
    }
  });

  it('a follower that has fallen behind gets the end', async () => {
    const path = dir(100);
    const items = readLog(path, { follow: true });
    expect(await next(items)).toMatch(/^gap:/);
    expect(await next(items)).toBe('end:7');
    expect(await next(items)).toBe('done');
  });
});
