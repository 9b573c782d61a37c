/** Segments of a log with many containers: each begins with the state of its beginning, which is written in pieces. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { SupervisorEvent } from '../../src/supervisor/events.js';
import { EventLog } from '../../src/supervisor/log.js';
import { readEvents } from '../../src/supervisor/reader.js';
import { SupervisorRecord } from '../../src/supervisor/record.js';
import { type SupervisorLog, SupervisorRecorder } from '../../src/supervisor/recorder.js';
import { Turns, work } from '../support/turns.js';

/** The number of containers in a line of a snapshot. */
const PIECE = 64;

interface Opened {
  log: SupervisorLog;
  record: SupervisorRecord;
  recorder: SupervisorRecorder;
}

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'outlive-segments-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

async function opened(dir: string, segmentBytes = 1): Promise<Opened> {
  const record = new SupervisorRecord();
  const log: SupervisorLog = new EventLog(dir, { maxBytes: 1e9, maxAgeMs: 1e9, segmentBytes }, () => false, record);
  await log.open({
    snapshot: (containers) => record.addSnapshot(containers),
    event: (event) => record.update(event),
  });
  const recorder = new SupervisorRecorder(log, record);
  onTestFinished(() => {
    recorder.close();
    log.close();
  });
  return { log, record, recorder };
}

const created = (id: string, key = `key of ${id}`): SupervisorEvent => ({
  type: 'create',
  containerId: id,
  containerKey: key,
  timeMs: 1,
});
const deleted = (id: string): SupervisorEvent => ({ ...created(id), type: 'delete' }) as SupervisorEvent;

const segments = (dir: string): string[] => readdirSync(dir).filter((name) => name.endsWith('.jsonl'));
const isBeingWritten = (dir: string): boolean => existsSync(join(dir, 'next.new'));
const keys = ({ record }: Opened): Record<string, string | undefined> =>
  Object.fromEntries(record.partNames().map((id) => [id, record.get(id)?.key]));

/** Writes events until the snapshot of the next segment is being written in pieces. */
async function untilBeingWritten({ recorder }: Opened, dir: string): Promise<void> {
  while (!isBeingWritten(dir)) {
    recorder.write(created('c0'));
    await nextTurn();
  }
}

async function untilBegun(dir: string): Promise<void> {
  while (isBeingWritten(dir)) await nextTurn();
}

async function sequencesOf(log: SupervisorLog): Promise<number[]> {
  const sequences: number[] = [];
  const options = { follow: false, signal: undefined, onPosition: () => undefined };
  for await (const { sequence } of readEvents(log, log.oldest, options)) sequences.push(sequence);
  return sequences;
}

/** A log with so many containers. */
async function withMany(dir: string, count: number, segmentBytes = 1): Promise<Opened> {
  const all = await opened(dir, segmentBytes);
  for (let i = 0; i < count; i++) {
    all.recorder.write(created(`c${i}`));
    if (i % PIECE === 0) await nextTurn();
  }
  await untilBegun(dir);
  return all;
}

