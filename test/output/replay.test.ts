/** What an attached terminal is shown again: nothing that it would answer, all else byte for byte; the screen as it is. */
import { randomBytes, randomInt } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { QueryFilter, screenOf } from '../../src/output/replay.js';

const ESC = '\x1b';
const ST = `${ESC}\\`;
const C1 = { decid: '\xc2\x9a', csi: '\xc2\x9b', osc: '\xc2\x9d', dcs: '\xc2\x90', st: '\xc2\x9c' };

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What the filter lets through, given in pieces that end at `cuts`. */
function filtered(input: Buffer, cuts: number[] = []): Buffer {
  const filter = new QueryFilter();
  const ends = [...cuts, input.length];
  const passed = ends.map((end, i) => filter.push(input.subarray(ends[i - 1] ?? 0, end)));
  return Buffer.concat([...passed, filter.end()]);
}

const QUERIES: Record<string, string> = {
  'device status': `${ESC}[5n`,
  'cursor position': `${ESC}[6n`,
  'cursor position of DEC': `${ESC}[?6n`,
  'colour scheme': `${ESC}[?996n`,
  'device attributes': `${ESC}[c`,
  'device attributes 0': `${ESC}[0c`,
  'secondary attributes': `${ESC}[>c`,
  'tertiary attributes': `${ESC}[=0c`,
  'terminal version': `${ESC}[>q`,
  'terminal version 0': `${ESC}[>0q`,
  DECID: `${ESC}Z`,
  ENQ: '\x05',
  'palette colour': `${ESC}]4;1;?\x07`,
  'palette colours': `${ESC}]4;1;rgb:00/00/00;2;?${ST}`,
  foreground: `${ESC}]10;?${ST}`,
  background: `${ESC}]11;?\x07`,
  'both at once': `${ESC}]10;?;?\x07`,
  'cursor colour': `${ESC}]12;?\x07`,
  clipboard: `${ESC}]52;c;?\x07`,
  'kitty colours': `${ESC}]21;foreground=?${ST}`,
  DECRQSS: `${ESC}P$qm${ST}`,
  XTGETTCAP: `${ESC}P+q544e;436f${ST}`,
  'mode of ANSI': `${ESC}[4$p`,
  'mode of DEC': `${ESC}[?2026$p`,
  'window size': `${ESC}[14t`,
  'window size of the text': `${ESC}[14;2t`,
  'size in characters': `${ESC}[18t`,
  title: `${ESC}[21t`,
  'kitty keyboard': `${ESC}[?u`,
  DECREQTPARM: `${ESC}[x`,
  'DECREQTPARM 1': `${ESC}[1x`,
  checksum: `${ESC}[1;1;1;1;24;80*y`,
  'sixel geometry': `${ESC}[?2;1;0S`,
  'kitty graphics': `${ESC}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA${ST}`,
  'with C1 controls': `${C1.csi}6n`,
  'DECID as C1 control': C1.decid,
  'a string with C1 controls': `${C1.osc}11;?${C1.st}`,
  'a DCS with C1 controls': `${C1.dcs}$qm${C1.st}`,
};

const OTHERS: Record<string, string> = {
  text: 'plain text, 5n 6n c\r\n',
  'UTF-8': Buffer.from('Ünï — “‛”  … 漢字 \u00c2').toString('latin1'),
  colours: `${ESC}[1;31mred${ESC}[0m`,
  'moves and clears': `${ESC}[H${ESC}[2J${ESC}[3;5H${ESC}[K`,
  modes: `${ESC}[?1049h${ESC}[?25l${ESC}[4h`,
  'cursor style': `${ESC}[2 q`,
  'a region': `${ESC}[1;24r`,
  'keyboard flags that are set': `${ESC}[>1u${ESC}[<u${ESC}[=1;1u`,
  'a restored cursor': `${ESC}[u`,
  'scrolling up': `${ESC}[3S`,
  'a resize of the window': `${ESC}[8;24;80t`,
  'a pushed title': `${ESC}[22;0t${ESC}[23;0t`,
  'a filled rectangle': `${ESC}[65;1;1;5;5$x`,
  'modifier keys': `${ESC}[>4;2m${ESC}[>4n`,
  title: `${ESC}]0;what?;?\x07`,
  link: `${ESC}]8;;http://x/?${ST}link${ESC}]8;;${ST}`,
  'a colour that is set': `${ESC}]4;1;rgb:ff/00/00${ST}${ESC}]11;#000000\x07`,
  'the clipboard that is set': `${ESC}]52;c;aGVsbG8/\x07`,
  sixels: `${ESC}Pq#0;2;0;0;0~~@@vv${ST}`,
  'a picture': `${ESC}_Ga=T,f=100;AAAA${ST}`,
  'a query in a string': `${ESC}^${C1.csi.slice(0, 1)}[6n\x05${ST}`,
  charsets: `${ESC}(B${ESC}#8${ESC}=`,
  reset: `${ESC}c`,
  'a cancelled query': `${ESC}[6\x18n`,
  'a query that is broken off': `${ESC}[6${ESC}[m`,
  'an answer': `${ESC}[0n${ESC}[24;80R${ESC}[?62;22c`,
  'other controls': '\x07\b\t\v\f\x0e\x0f\x7f',
};

