// Logs that are broken, or made to do harm: whatever the files are, a read ends, gives no byte twice, and throws nothing but
// errors with a code. The random ones are longer with OUTLIVE_FUZZ_SECONDS; OUTLIVE_FUZZ_SEED plays one again.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type OutputReadOptions, readLog } from '../../src/index.js';
import { KIND, fileName, record } from '../support/log-writer.js';
import { openDescriptors } from '../support/proc.js';
import { briefs, newLog } from './helpers.js';

/** A directory with a key and no writer. */
function emptyLog(): string {
  const dir = mkdtempSync(join(tmpdir(), 'outlive-hostile-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'key'), 'the-key\n');
  return dir;
}

const put = (dir: string, base: number | bigint, raw: string | Buffer, ...records: Buffer[]): void => {
  writeFileSync(join(dir, fileName(base, 'raw')), raw);
  writeFileSync(join(dir, fileName(base, 'idx')), Buffer.concat(records));
};

const both = async (dir: string): Promise<string[]> => {
  const followed = await briefs(readLog(dir, { follow: true }));
  expect(await briefs(readLog(dir))).toEqual(followed);
  return followed;
};

describe('a broken index', () => {
  it('record that is wrong is skipped: its bytes count to the record before, or else to the next', async () => {
    const dir = emptyLog();
    const broken = record(KIND.stderr, 3, 5);
    broken[9] = 99;
    put(
      dir,
      0,
      'aabbcc',
      broken,
      record(KIND.stderr, 2, 1),
      broken,
      record(KIND.stdout, 4, 2),
      record(KIND.stderr, 3, 1),
    );
    expect(await both(dir)).toEqual(['err:aa', 'err:bb', 'out:cc']);
  });

  it('record beyond the raw file is not valid, and of an unknown kind ignored', async () => {
    const dir = emptyLog();
    put(dir, 0, 'aabb', record(KIND.stdout, 0, 1), record(9, 1, 1), record(KIND.end, 5, 1), record(KIND.stderr, 6, 1));
    expect(await both(dir)).toEqual(['out:aabb']);
  });

  it('position or name above 2^53 is refused', async () => {
    const dir = emptyLog();
    put(dir, 0, 'aabb', record(KIND.stdout, 0, 1), record(KIND.stderr, 2n ** 53n, 1), record(KIND.stderr, 2, 1));
    put(dir, 2n ** 53n, 'x', record(KIND.stdout, 2n ** 53n, 1));
    put(dir, 2n ** 53n - 2n, 'yyy', record(KIND.stdout, 2n ** 53n - 2n, 1));
    expect(await both(dir)).toEqual(['out:aa', 'err:bb', `gap:${2 ** 53 - 6}`, 'out:y']);
  });

  it('with a second end gives the first', async () => {
    const dir = emptyLog();
    put(dir, 0, 'aabb', record(KIND.stdout, 0, 1), record(KIND.end, 2, 1, 300), record(KIND.end, 2, 1, 5));
    expect(await briefs(readLog(dir))).toEqual(['out:aa', 'end:44', 'out:bb']);
    expect(await briefs(readLog(dir, { follow: true }))).toEqual(['out:aa', 'end:44']);
  });
});

describe('a file that is none', () => {
  it('is taken for one that is missing, and is not waited for', async () => {
    const dir = emptyLog();
    put(dir, 0, 'aa', record(KIND.stdout, 0, 1));
    execFileSync('mkfifo', [
      join(dir, fileName(2, 'raw')),
      join(dir, fileName(4, 'idx')),
      join(dir, fileName(9, 'idx')),
    ]);
    writeFileSync(join(dir, fileName(4, 'raw')), 'cc');
    symlinkSync('/etc/passwd', join(dir, fileName(6, 'raw')));
    mkdirSync(join(dir, fileName(7, 'raw')));
    writeFileSync(join(dir, 'writer'), 'no FIFO');
    for (const name of ['1.raw', `${'x'.repeat(20)}.raw`, `${'0'.repeat(19)}8.raw.gz`])
      writeFileSync(join(dir, name), 'no');
    put(dir, 8, 'dd', record(KIND.stderr, 8, 1));
    expect(await both(dir)).toEqual(['out:aa', 'gap:2', 'out:cc', 'gap:2', 'err:dd']);
    rmSync(join(dir, 'key'));
    symlinkSync('/etc/hostname', join(dir, 'key'));
    expect(() => readLog(dir)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
  });

  it('in great number costs time, and no more', async () => {
    const dir = emptyLog();
    for (let i = 0; i < 20_000; i++) writeFileSync(join(dir, `name-${i}`), '');
    for (let i = 0; i < 500; i++) put(dir, i, 'xyz', record(KIND.stdout, i, 1));
    const items = await both(dir);
    expect(items.map((text) => text.slice(4)).join('')).toHaveLength(502);
  });

  it('of any length is read in pieces, and an index only so far', async () => {
    const dir = emptyLog();
    put(dir, 0, '', record(KIND.stdout, 0, 1));
    truncateSync(join(dir, fileName(0, 'raw')), 2 ** 40);
    const items = readLog(dir);
    for (let i = 0; i < 10; i++) expect((await items.next()).value).toMatchObject({ type: 'data' });
    await items.return();
    const tail = await briefs(readLog(dir, { from: { tail: 3 } }));
    expect(tail).toEqual(['out:\0\0\0']);
  });
});

/** A random number generator with a seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A random log: segments that may overlap, with records that may be anything. The byte at a position follows from it. */
function makeRandomLog(below: (n: number) => number): string {
  const dir = emptyLog();
  let base = below(3) * 7;
  for (let segments = below(6); segments >= 0; segments--) {
    const size = below(4) === 0 ? 0 : below(300);
    const raw = Buffer.from(Array.from({ length: size }, (_, i) => ((base + i) * 7) % 251));
    const records = Array.from({ length: below(20) }, (_, i) => {
      const position = below(8) === 0 ? below(2000) : base + Math.floor((i * size) / 20);
      const bytes = record(1 + below(below(6) === 0 ? 6 : 4), position, below(1000), below(2 ** 31));
      if (below(6) === 0) bytes[below(32)] = below(256);
      return below(12) === 0 ? bytes.subarray(0, below(32)) : bytes;
    });
    if (below(8) !== 0) writeFileSync(join(dir, fileName(base, 'raw')), raw);
    if (below(8) !== 0) writeFileSync(join(dir, fileName(base, 'idx')), Buffer.concat(records));
    base += below(5) === 0 ? below(Math.max(1, size)) : size + (below(3) === 0 ? below(50) : 0);
  }
  return dir;
}

const FROM: readonly ((below: (n: number) => number) => OutputReadOptions['from'])[] = [
  () => 'start',
  () => 'end',
  (below) => ({ tail: below(700) }),
  (below) => ({ lines: below(9) }),
  (below) => ({ since: below(1000) }),
  (below) => `the-key.${below(2) ? below(900) : ''}.${below(30)}.${below(1200)}.${below(2)}`,
];

/** Reads it in a random way, going on from a cursor now and then. Checks that each byte is the one of its position. */
async function readRandomly(dir: string, below: (n: number) => number): Promise<void> {
  const options: OutputReadOptions = { follow: below(2) === 0, ...(below(3) === 0 && { stream: 'stderr' as const }) };
  let from = FROM[below(FROM.length)]?.(below);
  let last = -1;
  for (let reads = 0; reads < 50; reads++) {
    let isOver = true;
    let left = below(4) === 0 ? 1 + below(4) : Infinity;
    for await (const item of readLog(dir, { ...options, from })) {
      from = item.cursor;
      // What the cursor says is for the library alone; a test may look.
      const position = Number(item.cursor.split('.')[3]);
      if (item.type === 'data') {
        const start = position - item.data.length;
        expect(start).toBeGreaterThanOrEqual(Math.max(0, last));
        item.data.forEach((byte, i) => expect(byte).toBe(((start + i) * 7) % 251));
      }
      expect(position).toBeGreaterThanOrEqual(last);
      last = position;
      isOver = false;
      if (--left === 0) break;
      isOver = true;
    }
    if (isOver) return;
  }
}

describe('random logs', () => {
  it(
    'are read to their end, each byte at most once, whatever is in them',
    async () => {
      const seconds = Number(process.env.OUTLIVE_FUZZ_SECONDS ?? 0);
      const first = Number(process.env.OUTLIVE_FUZZ_SEED ?? 1);
      const deadline = performance.now() + seconds * 1000;
      const before = openDescriptors().length;
      for (let seed = first; seed < first + 300 || performance.now() < deadline; seed++) {
        const below = random(seed);
        const dir = makeRandomLog(below);
        try {
          for (let i = 0; i < 3; i++) await readRandomly(dir, below);
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
        rmSync(dir, { recursive: true });
      }
      expect(openDescriptors().length).toBeLessThanOrEqual(before + 1);
      // The time that was asked for, and the least number of rounds on a busy machine.
    },
    60_000 + 1000 * Number(process.env.OUTLIVE_FUZZ_SECONDS ?? 0),
  );

  it('of random bytes are read, too', async () => {
    const below = random(7);
    for (let i = 0; i < 50; i++) {
      const { dir, writer } = newLog();
      const bytes = Buffer.from(Array.from({ length: below(5000) }, () => below(256)));
      put(dir, 0, 'some output', bytes);
      writer.close();
      expect(await both(dir)).toEqual(['out:some output']);
    }
  });
});