describe('a snapshot of many containers', () => {
  test('is written and read in pieces, and the events of the time are not lost', async () => {
    const dir = directory();
    const all = await withMany(dir, 1000);
    await untilBeingWritten(all, dir);
    const turns = new Turns();
    const part = vi.spyOn(all.record, 'part').mockImplementation(function (this: SupervisorRecord, id) {
      turns.note();
      return SupervisorRecord.prototype.part.call(this, id);
    });
    const before = segments(dir).length;
    // Of those that are written already, and of those that are not.
    for (const id of ['c1', 'c998']) all.recorder.write(deleted(id));
    for (const id of ['c2', 'c999', 'new']) all.recorder.write(created(id, 'changed'));
    await untilBegun(dir);
    turns.stop();
    part.mockRestore();
    expect(turns.most).toBeLessThanOrEqual(PIECE);
    expect(turns.of.length).toBeGreaterThan(800);
    expect(segments(dir)).toHaveLength(before + 1);
    all.recorder.write(created('last'));
    const [expected, last] = [keys(all), all.log.last];
    expect(await sequencesOf(all.log)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
    all.log.close();

    const again = await opened(dir);
    expect(keys(again)).toEqual(expected);
    expect(again.log.last).toBe(last);
    const newest = segments(dir).sort().at(-1) ?? '';
    const lines = readFileSync(join(dir, newest), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"snapshot"'));
    for (const line of lines) {
      expect((JSON.parse(line) as { snapshot: unknown[] }).snapshot.length).toBeLessThanOrEqual(PIECE);
    }
    expect(lines.filter((line) => line.startsWith('{"first":'))).toHaveLength(1);
  });

  test('that is changed faster than it is written is written nevertheless', async () => {
    const dir = directory();
    const all = await withMany(dir, 500);
    await untilBeingWritten(all, dir);
    let turn = 0;
    while (isBeingWritten(dir)) {
      for (let i = 0; i < PIECE / 2; i++) all.recorder.write(created(`c${(turn * 31 + i) % 500}`, `turn ${turn}`));
      turn++;
      await nextTurn();
    }
    const expected = keys(all);
    all.log.close();
    expect(keys(await opened(dir))).toEqual(expected);
  });

  test.each([0, 1, 2, 3, 7])('is left by close() after %i turns: the segment before is the newest', async (count) => {
    const dir = directory();
    const all = await withMany(dir, 1000);
    await untilBeingWritten(all, dir);
    for (let i = 0; i < count; i++) await nextTurn();
    all.recorder.write(created('last'));
    const expected = keys(all);
    all.log.close();
    expect(isBeingWritten(dir)).toBe(false);
    await nextTurn();
    expect(isBeingWritten(dir)).toBe(false);
    const again = await opened(dir);
    expect(keys(again)).toEqual(expected);
    again.recorder.write(created('later'));
    expect(again.log.last).toBe(all.log.last + 1);
  });

  test('that cannot be written is told, the events go on, and it is tried again', async () => {
    const dir = directory();
    const all = await withMany(dir, 200);
    const before = segments(dir).length;
    await untilBeingWritten(all, dir);
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const part = vi.spyOn(all.record, 'part').mockImplementation(() => {
      throw full;
    });
    await untilBegun(dir);
    part.mockRestore();
    expect(all.recorder.problem).toBe(full);
    expect(segments(dir)).toHaveLength(before);
    all.recorder.write(created('c1', 'after it'));
    await untilBegun(dir);
    expect(all.recorder.problem).toBeUndefined();
    expect(segments(dir)).toHaveLength(before + 1);
    const expected = keys(all);
    all.log.close();
    expect(keys(await opened(dir))).toEqual(expected);
  });

  test('of an older release, in one line, is read', async () => {
    const dir = directory();
    const { log, recorder } = await opened(dir);
    recorder.write(created('c0'));
    log.close();
    const [name = ''] = segments(dir);
    expect(readFileSync(join(dir, name), 'utf8')).toMatch(/^\{"first":1,"snapshot":\[\]\}\n\{"sequence":1,/);
    expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    // More containers than a line of today's has.
    const count = PIECE * 3;
    const parts = Array.from({ length: count }, (_, i) => [
      `c${i}`,
      { key: `key of c${i}`, processes: [['init', { key: `key of init ${i}`, exited: i > 1, oomKills: i }]] },
    ]);
    const lines = [
      { first: 1, snapshot: parts },
      { sequence: 1, loggedAtMs: 1, ...deleted('c0') },
    ].map((line) => JSON.stringify(line));
    writeFileSync(join(dir, name), lines.join('\n') + '\n');

    const again = await opened(dir);
    const ids = Array.from({ length: count - 1 }, (_, i) => `c${i + 1}`);
    expect(keys(again)).toEqual(Object.fromEntries(ids.map((id) => [id, `key of ${id}`])));
    expect(again.record.get('c1')?.processes.get('init')).toEqual({ key: 'key of init 1', exited: false, oomKills: 1 });
    expect(again.recorder.hasExited('c2', 'init', 'key of init 2')).toBe(true);
    again.recorder.write(created('new'));
    expect(again.log.last).toBe(2);
    expect(await sequencesOf(again.log)).toEqual([1, 2]);
  });
});

describe('segments to remove', () => {
  test('are removed a few in each turn', async () => {
    const dir = directory();
    let isHeld = true;
    const record = new SupervisorRecord();
    const retention = { maxBytes: 0, maxAgeMs: 1e9, segmentBytes: 1 };
    const log: SupervisorLog = new EventLog(dir, retention, () => isHeld, record);
    onTestFinished(() => log.close());
    await log.open({ snapshot: () => undefined, event: () => undefined });
    for (let i = 0; segments(dir).length < 50; i++) log.append(deleted(`c${i}`));
    isHeld = false;
    const counts: number[] = [];
    log.retire();
    while (segments(dir).length > 1) {
      counts.push(segments(dir).length);
      await nextTurn();
    }
    counts.push(1);
    expect(Math.max(...counts.map((count, i) => (counts[i - 1] ?? 50) - count))).toBeLessThanOrEqual(8);
    expect(log.oldest).toBe(log.last);
  });
});

describe('events that could not be written', () => {
  test('are written in several turns, in their order, also those that come meanwhile', async () => {
    const dir = directory();
    const { log, recorder, record } = await opened(dir, 1 << 20);
    const append = vi.spyOn(log, 'append').mockImplementation(() => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    });
    for (let i = 0; i < 60; i++) recorder.write(created(`c${i}`));
    expect(recorder.problem).toMatchObject({ code: 'ENOSPC' });
    const turns = new Turns();
    append.mockImplementation(function (this: SupervisorLog, event) {
      turns.note();
      // Longer than it takes on any machine: with five milliseconds for a turn, there are five in one.
      work(1);
      return EventLog.prototype.append.call(this, event) as ReturnType<SupervisorLog['append']>;
    });
    while (turns.of.length < 6) await nextTurn();
    recorder.write(created('meanwhile'));
    expect(record.get('meanwhile')).toBeUndefined();
    while (recorder.problem !== undefined) await nextTurn();
    turns.stop();
    append.mockRestore();
    expect(turns.most).toBeLessThanOrEqual(6);
    expect(record.partNames()).toEqual([...Array.from({ length: 60 }, (_, i) => `c${i}`), 'meanwhile']);
    expect(await sequencesOf(log)).toEqual(Array.from({ length: 61 }, (_, i) => i + 1));
  });

  test('are not written again when their container or process is found to be gone', async () => {
    const dir = directory();
    const { log, recorder, record } = await opened(dir, 1 << 20);
    const of = { containerId: 'c', containerKey: 'key of c', timeMs: 1 };
    const started = (id: string): SupervisorEvent => ({
      ...of,
      type: 'exec-started',
      processId: id,
      processKey: `key of ${id}`,
      systemPid: 2,
    });
    const exit = (id: string): SupervisorEvent => ({
      ...of,
      type: 'exit',
      processId: id,
      processKey: `key of ${id}`,
      exit: { status: 0 },
    });
    recorder.write(created('c'));
    for (const id of ['one', 'two']) recorder.write(started(id));
    const append = vi.spyOn(log, 'append').mockImplementation(() => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    });
    recorder.write(exit('one'));
    expect(recorder.hasExited('c', 'one', 'key of one')).toBe(true);
    recorder.forget('c', 'one');
    recorder.conclude('c');
    recorder.conclude('c');
    recorder.write(created('c', 'another'));
    append.mockRestore();
    while (recorder.problem !== undefined) await nextTurn();
    const events: string[] = [];
    const options = { follow: false, signal: undefined, onPosition: () => undefined };
    for await (const { type, processId } of readEvents(log, 1, options)) events.push([type, processId].join(' '));
    expect(events).toEqual([
      ...['create ', 'exec-started one', 'exec-started two', 'exit one', 'exit two', 'delete ', 'create '],
    ]);
    expect(record.get('c')).toMatchObject({ key: 'another' });
    // What was to be forgotten is; and the next process with that id is another one.
    recorder.write({ ...started('one'), containerKey: 'another' });
    expect(recorder.hasExited('c', 'one', 'key of one')).toBe(false);
  });

  test('of a process that was removed meanwhile: it is not kept in the record', async () => {
    const { log, recorder, record } = await opened(directory(), 1 << 20);
    const of = { containerId: 'c', containerKey: 'key of c', timeMs: 1, processId: 'p', processKey: 'key of p' };
    recorder.write(created('c'));
    recorder.write({ ...of, type: 'exec-started', systemPid: 2 });
    const append = vi.spyOn(log, 'append').mockImplementation(() => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    });
    recorder.write({ ...of, type: 'exit', exit: { status: 0 } });
    recorder.forget('c', 'p');
    append.mockRestore();
    while (recorder.problem !== undefined) await nextTurn();
    expect(record.get('c')?.processes.size).toBe(0);
  });
});
