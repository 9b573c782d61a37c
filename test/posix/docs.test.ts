// docs/posix.md against the code: every function, and for every errno whether a test provokes it.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { fixture } from './helpers.js';

const text = readFileSync(new URL('../../docs/posix.md', import.meta.url), 'utf8');

/** The rows of the table whose head begins so, cells trimmed. */
function table(head: string): string[][] {
  const lines = text.slice(text.indexOf(`| ${head}`)).split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const words = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`(\w+)/g)].map((match) => match[1] ?? '');

describe('docs/posix.md', () => {
  it('lists every function', () => {
    expect(
      table('function')
        .flatMap(([cell]) => words(cell))
        .sort(),
    ).toEqual(Object.keys(posix).sort());
  });

  it('marks as provoked exactly the errnos that the tables provoke', async () => {
    interface Row {
      syscall: string;
      code: string;
    }
    const { rows } = (await import(fixture('errno-table.js'))) as { rows: (calls: unknown, dir: string) => Row[] };
    const limits = ['open EMFILE', 'pidfd_open EMFILE', 'spawn EMFILE', 'spawn EAGAIN'];
    const watches = ['epoll_ctl EEXIST']; // watch.test.ts
    const provoked = [...rows(posix, '/').map(({ syscall, code }) => `${syscall} ${code}`), ...limits, ...watches];
    let syscalls: string[] = [];
    const marked = table('`syscall`').flatMap(([syscall, codes, , mark]) => {
      if (syscall !== '') syscalls = words(syscall).filter((word, index) => index === 0 || word !== 'spawn');
      return mark === '✓' ? syscalls.flatMap((name) => words(codes).map((code) => `${name} ${code}`)) : [];
    });
    expect([...new Set(marked)].sort()).toEqual([...new Set(provoked)].sort());
  });
});
