/**
 * The pages that users read, and their blocks of code. A block "```js <name> …" (or ts, sh) is a program of that name, a block
 * "```text <name>" what it prints. Words after a program's name: `ends=<signal or exit status>`,
 * `needs=<tool>`, `tried=<file>` (not run by itself: that test does what it shows). A program whose name is in another one is run or imported by that, and not by itself.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const repository = resolve(import.meta.dirname, '../..');

const inDirectory = (dir: string): string[] =>
  readdirSync(join(repository, dir))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(dir, name));

/** By their paths in the repository. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'native/README.md',
  'test/vm/README.md',
  ...inDirectory('docs'),
];

export function readPage(page: string): string {
  return readFileSync(join(repository, page), 'utf8');
}

/** The languages of blocks that are code; `text`, `mermaid` and blocks without a language are not. */
export const CODE = ['js', 'ts', 'sh', 'ini', 'json'];

export interface Block {
  readonly page: string;
  readonly language: string;
  /** Empty if it has none. */
  readonly name: string;
  readonly words: readonly string[];
  readonly text: string;
}

export function blocksOf(page: string): Block[] {
  const found = readPage(page).matchAll(/^```(\S+)([^\n]*)\n(.*?)^```$/gms);
  return [...found].map(([, language = '', info = '', text = '']) => {
    const [name = '', ...words] = info.trim().split(/\s+/);
    return { page, language, name, words, text };
  });
}

/** The value of a word as `ends=SIGKILL`. */
export function valueOf(block: Block, key: string): string | undefined {
  return block.words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
}

/** The anchors that a repository viewer gives a page's headings, in order; of equal ones the second ends in -1. */
export function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  const headings = readPage(page)
    .replace(/^```.*?^```$/gms, '')
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) => {
    const anchor = heading
      .trim()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}
