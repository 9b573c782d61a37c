/** The event log on disk: numbered without gaps, whole lines only, and removed when no consumer needs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EventConsumers, checkConsumer } from '../../src/supervisor/consumers.js';
import { EventLog, type Retention } from '../../src/supervisor/log.js';
import { EventLogLock } from '../../src/supervisor/lock.js';
import { readEvents } from '../../src/supervisor/reader.js';
import * as posix from '../../src/posix/index.js';

interface Note {
  note: string;
}

const acknowledger = fileURLToPath(new URL('../fixtures/acknowledger.mjs', import.meta.url));
const plenty: Retention = { maxBytes: 1 << 30, maxAgeMs: 1e9, segmentBytes: 1 << 20 };

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'outlive-events-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** Its state is one part: the number of notes, as a text that may be made longer. */
async function opened(
  dir: string,
  retention: Partial<Retention> = {},
  isHeld: (sequence: number) => boolean = () => false,
  partBytes = 0,
): Promise<{ log: EventLog<string, Note>; found: string[]; snapshot: string | undefined }> {
  const log = new EventLog<string, Note>(dir, { ...plenty, ...retention }, isHeld, {
    partNames: () => ['notes'],
    part: (): string => `before ${log.last + 1}`.padEnd(partBytes, 'x'),
    partOf: () => 'notes',
  });
  onTestFinished(() => log.close());
  const found: string[] = [];
  let snapshot: string | undefined;
  await log.open({
    snapshot: (parts) => {
      for (const [, text] of parts) snapshot = text ?? undefined;
    },
    event: ({ note }) => found.push(note),
  });
  return { log, snapshot, found };
}

function fill(log: EventLog<string, Note>, count: number): void {
  for (let i = 0; i < count; i++) log.append({ note: `n${log.last + 1}` });
}

const files = (dir: string): string[] => readdirSync(dir).filter((name) => name.endsWith('.jsonl'));

