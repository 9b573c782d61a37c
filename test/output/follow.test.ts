// Following a log: what comes while it is read, how it ends, what it holds open, and how it is ended.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type OutputItem, type OutputReadOptions, readLog } from '../../src/index.js';
import { readOutput } from '../../src/output/read.js';
import { openDescriptors } from '../support/proc.js';
import { until } from '../support/until.js';
import { LogWriter } from '../support/log-writer.js';
import { temporaryDirectory } from '../posix/helpers.js';
import { all, brief, briefs, newLog, next } from './helpers.js';

// The inotify instance of this thread stays, and is not counted.
let before: number;
beforeEach(() => {
  before = openDescriptors().length;
});

const follow = (dir: string, options: OutputReadOptions = {}): AsyncGenerator<OutputItem, void, void> => {
  const items = readLog(dir, { follow: true, ...options });
  onTestFinished(async () => {
    await items.return();
  });
  return items;
};

/** A writer in a process of its own. `begin` lets it begin; `ended` resolves when it has ended. */
async function writerProcess(lines: number, segmentBytes: number, segments: number, how: 'end' | 'killed') {
  const dir = join(temporaryDirectory(), 'log');
  const program = fileURLToPath(new URL('fixtures/writer.js', import.meta.url));
  const args = [program, dir, ...[lines, segmentBytes, segments].map(String), how];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await once(child.stdout, 'data');
  return { dir, begin: () => child.stdin.end(), ended };
}

const textOf = (items: readonly OutputItem[], stream?: string): string =>
  items
    .map((item) => (item.type === 'data' && item.stream === (stream ?? item.stream) ? item.data.toString() : ''))
    .join('');

