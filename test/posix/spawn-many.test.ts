// spawn() thousands of times: without leaks, beside child_process, and from workers, also from terminated ones.
import { describe, expect, it } from 'vitest';
import { strict } from '../support/strict.js';
import { memoryLimitKiB, runFixture } from './helpers.js';

// Enough for a slow machine whose cores are busy.
const timeout = 180_000;

describe('thousands of children', () => {
  it('leave no descriptor, no memory and no zombie', { timeout }, async () => {
    const rounds = strict ? 5_000 : 2_000;
    const left = (await runFixture('many-spawns.js', String(rounds))) as Record<string, number>;
    expect(left).toMatchObject({ ended: rounds, descriptors: 0, children: 0 });
    expect(left.memoryKiB).toBeLessThan(memoryLimitKiB(rounds));
    expect(left.mappings).toBeLessThan(rounds / 4);
  });

  it('beside those of child_process each get their own exit code', { timeout }, async () => {
    const each = strict ? 1_000 : 500;
    expect(await runFixture('side-by-side.js', String(each))).toEqual({ posix: each, childProcess: each, children: 0 });
  });
});

describe('worker threads', () => {
  it('spawn and watch at once, each on its own loop', { timeout }, async () => {
    const result = await runFixture('workers.js', 'many');
    expect(result).toEqual({ workers: 8, exits: 8 * 50, descriptors: 0, children: 0 });
  });

  it('may be terminated in the middle of spawns, children and watches', { timeout }, async () => {
    const result = await runFixture('workers.js', 'terminate');
    expect(result).toEqual({ terminated: 30, descriptors: 0 });
  });

  it('end by process.exit() and by an error with spawns under way', { timeout }, async () => {
    const result = await runFixture('workers.js', 'exit');
    expect(result).toEqual({ codes: [7, 1], descriptors: 0 });
  });

  it('may each load the addon, and a second copy of it', { timeout }, async () => {
    expect(await runFixture('workers.js', 'twice')).toEqual({ codes: [1, 2, 3, 4] });
  });
});
