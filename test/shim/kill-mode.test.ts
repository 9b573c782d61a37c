/** The warning to a supervisor whose service takes its processes along, on a systemctl that answers what the test wants. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, vi } from 'vitest';
import type { Unit } from '../../src/kernel/unit.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';

const fakes = fileURLToPath(new URL('../fixtures/systemd', import.meta.url));
const unit = vi.hoisted(() => ({ own: undefined as Unit | undefined }));
vi.mock('../../src/kernel/unit.js', () => ({ ownUnit: () => unit.own }));

const warnings: (Error & { code?: string })[] = [];
const onWarning = (warning: Error): void => void warnings.push(warning);

/** As a new program in this unit, whose systemctl gives this answer. */
async function programIn(scratch: Scratch, own: Unit | undefined, answer: string): Promise<() => void> {
  vi.stubEnv('PATH', `${fakes}${delimiter}${process.env.PATH}`);
  vi.stubEnv('FAKE_NOTES', join(scratch.dir, 'notes'));
  vi.stubEnv('FAKE_ANSWER', answer);
  unit.own = own;
  vi.resetModules();
  return (await import('../../src/shim/kill-mode.js')).warnOfKillMode;
}

const asked = (scratch: Scratch): string =>
  existsSync(join(scratch.dir, 'notes')) ? readFileSync(join(scratch.dir, 'notes'), 'utf8') : '';

const web: Unit = { name: 'web.service', manager: 'system' };

beforeEach(() => {
  warnings.length = 0;
  process.on('warning', onWarning);
});
afterEach(() => {
  process.off('warning', onWarning);
  vi.unstubAllEnvs();
});

describe('in a service', () => {
  test.for(['control-group', 'mixed'])('with KillMode=%s: one warning, however often', async (mode, { scratch }) => {
    const warnOfKillMode = await programIn(scratch, web, mode);
    for (let start = 0; start < 3; start++) warnOfKillMode();
    await until('the warning', () => warnings.length > 0);
    warnOfKillMode();
    expect(asked(scratch)).toBe('show --property=KillMode --value -- web.service\n');
    expect(warnings.map(({ code, message }) => [code, message.includes(`KillMode=${mode}`)])).toEqual([
      ['OUTLIVE_KILL_MODE', true],
    ]);
  });

  test("of a user's manager: that one is asked", async ({ scratch }) => {
    (await programIn(scratch, { name: 'a.service', manager: 'user' }, 'control-group'))();
    await until('the warning', () => warnings.length > 0);
    expect(asked(scratch)).toBe('--user show --property=KillMode --value -- a.service\n');
  });

  test.for(['process', 'none', '', 'fail', 'what?'])('no warning if systemctl says "%s"', async (mode, { scratch }) => {
    (await programIn(scratch, web, mode))();
    await until('the question', () => asked(scratch) !== '');
    // The descriptor that it answers on is closed after that: the check for leaks waits for it.
    expect(warnings).toEqual([]);
  });

  test('no warning, and no failure, without systemctl', async ({ scratch }) => {
    const warnOfKillMode = await programIn(scratch, web, 'mixed');
    vi.stubEnv('PATH', scratch.dir);
    warnOfKillMode();
    expect(warnings).toEqual([]);
  });
});

test.for([undefined, { name: 'session-3.scope', manager: 'system' }, { name: 'a.scope', manager: 'user' }] as const)(
  'elsewhere nobody is asked: %j',
  async (own, { scratch }) => {
    (await programIn(scratch, own, 'control-group'))();
    expect(asked(scratch)).toBe('');
  },
);

test('the text says what to do, with a manager and without', async () => {
  const { killModeWarning } = await import('../../src/shim/kill-mode.js');
  expect(killModeWarning(web, 'mixed', true)).toMatch(
    /web\.service.*KillMode=mixed.*scope: 'systemd'.*KillMode=process/,
  );
  expect(killModeWarning(web, 'mixed', false)).toMatch(/loginctl enable-linger.*KillMode=process/);
});

describe('shouldUseScope()', () => {
  const inUnit = async (scratch: Scratch, own: Unit | undefined, answer: string): Promise<() => Promise<boolean>> => {
    await programIn(scratch, own, answer);
    return (await import('../../src/shim/kill-mode.js')).shouldUseScope;
  };

  test.for<[Unit | undefined, string, boolean]>([
    [web, 'control-group', isRoot],
    [web, 'mixed', isRoot],
    [web, 'process', false],
    [web, 'fail', false],
    [{ name: 'session-3.scope', manager: 'system' }, 'control-group', false],
    [undefined, 'control-group', false],
  ])('in %j, KillMode %s: %s', async ([own, answer, expected], { scratch }) => {
    const shouldUseScope = await inUnit(scratch, own, answer);
    vi.stubEnv('XDG_RUNTIME_DIR', scratch.dir);
    expect(await shouldUseScope()).toBe(expected);
  });

  test('systemctl is asked once', async ({ scratch }) => {
    vi.stubEnv('XDG_RUNTIME_DIR', scratch.dir);
    mkdirSync(join(scratch.dir, 'systemd'));
    writeFileSync(join(scratch.dir, 'systemd/private'), '');
    const shouldUseScope = await inUnit(scratch, web, 'mixed');
    expect(await Promise.all([shouldUseScope(), shouldUseScope()])).toEqual([true, true]);
    expect(asked(scratch)).toBe('show --property=KillMode --value -- web.service\n');
  });
});
