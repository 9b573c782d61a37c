/** docs/errors.md, and what the tests of its rows share. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scratch } from './scratch.js';

const page = readFileSync(fileURLToPath(new URL('../../docs/errors.md', import.meta.url)), 'utf8');

/** The rows of the table below a heading of the page, without its head. */
export function rowsBelow(heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The path of an executable file that is no program: a text without #!. */
export function textFile(scratch: Scratch): string {
  const path = join(scratch.mkdir('runtime'), 'text');
  writeFileSync(path, 'exit 0\n', { mode: 0o755 });
  return path;
}
