/** What the tests of output/ share: a log in a new directory, and what was read as short texts. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { OutputItem } from '../../src/index.js';
import { LogWriter } from '../support/log-writer.js';
import { temporaryDirectory } from '../posix/helpers.js';

/** A log whose writer is there until the test closes it or ends. */
export function newLog(segmentBytes = Infinity, segments = Infinity): { dir: string; writer: LogWriter } {
  const dir = join(temporaryDirectory(), 'log');
  const writer = new LogWriter(dir, 'the-key', segmentBytes, segments);
  onTestFinished(() => writer.close());
  return { dir, writer };
}

/** An item in few characters: `out:text`, `err:text`, `gap:bytes`, `resize:80x24`, `end:0`. */
export function brief(item: OutputItem): string {
  switch (item.type) {
    case 'data':
      return `${item.stream.slice(3)}:${item.data.toString('latin1')}`;
    case 'gap':
      return `gap:${item.bytes}`;
    case 'resize':
      return `resize:${item.columns}x${item.rows}`;
    case 'end':
      return `end:${item.status}`;
  }
}

export async function all(items: AsyncIterable<OutputItem>): Promise<OutputItem[]> {
  const list: OutputItem[] = [];
  for await (const item of items) list.push(item);
  return list;
}

export async function briefs(items: AsyncIterable<OutputItem>): Promise<string[]> {
  return (await all(items)).map(brief);
}

/** The next item in few characters; `done` after the last one. */
export async function next(items: AsyncGenerator<OutputItem, void, void>): Promise<string> {
  const result = await items.next();
  return result.done === true ? 'done' : brief(result.value);
}