const queries = Object.entries(QUERIES);
const others = Object.entries(OTHERS);

describe('the filter', () => {
  test.for(queries)('takes out: %s, wherever it is cut', ([, query]) => {
    const input = bytes(`a${query}b`);
    for (let cut = 0; cut <= input.length; cut++) expect(filtered(input, [cut]).toString('latin1')).toBe('ab');
    const each = Array.from(input.keys());
    expect(filtered(input, each).toString('latin1')).toBe('ab');
  });

  test.for(others)('lets pass: %s, wherever it is cut', ([, other]) => {
    const input = bytes(`a${other}b`);
    for (let cut = 0; cut <= input.length; cut++) expect(filtered(input, [cut]).equals(input)).toBe(true);
  });

  test('the controls in a query were obeyed at once, and stay; an enquiry in a sequence goes', () => {
    expect(filtered(bytes(`${ESC}[6\r\nn`))).toEqual(bytes('\r\n'));
    expect(filtered(bytes(`${ESC}[1\x05m`))).toEqual(bytes(`${ESC}[1m`));
  });

  test('the terminator of a query goes with it; another sequence after it stays', () => {
    expect(filtered(bytes(`${ESC}]11;?${ESC}[mx`))).toEqual(bytes(`${ESC}[mx`));
    expect(filtered(bytes(`${ESC}]11;?\x07${ST}`))).toEqual(bytes(ST));
  });

  test('what is not complete at the end stays', () => {
    for (const part of [ESC, `${ESC}[6`, `${ESC}]11;?`, `${ESC}P$qm`, '\xc2']) {
      expect(filtered(bytes(`x${part}`))).toEqual(bytes(`x${part}`));
    }
  });

  test('a string of megabytes passes', () => {
    const input = bytes(`${ESC}Pq${'~'.repeat(3_000_000)}${ST}`);
    expect(filtered(input, [1, 1_000_000]).equals(input)).toBe(true);
  });

  test('of any mixture only the queries are taken out, however it is cut', () => {
    for (let round = 0; round < 300; round++) {
      const parts = Array.from({ length: randomInt(1, 40) }, () => {
        const isQuery = randomInt(2) === 0;
        const [, text] = (isQuery ? queries : others)[randomInt(isQuery ? queries.length : others.length)] ?? ['', ''];
        return { isQuery, text };
      });
      const input = bytes(parts.map(({ text }) => text).join(''));
      const rest = parts.filter(({ isQuery }) => !isQuery).map(({ text }) => text);
      const cuts = Array.from({ length: randomInt(8) }, () => randomInt(input.length)).sort((a, b) => a - b);
      const got = filtered(input, cuts);
      expect(got.toString('latin1'), JSON.stringify({ parts, cuts })).toBe(rest.join(''));
    }
  });

  test('bytes without escapes and enquiries pass as they are', () => {
    for (let round = 0; round < 100; round++) {
      const input = Buffer.from(randomBytes(5000).filter((byte) => ![0x1b, 0x05, 0xc2].includes(byte)));
      expect(filtered(input, [randomInt(input.length)])).toEqual(input);
    }
  });

  test('any bytes: the cuts make no difference, and nothing comes that was not there', () => {
    const alphabet = bytes(`${ESC}[]P_\\c56n?;\x07\x05\x18\xc2\x9b\x9d\x9cqm$Z\r`);
    for (let round = 0; round < 500; round++) {
      const input = Buffer.from(randomBytes(60).map((byte) => alphabet[byte % alphabet.length] ?? 0));
      const whole = filtered(input);
      const cuts = Array.from({ length: 5 }, () => randomInt(input.length)).sort((a, b) => a - b);
      expect(filtered(input, cuts).equals(whole)).toBe(true);
      let at = 0;
      for (const byte of whole) at = input.indexOf(byte, at) + 1 || Infinity;
      expect(at).toBeLessThanOrEqual(input.length);
    }
  });
});

