/** run()'s scope: 'auto' asks once and falls back; the others are taken as they are. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, vi } from 'vitest';
import { type RunOptions, run } from '../../src/index.js';
import { type Scratch, test } from '../support/scratch.js';

const should = vi.hoisted(() => ({ useScope: false }));
vi.mock('../../src/shim/kill-mode.js', () => ({
  shouldUseScope: () => Promise.resolve(should.useScope),
  warnOfKillMode: () => undefined,
}));
afterEach(() => vi.unstubAllEnvs());

/** The scope that state.json of a run has. */
async function scopeOf(scratch: Scratch, scope: RunOptions['scope']): Promise<string | undefined> {
  const process = await run(['true'], { root: join(scratch.dir, 'runs'), ...(scope === undefined ? {} : { scope }) });
  const path = join(scratch.dir, 'runs', process.container.id, 'state.json');
  const { scope: recorded } = JSON.parse(readFileSync(path, 'utf8')) as { scope?: string };
  await process.wait();
  await process.remove();
  return recorded;
}

test.for<[RunOptions['scope'], boolean]>([
  ['auto', false],
  [undefined, false],
  ['none', true],
])('scope %s, and a service that would end it (%s): none', async ([scope, useScope], { scratch }) => {
  should.useScope = useScope;
  expect(await scopeOf(scratch, scope)).toBeUndefined();
});

test("scope 'auto' where systemd refuses a scope: none, and nothing is left of the first try", async ({ scratch }) => {
  should.useScope = true;
  writeFileSync(join(scratch.dir, 'systemd-run'), '#!/bin/sh\necho refused >&2\nexit 1\n', { mode: 0o755 });
  vi.stubEnv('PATH', `${scratch.dir}:${process.env.PATH}`);
  // As one who has a manager of its own.
  mkdirSync(join(scratch.dir, 'systemd'));
  writeFileSync(join(scratch.dir, 'systemd/private'), '');
  vi.stubEnv('XDG_RUNTIME_DIR', scratch.dir);
  expect(await scopeOf(scratch, 'auto')).toBeUndefined();
  await expect(scopeOf(scratch, 'systemd')).rejects.toMatchObject({ code: 'ERR_SCOPE_UNAVAILABLE' });
  expect(readdirSync(join(scratch.dir, 'runs'))).toEqual([]);
});
