/** Much output at once, which the shim moves to the log by splice(2): each byte in its place, also where that is refused. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startLogged } from '../support/log-shim.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, succeeds, want } from '../support/strict.js';

const COUNT = 600_000;
const SENT = Array.from({ length: COUNT }, (_, i) => `${i + 1}\n`).join('');
const LIMITS = { maxBytes: 8 << 20, segmentBytes: 1 << 20 };

/** What the log has, and the results of the shim's calls of splice(2). strace(1) slows the shim, so that it has much to read. */
async function logUnder(
  scratch: Scratch,
  inject: string[],
): Promise<{ stdout: string; gaps: number[]; calls: string[] }> {
  const trace = join(scratch.mkdir('trace'), 'trace');
  const under = ['strace', '-qq', '-o', `'${trace}'`, '-e', 'trace=splice,read,epoll_wait', ...inject].join(' ');
  const { process, ended } = await startLogged(scratch, `exec seq ${COUNT}`, { ...LIMITS, under });
  expect(await process.wait()).toMatchObject({ status: 0 });
  const { stdout, gaps } = await ended();
  const calls = readFileSync(trace, 'utf8').split('\n');
  return { stdout, gaps, calls: calls.filter((line) => line.startsWith('splice(')) };
}

describe.runIf(want('strace', installed('strace') && succeeds('strace', ['-o', '/dev/null', 'true'])))(
  'much output goes to the log whole',
  () => {
    test('by splice(2)', async ({ scratch }) => {
      const { stdout, gaps, calls } = await logUnder(scratch, []);
      expect([stdout === SENT, gaps]).toEqual([true, []]);
      expect(calls.filter((line) => / = [1-9]/.test(line)).length).toBeGreaterThan(3);
    });

    test('where splice(2) is forbidden', async ({ scratch }) => {
      const { stdout, gaps, calls } = await logUnder(scratch, ['-e', 'inject=splice:error=EPERM']);
      expect([stdout === SENT, gaps]).toEqual([true, []]);
      // It tries once, and again only after it was idle.
      expect(calls.length).toBeGreaterThan(0);
      expect(calls.length).toBeLessThan(4);
    });

    test('on a file system that has no splice(2)', async ({ scratch }) => {
      const { stdout, gaps, calls } = await logUnder(scratch, ['-e', 'inject=splice:error=EINVAL:when=2']);
      expect([stdout === SENT, gaps]).toEqual([true, []]);
      expect(calls.some((line) => line.includes('INJECTED'))).toBe(true);
    });
  },
);