describe('the screen', () => {
  const screen = (text: string, isCut = false): string => screenOf(bytes(text), isCut).toString('latin1');
  const CLEAR = `${ESC}[H${ESC}[2J`;

  test('begins at the last clear', () => {
    for (const clear of [
      CLEAR,
      `${CLEAR}${ESC}[3J`,
      `${ESC}[2J`,
      `${ESC}[1;1H${ESC}[J`,
      `${ESC}[H${ESC}[0J`,
      `${ESC}c`,
    ]) {
      expect(screen(`old${CLEAR}older${clear}new`)).toBe(`${clear}new`);
    }
  });

  test('a move to the corner that belongs to the clear is shown too', () => {
    expect(screen(`old${ESC}[H${ESC}[m${ESC}[2Jnew`)).toBe(`${ESC}[H${ESC}[m${ESC}[2Jnew`);
    expect(screen(`old${ESC}[Htop${ESC}[2Jnew`)).toBe(`${ESC}[2Jnew`);
  });

  test('an erase from elsewhere is no clear', () => {
    for (const text of [`a${ESC}[Jb`, `a${ESC}[5;1H${ESC}[Jb`, `a${ESC}[H${ESC}[Kx${ESC}[Jb`, `a${ESC}[1Jb`]) {
      expect(screen(text)).toBe(text);
    }
  });

  test('a program on the alternate screen: from the switch to it', () => {
    for (const mode of ['1049', '1047', '47']) {
      const vim = `${ESC}[?${mode}h${ESC}[?1h${ESC}[1;24r${CLEAR}text${CLEAR}more`;
      expect(screen(`$ clear${CLEAR}$ vim\r\n${vim}`)).toBe(vim);
    }
  });

  test('a program that has left the alternate screen: from the last clear of the main screen', () => {
    const all = `${CLEAR}$ vim\r\n${ESC}[?1049h${CLEAR}text${ESC}[?1049l$ `;
    expect(screen(`old${all}`)).toBe(all);
    expect(screen(`old${all}${CLEAR}new`)).toBe(`${CLEAR}new`);
  });

  test('the switch to the alternate screen is not there any more: nothing that was on it', () => {
    expect(screen(`text${CLEAR}more${ESC}[?1049l$ ls\r\n`, true)).toBe(`${ESC}[?1049l$ ls\r\n`);
    expect(screen(`$ tput rmcup${ESC}[?1049l$ ls\r\n`)).toBe(`$ tput rmcup${ESC}[?1049l$ ls\r\n`);
  });

  test('modes that were set before come first, each as it was last', () => {
    const before = `${ESC}[?2004h${ESC}[?1000;1006h${ESC}[?25l${ESC}[?1000l${ESC}[?2026h`;
    const set = `${ESC}[?2004h${ESC}[?1000l${ESC}[?1006h${ESC}[?25l`;
    expect(screen(`${before}old${CLEAR}new${ESC}[?25h`)).toBe(`${set}${CLEAR}new${ESC}[?25h`);
    expect(screen(`${before}old${ESC}[?1049h${CLEAR}new`)).toBe(`${set}${ESC}[?1049h${CLEAR}new`);
    expect(screen(`${before}old${ESC}cnew`)).toBe(`${ESC}cnew`);
  });

  test('without a clear: all; if there was more before, from a whole line on', () => {
    expect(screen('a\r\nb')).toBe('a\r\nb');
    expect(screen('rest of a line\r\nnext\r\n', true)).toBe('next\r\n');
    expect(screen('rest', true)).toBe('rest');
  });

  test('a clear in a string is text', () => {
    expect(screen(`a${ESC}]0;[2J\x07b`)).toBe(`a${ESC}]0;[2J\x07b`);
  });
});