async function read(log: EventLog<string, Note>, from: number): Promise<number[]> {
  const sequences: number[] = [];
  const options = { follow: false, signal: undefined, onPosition: () => undefined };
  for await (const { sequence, note } of readEvents(log, from, options)) {
    expect(note).toBe(`n${sequence}`);
    sequences.push(sequence);
  }
  return sequences;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('the log', () => {
  it('numbers events from 1, and continues after a reopen', async () => {
    const dir = directory();
    const first = (await opened(dir)).log;
    fill(first, 3);
    first.close();
    const { log, found, snapshot } = await opened(dir);
    expect([found, snapshot, log.last, log.oldest]).toEqual([['n1', 'n2', 'n3'], undefined, 3, 1]);
    fill(log, 2);
    expect(await read(log, 1)).toEqual([1, 2, 3, 4, 5]);
    expect(await read(log, 4)).toEqual([4, 5]);
  });

  it.each(range(1, 40))('removes a last line of which only %i bytes were written', async (bytes) => {
    const dir = directory();
    const first = (await opened(dir)).log;
    fill(first, 2);
    const [name = ''] = files(dir);
    const whole = readFileSync(join(dir, name)).length;
    fill(first, 1);
    first.close();
    truncateSync(join(dir, name), whole + bytes);
    const { log, found } = await opened(dir);
    expect(found).toEqual(['n1', 'n2']);
    fill(log, 1);
    expect(await read(log, 1)).toEqual([1, 2, 3]);
    expect(readFileSync(join(dir, name), 'utf8').split('\n')).toHaveLength(5);
  });

  it('begins each segment with a snapshot, so that the newest one is enough', async () => {
    const dir = directory();
    const first = (await opened(dir, { segmentBytes: 200 })).log;
    fill(first, 200);
    first.close();
    expect(files(dir).length).toBeGreaterThan(10);
    const newest = Number(files(dir).sort().at(-1)?.slice(0, 16));
    writeFileSync(join(dir, '0000000000000201.jsonl.new'), '{"first":5');
    const { log, snapshot, found } = await opened(dir, { segmentBytes: 200 });
    expect(snapshot).toBe(`before ${newest}`);
    expect(found[0]).toBe(`n${newest}`);
    expect(await read(log, 1)).toEqual(range(1, 200));
    expect(readdirSync(dir).some((name) => name.endsWith('.new'))).toBe(false);
  });

  it.each([1, 1 << 14])('costs the same bytes an event with a snapshot of %i bytes', async (size) => {
    const dir = directory();
    const { log } = await opened(dir, { segmentBytes: 1000 }, () => false, size);
    const line = JSON.stringify({ sequence: 1000, loggedAtMs: Date.now(), note: 'n' }).length + 1;
    const count = 20_000;
    for (let i = 0; i < count; i++) log.append({ note: 'n' });
    const bytes = files(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
    expect(files(dir).length).toBeGreaterThan(4);
    // At most a sixteenth is snapshots; the newest segment has one more.
    expect(bytes).toBeLessThan((count * line * 16) / 15 + size + 100);
    log.close();
    expect(() => log.append({ note: 'late' })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
    expect(files(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)).toBe(bytes);
  });

  it('refuses a gap in the numbers', async () => {
    const dir = directory();
    const { log } = await opened(dir);
    fill(log, 2);
    log.close();
    appendFileSync(join(dir, files(dir)[0] ?? ''), '{"sequence":9,"note":"n9"}\n');
    await expect(opened(dir)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  });

  it('removes whole segments, the oldest first, and none that a consumer holds', async () => {
    const dir = directory();
    let held = 1;
    const { log } = await opened(dir, { segmentBytes: 200, maxBytes: 0 }, (sequence) => sequence >= held);
    fill(log, 50);
    expect(log.oldest).toBe(1);
    held = 20;
    log.retire();
    expect(log.oldest).toBeGreaterThan(1);
    expect(log.oldest).toBeLessThanOrEqual(20);
    held = 1000;
    log.retire();
    expect(files(dir)).toHaveLength(1);
    expect(log.last).toBe(50);
  });
});

describe('a reader that follows', () => {
  it('gets each event once, in order, across segments, however writes and reads interleave', async () => {
    const { log } = await opened(directory(), { segmentBytes: 500 });
    const count = 300;
    const writing = (async () => {
      for (let i = 0; i < count; i++) {
        fill(log, 1);
        if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const readers = [1, 1, 100].map(async (from) => {
      const seen: number[] = [];
      const options = { follow: true, signal: undefined, onPosition: () => undefined };
      for await (const { sequence } of readEvents(log, from, options)) {
        seen.push(sequence);
        if (sequence === count) break;
      }
      return seen;
    });
    await writing;
    expect(await Promise.all(readers)).toEqual([range(1, count), range(1, count), range(100, count)]);
  });

  it('ends with the log, and with its signal', async () => {
    const { log } = await opened(directory());
    fill(log, 1);
    const reader = (signal?: AbortSignal): AsyncIterator<unknown> =>
      readEvents(log, 1, { follow: true, signal, onPosition: () => undefined });
    const abort = new AbortController();
    const [one, other] = [reader(), reader(abort.signal)];
    await Promise.all([one.next(), other.next()]);
    const [end, aborted] = [one.next(), other.next()];
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    log.close();
    expect(await end).toEqual({ done: true, value: undefined });
  });
});

describe('consumers', () => {
  it('have a position on disk, which never moves back', async () => {
    const dir = directory();
    const consumers = await EventConsumers.open(dir);
    consumers.acknowledge('a', 4);
    consumers.acknowledge('a', 2);
    const again = await EventConsumers.open(dir);
    expect([...again.all()]).toEqual([['a', 4]]);
    expect([again.wants(4), again.wants(5)]).toEqual([false, true]);
    expect([again.remove('a'), again.remove('a'), again.wants(5)]).toEqual([true, false, false]);
    expect((await EventConsumers.open(dir)).all().size).toBe(0);
  });

  it('have a record of one length, which is written over the last one in the same file', async () => {
    const dir = directory();
    const path = join(dir, 'consumer-a');
    const consumers = await EventConsumers.open(dir);
    consumers.acknowledge('a', 9);
    const { ino, mode } = statSync(path);
    expect(readFileSync(path, 'utf8')).toBe('{"acknowledged":               9}\n');
    expect(mode & 0o777).toBe(0o600);
    for (const sequence of [10, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      consumers.acknowledge('a', sequence);
      expect(readFileSync(path, 'utf8')).toBe(`{"acknowledged":${String(sequence).padStart(16)}}\n`);
      expect(statSync(path).ino).toBe(ino);
      expect(readdirSync(dir)).toEqual(['consumer-a']);
    }
    expect([...(await EventConsumers.open(dir)).all()]).toEqual([['a', Number.MAX_SAFE_INTEGER]]);
  });

  it('whose record is the shorter one of an older release, or was removed, get a new file', async () => {
    const dir = directory();
    const path = join(dir, 'consumer-a');
    writeFileSync(path, '{"acknowledged":9}\n');
    const old = openSync(path, 'r');
    onTestFinished(() => closeSync(old));
    const consumers = await EventConsumers.open(dir);
    expect(consumers.position('a')).toBe(9);
    consumers.acknowledge('a', 10);
    // The old one is not made longer: a power cut could leave its new bytes with its old length.
    expect(readFileSync(old, 'utf8')).toBe('{"acknowledged":9}\n');
    rmSync(path);
    consumers.acknowledge('a', 11);
    expect((await EventConsumers.open(dir)).position('a')).toBe(11);
    consumers.remove('a');
    consumers.acknowledge('a', 1);
    expect((await EventConsumers.open(dir)).position('a')).toBe(1);
  });

  it('keep their position if it can not be written', async () => {
    const dir = directory();
    const consumers = await EventConsumers.open(dir);
    consumers.acknowledge('a', 1);
    rmSync(join(dir, 'consumer-a'));
    symlinkSync('elsewhere', join(dir, 'consumer-a'));
    expect(() => consumers.acknowledge('a', 2)).toThrow(expect.objectContaining({ code: 'ELOOP', syscall: 'open' }));
    expect([consumers.position('a'), readdirSync(dir)]).toEqual([1, ['consumer-a']]);
  });

  it('have the last acknowledged position after their program was killed at any moment', async () => {
    const dir = directory();
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, [acknowledger, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
      onTestFinished(() => void child.kill('SIGKILL'));
      const told: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => {
        told.push(chunk);
        if (told.length === 3) child.kill('SIGKILL');
      });
      await once(child, 'close');
      const last = Number(Buffer.concat(told).toString().split('\n').at(-2));
      const found = (await EventConsumers.open(dir)).position('a') ?? 0;
      expect(found - last, `${found} on disk, ${last} told`).toBeOneOf([0, 1]);
    }
  });

  it.each([
    '{}',
    '{"acknowledged":"four"}',
    '{"acknowledged":null}',
    '{"acknowledged":-1}',
    '{"acknowledged":1.5}',
    '[]',
  ])('of which the file is broken are refused: %s', async (text) => {
    const dir = directory();
    writeFileSync(join(dir, 'consumer-a'), text);
    await expect(EventConsumers.open(dir)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  });

  it('have no name of an unfinished file', () => {
    for (const bad of ['x.tmp', '.tmp', '', 'a/b', 'a'.repeat(101), 7, undefined]) {
      expect(() => checkConsumer(bad)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
    }
    for (const good of ['x', 'x.tmp2', 'a'.repeat(100)]) expect(() => checkConsumer(good)).not.toThrow();
  });

  it('that iterate in this process hold the events that they have not read', async () => {
    const consumers = await EventConsumers.open(directory());
    const place = consumers.enter(3);
    expect([consumers.wants(2), consumers.wants(3)]).toEqual([false, true]);
    consumers.leave(place);
    expect(consumers.wants(3)).toBe(false);
  });
});

describe('the lock', () => {
  it('has one holder until its release, whatever the file says', () => {
    const path = join(directory(), 'lock');
    writeFileSync(path, '1\n');
    const lock = new EventLogLock(path);
    expect(() => new EventLogLock(path)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
    expect(() => new EventLogLock(path)).toThrow(`pid ${process.pid} `);
    lock.release();
    new EventLogLock(path).release();
  });

  it('of a dead supervisor is waited for: a child that was being made may hold it for a moment', async () => {
    const path = join(directory(), 'lock');
    const fd = openSync(path, 'w');
    posix.flock(fd, 'exclusive');
    writeSync(fd, '4194303 1 another boot\n');
    const taking = EventLogLock.take(path);
    expect(await Promise.race([taking, new Promise((resolve) => setImmediate(resolve))])).toBeUndefined();
    closeSync(fd);
    const lock = await taking;
    await expect(EventLogLock.take(path)).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    lock.release();
  });
});
