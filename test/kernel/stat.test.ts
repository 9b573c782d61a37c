/** /proc/<pid>/stat, whose second field may hold any bytes. */
import { describe, expect, test } from 'vitest';
import { parseProcStat } from '../../src/kernel/stat.js';

describe('proc-stat', () => {
  const stat = (name: string): string =>
    `4242 (${name}) S 17 4242 19 0 -1 4194560 100 0 0 0 1 2 3 4 20 0 1 0 987654321 5000 300 18446744073709551615 1 1 0`;

  test.each(['sh', 'a b', 'a) R 1 1 1', '((', '))', '', 'x\ny) Z 0', ') S 9 9 9 9'])('a process named %j', (name) => {
    expect(parseProcStat(stat(name) + '\n')).toEqual({
      state: 'S',
      parentPid: 17,
      sessionId: 19,
      startTimeTicks: 987654321,
    });
  });

  test.each(['', '1 (x', '1 (x)', '1 (x) S', '1 (x) S 2 3', stat('x').replace('987654321', 'later')])(
    '%j is not valid',
    (text) => {
      expect(parseProcStat(text)).toBeUndefined();
    },
  );
});
