/** The OOM count of a memory cgroup, and a watch of it, on a file that the test writes. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseOomKills } from '../../src/monitor/counter.js';
import { OomWatch } from '../../src/monitor/oom.js';
import { until } from '../support/until.js';

describe('the count of OOM kills', () => {
  it.each([
    ['oom_kill_disable 0\nunder_oom 0\noom_kill 3\n', 3],
    ['low 0\nhigh 0\nmax 7\noom 2\noom_kill 12\noom_group_kill 1\n', 12],
    ['oom_kill_disable 0\nunder_oom 0\n', undefined],
  ])('%j', (text, expected) => {
    expect(parseOomKills(text)).toBe(expected);
  });
});

describe('a watch of a v2 cgroup', () => {
  it('tells kills that are not known yet, and new ones, each once', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'outlive-cgroup-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const file = join(dir, 'memory.events');
    writeFileSync(file, 'oom 4\noom_kill 3\n');
    const told: number[][] = [];
    const watch = OomWatch.open({ version: 2, path: dir }, 0, 1, (kills, total) => told.push([kills, total]));
    onTestFinished(() => watch?.close());
    expect(told).toEqual([[2, 3]]);
    writeFileSync(file, 'oom 6\noom_kill 5\n');
    await until('the change is told', () => told.length === 2);
    expect(told[1]).toEqual([2, 5]);
    appendFileSync(file, 'oom_group_kill 0\n');
    expect(watch?.look()).toBe(true);
    await watch?.lastLook();
    expect(told).toHaveLength(2);
  });

  it('is undefined if there is no such cgroup', () => {
    expect(OomWatch.open({ version: 2, path: '/nowhere' }, 0, 0, () => undefined)).toBeUndefined();
  });
});