const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i}\n`);

describe('a follower', () => {
  it('gets what is there and then each thing that comes, and ends after the end', async () => {
    const { dir, writer } = newLog(20);
    writer.write('stdout', 'old');
    const items = follow(dir);
    expect(await next(items)).toBe('out:old');
    for (const text of ['one', 'two', 'and a new segment']) {
      const coming = next(items);
      writer.write('stderr', text);
      expect(await coming).toBe(`err:${text}`);
    }
    let coming = next(items);
    writer.resize(80, 25);
    expect(await coming).toBe('resize:80x25');
    coming = next(items);
    writer.end(3);
    expect(await coming).toBe('end:3');
    writer.write('stdout', 'late');
    expect(await next(items)).toBe('done');
    expect(openDescriptors()).toHaveLength(before + 1 + 2); // the writer's FIFO and files
  });

  it("from the 'end' gets only what comes", async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'old');
    let got: string | undefined;
    void next(follow(dir, { from: 'end' })).then((item) => (got = item));
    // It looks for the end at some time from now on.
    await until('an item', () => {
      if (got === undefined) writer.write('stdout', 'new', false);
      return got;
    });
    expect(got).toMatch(/^out:(new)+$/);
  });

  it('from a cursor after the end gets what is there, and ends', async () => {
    const { dir, writer } = newLog();
    writer.end(0);
    writer.write('stdout', 'late');
    const [end] = await all(readLog(dir));
    expect(await briefs(follow(dir, { from: end?.cursor }))).toEqual(['out:late']);
    expect(await briefs(follow(dir, { from: { tail: 2 } }))).toEqual(['end:0', 'out:te']);
  });

  it('gets a first segment that comes later', async () => {
    const { dir, writer } = newLog();
    const coming = next(follow(dir));
    await delay(20);
    writer.write('stdout', 'first');
    expect(await coming).toBe('out:first');
  });

  it.each(['end', 'killed'] as const)('gets every line of another process, which rotates: %s', async (how) => {
    const { dir, begin, ended } = await writerProcess(3000, 4096, 1000, how);
    const followers = [follow(dir), follow(dir), follow(dir, { stream: 'stderr' })].map(all);
    begin();
    const [first = [], second, errors = []] = await Promise.all(followers);
    await ended;
    expect(textOf(first)).toBe(lines(3000).join(''));
    expect(textOf(second ?? [])).toBe(textOf(first));
    const isError = (_: unknown, i: number): boolean => i % 3 === 0;
    expect(textOf(errors)).toBe(lines(3000).filter(isError).join(''));
    expect(textOf(first, 'stderr')).toBe(textOf(errors));
    expect(first.filter(({ type }) => type === 'resize')).toHaveLength(60);
    expect(first.at(-1)?.type).toBe(how === 'end' ? 'end' : 'data');
    expect(textOf(await all(readLog(dir)))).toBe(textOf(first));
  });

  it('that stops and goes on from its cursor again and again gets every line once', async () => {
    const { dir, begin } = await writerProcess(3000, 4096, 1000, 'end');
    begin();
    const got: OutputItem[] = [];
    let cursor: string | undefined;
    while (got.at(-1)?.type !== 'end') {
      let count = 0;
      for await (const item of readLog(dir, { follow: true, from: cursor })) {
        got.push(item);
        cursor = item.cursor;
        if (++count === 97) break;
      }
    }
    expect(textOf(got)).toBe(lines(3000).join(''));
    expect(got.filter(({ type }) => type === 'resize')).toHaveLength(60);
  });

  it('that is slow gets what is left, in order, and the rest in counted gaps', async () => {
    const { dir, begin } = await writerProcess(5000, 2048, 4, 'end');
    begin();
    let position = 0;
    let hasGap = false;
    const sent = lines(5000).join('');
    for await (const item of follow(dir)) {
      if (item.type === 'gap') {
        hasGap = true;
        position += item.bytes;
      }
      if (item.type !== 'data') continue;
      expect(item.data.toString()).toBe(sent.slice(position, position + item.data.length));
      position += item.data.length;
      if (position < 5000) await delay(5);
    }
    expect(position).toBe(sent.length);
    expect(hasGap).toBe(true);
  });
});

describe('the end', () => {
  it('comes when the writer is gone, after everything is read; there is no end item', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'one');
    const items = follow(dir);
    expect(await next(items)).toBe('out:one');
    const coming = next(items);
    await delay(20);
    writer.write('stdout', 'two');
    writer.close();
    expect(await coming).toBe('out:two');
    expect(await next(items)).toBe('done');
    expect(openDescriptors()).toHaveLength(before);
  });

  it('comes when the directory is removed, or renamed; what lies before the last segment is a gap', async () => {
    for (const go of [
      (dir: string) => rmSync(dir, { recursive: true }),
      (dir: string) => renameSync(dir, `${dir}.old`),
    ]) {
      const { dir, writer } = newLog(4);
      for (const text of ['aaaa', 'bbbb', 'cccc']) writer.write('stdout', text);
      const items = follow(dir);
      expect(await next(items)).toBe('out:aaaa');
      go(dir);
      expect(await next(items)).toBe('gap:4');
      expect(await next(items)).toBe('done');
      const waiting = newLog();
      waiting.writer.write('stdout', 'all');
      const waiter = follow(waiting.dir);
      expect(await next(waiter)).toBe('out:all');
      const coming = next(waiter);
      go(waiting.dir);
      expect(await coming).toBe('done');
    }
  });

  it('comes when the directory is removed after it was listed and before it is watched; that is no error', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'all');
    writer.close();
    const isEnding = (): boolean => {
      rmSync(dir, { recursive: true, force: true });
      return true;
    };
    const items = readOutput({ dir, key: 'the-key', isEnding });
    expect(await next(items)).toBe('done');
    expect(openDescriptors()).toHaveLength(before);
  });

  it('comes when the directory is another process’s; that one’s output is not given', async () => {
    const { dir, writer } = newLog(4);
    for (const text of ['aaaa', 'bbbb', 'cccc']) writer.write('stdout', text);
    const items = follow(dir);
    expect(await next(items)).toBe('out:aaaa');
    renameSync(dir, `${dir}.old`);
    mkdirSync(dir);
    const other = new LogWriter(dir, 'another', 4);
    onTestFinished(() => other.close());
    for (const text of ['1111', '2222', '3333']) other.write('stdout', text);
    expect(await next(items)).toBe('gap:4');
    expect(await next(items)).toBe('done');
    const items2 = follow(dir);
    expect(await next(items2)).toBe('out:1111');
  });

  it('is waited for without `follow` if the status is recorded and the writer is there', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'text');
    let isEnding = true;
    const items = readOutput({ dir, key: 'the-key', isEnding: () => isEnding });
    expect(await next(items)).toBe('out:text');
    const coming = next(items);
    await delay(20);
    writer.write('stdout', 'more');
    expect(await coming).toBe('out:more');
    const end = next(items);
    writer.end(5);
    writer.write('stdout', 'late');
    expect(await end).toBe('end:5');
    expect(await next(items)).toBe('out:late');
    expect(await next(items)).toBe('done');
    // It does not come: the shim has finished, or was killed.
    const { dir: broken, writer: killed } = newLog();
    const finished = readOutput({ dir: broken, key: 'the-key', isEnding: () => isEnding });
    const done = next(finished);
    isEnding = false;
    expect(await done).toBe('done');
    isEnding = true;
    const hungUp = next(readOutput({ dir: broken, key: 'the-key', isEnding: () => isEnding }));
    killed.close();
    expect(await hungUp).toBe('done');
  });
});

describe('a follower is ended', () => {
  it('by break, which frees its descriptors at once', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'text');
    const open = openDescriptors().length;
    for await (const item of readLog(dir, { follow: true })) {
      expect(brief(item)).toBe('out:text');
      expect(openDescriptors()).toHaveLength(open + 3);
      break;
    }
    expect(openDescriptors()).toHaveLength(open);
  });

  it('by return(), also while it waits', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'text');
    const open = openDescriptors().length;
    const items = readLog(dir, { follow: true });
    await items.next();
    const coming = items.next();
    await delay(20);
    expect(await items.return()).toEqual({ done: true, value: undefined });
    expect(await coming).toEqual({ done: true, value: undefined });
    expect(openDescriptors()).toHaveLength(open);
    expect((await items.next()).done).toBe(true);
  });

  it('by the signal: while it waits, between two items, before it begins', async () => {
    const { dir, writer } = newLog();
    for (const text of ['one', 'two']) writer.write('stdout', text);
    const open = openDescriptors().length;
    const reason = new Error('enough');
    const waiting = new AbortController();
    const items = readLog(dir, { follow: true, signal: waiting.signal });
    await items.next();
    await items.next();
    const coming = items.next();
    setImmediate(() => waiting.abort(reason));
    await expect(coming).rejects.toBe(reason);
    expect(openDescriptors()).toHaveLength(open);
    expect((await items.next()).done).toBe(true);

    const between = new AbortController();
    const other = readLog(dir, { follow: true, signal: between.signal });
    await other.next();
    between.abort(reason);
    await delay(5);
    expect(openDescriptors()).toHaveLength(open);
    await expect(other.next()).rejects.toBe(reason);
    expect((await other.next()).done).toBe(true);

    await expect(readLog(dir, { signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason);
  });

  it('and leaves no listener on the signal', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'text');
    writer.end(0);
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    await all(readLog(dir, { follow: true, signal }));
    for await (const item of readLog(dir, { follow: true, signal })) if (item.type === 'data') break;
    expect(listeners).toBe(0);
  });
});

describe('many followers', () => {
  it('of one log share one descriptor for its writer', async () => {
    const { dir, writer } = newLog();
    writer.write('stdout', 'text');
    const open = openDescriptors().length;
    const followers = Array.from({ length: 50 }, () => follow(dir));
    await Promise.all(followers.map((items) => items.next()));
    expect(openDescriptors()).toHaveLength(open + 2 * 50 + 1);
    const ends = followers.map(next);
    writer.end(0);
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['end:0']));
  });
});
