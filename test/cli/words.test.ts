/** How options and a terminal's output are read. */
import { describe, expect, test } from 'vitest';
import { TerminalModes } from '../../src/cli/modes.js';
import { readKeys } from '../../src/cli/terminal.js';
import { readSpan, readTime } from '../../src/cli/words.js';

test('spans of time', () => {
  const spans = ['90', '1.5', '500ms', '10m', '1h30m', '2d', '', 'x', '1x', '-1', 'm', '1m x'];
  expect(spans.map(readSpan)).toEqual([
    ...[90_000, 1500, 500, 600_000, 5_400_000, 172_800_000],
    ...Array<undefined>(6).fill(undefined),
  ]);
});

test('points in time', () => {
  expect(readTime('2026-07-26T10:15:00Z')).toBe(Date.UTC(2026, 6, 26, 10, 15));
  expect(readTime('2026-07-26T12:15:00+02:00')).toBe(Date.UTC(2026, 6, 26, 10, 15));
  expect(readTime('1785060900.25')).toBe(1_785_060_900_250);
  expect(readTime('1m30s', 100_000)).toBe(10_000);
  for (const text of ['', 'now', '10x', '2026-99-99']) expect(() => readTime(text)).toThrow(`--since ${text}`);
});

describe('what a program has changed on a terminal', () => {
  const undo = (...chunks: string[]): string => {
    const modes = new TerminalModes();
    for (const chunk of chunks) modes.note(Buffer.from(chunk));
    return modes.undo();
  };

  test('is undone, the last first; the style always', () => {
    expect(undo('text')).toBe('\x1b[m');
    expect(undo('\x1b[?1049h\x1b[?1h\x1b=\x1b[?25l\x1b[?1000;1006h')).toBe(
      '\x1b[?1006l\x1b[?1000l\x1b[?25h\x1b[?1l\x1b[?1049l\x1b>\x1b[m',
    );
    expect(undo('\x1b[>1u\x1b[>5u\x1b[<u')).toBe('\x1b[<1u\x1b[m');
  });

  test('is nothing if it has undone that itself, or reset the terminal', () => {
    expect(undo('\x1b[?1049h\x1b[?25l', '\x1b[?25h\x1b[?1049l')).toBe('\x1b[m');
    expect(undo('\x1b[?1049h\x1b=\x1bc')).toBe('\x1b[m');
  });

  test('is seen in output that is cut anywhere', () => {
    const output = 'a\x1b[?1049h\x1b[?1002;1006hb';
    for (let at = 0; at <= output.length; at++) {
      expect([at, undo(output.slice(0, at), output.slice(at))]).toEqual([at, undo(output)]);
    }
    expect(undo(...Array.from(output))).toBe(undo(output));
  });
});

test('the key that leaves, alone, after others, and as kitty and xterm may send it; Ctrl-P is none', () => {
  const read = (text: string): [string, boolean] => {
    const { keys, leaves } = readKeys(Buffer.from(text));
    return [keys.toString(), leaves];
  };
  expect(['a', '\x1c', 'ab\x1ccd', '\x1b[92;5u', '\x1b[27;5;92~', '\x10\x11'].map(read)).toEqual([
    ...[
      ['a', false],
      ['', true],
      ['ab', true],
      ['', true],
      ['', true],
      ['\x10\x11', false],
    ],
  ]);
});
