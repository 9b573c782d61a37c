/** The wall clock is set back or forward by hours: no exit is missed or late, and no start is taken for an old one. */
import { existsSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, vi } from 'vitest';
import { Container } from '../../src/index.js';
import { processesWith } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { SlowShim } from '../support/shims.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;

/** Changes the clock for this process only: other programs use the machine's. */
function setClock(byMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + byMs });
}

afterEach(() => {
  vi.useRealTimers();
});

describe.each([
  ['back', -2 * HOUR_MS],
  ['forward', 2 * HOUR_MS],
])('set %s by two hours', (_, byMs) => {
  test('between start, wait, load and delete: the exit is reported at once, with the exact status', async ({
    scratch,
  }) => {
    const container = await scratch.container('host', { args: ['sh', '-c', 'read x; exit 7'] });
    const process = await container.start({ stdio: scratch.fifos() });
    const told = process.wait();
    setClock(byMs);
    const loaded = scratch.keep(await Container.load(scratch.root, container.id));
    const toldLater = loaded.processes()[0]?.wait();
    process.openStdin().end('\n');
    expect(await told).toMatchObject({ status: 7 });
    expect(await toldLater).toMatchObject({ status: 7 });
    await loaded.delete();
    expect(readdirSync(scratch.root)).toEqual([]);
  });

  test('a time-out lasts as long as without the change', async ({ scratch }) => {
    const hanging = join(scratch.dir, 'runtime');
    writeFileSync(hanging, '#!/bin/sh\n[ "$1" = --log ] && exec sleep 1000\n', { mode: 0o700 });
    const container = await scratch.container(hanging, { args: ['true'] }, { timeoutMs: 300 });
    const began = performance.now();
    const failed = expect(container.start()).rejects.toMatchObject({ code: 'ERR_CONTAINER_START_TIMEOUT' });
    setClock(byMs);
    await failed;
    expect(performance.now() - began).toBeGreaterThanOrEqual(290);
  });

  test('clean-up removes nothing of a start that waits for its shim', async ({ scratch }) => {
    const slow = new SlowShim(scratch);
    const container = await scratch.container('host', { args: ['sh', '-c', 'exit 6'] }, { shim: slow.path });
    const starting = container.start();
    await until('its shim is there', () => processesWith(container.id).length > 0);
    setClock(byMs);
    expect(await Container.cleanUp(scratch.root)).toEqual([]);
    slow.letGo();
    expect(await (await starting).wait()).toMatchObject({ status: 6 });
  });
});

test('a cut-off start from the future stays until the clock has passed its date by the grace', async ({ scratch }) => {
  const container = await scratch.container('host', { args: ['true'] });
  const dir = join(scratch.root, container.id, 'init');
  await (await container.start()).wait();
  // The last change of the shim to the directory.
  await until('the mark', () => existsSync(join(dir, 'deleted')));
  container.close();
  for (const name of ['pid', 'identity.json', 'exitStatus']) rmSync(join(dir, name));
  const future = Date.now() + HOUR_MS;
  utimesSync(dir, future / 1000, future / 1000);
  expect(await Container.cleanUp(scratch.root, { graceMs: 0 })).toEqual([]);
  setClock(HOUR_MS + 1000);
  expect(await Container.cleanUp(scratch.root, { graceMs: 60_000 })).toEqual([]);
  // A shim that has closed its FIFOs still has the directory as its working directory for a moment.
  const removed = await until('the exit of its shim', async () => {
    const leftovers = await Container.cleanUp(scratch.root, { graceMs: 500 });
    return leftovers.length > 0 && leftovers;
  });
  expect(removed).toMatchObject([{ path: dir }]);
});

test('a wait of these tests ends at its limit, though the date stands still', async () => {
  setClock(0);
  await expect(until('nothing', () => false, 50)).rejects.toThrow('not within 0.05 s: nothing');
});

test('nothing else reads the wall clock', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const uses = ['src', 'native/addon', 'native/common', 'native/host', 'native/shim'].flatMap((dir) =>
    readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|cc|h)$/.test(name))
      // Events carry a date and are kept by age. No exit depends on it.
      .filter((name) => !/^(monitor|supervisor)\//.test(name))
      // A log gives each byte with its date, and can be read from one on.
      .filter((name) => !name.startsWith('output/'))
      // The command prints dates and ages.
      .filter((name) => !name.startsWith('cli/'))
      .flatMap((name) => {
        const text = readFileSync(join(root, dir, name), 'utf8');
        const found = text.match(/\bDate\b|CLOCK_REALTIME|gettimeofday|[^_\w.]time\((?:nullptr|NULL|&)|mtimeMs/g) ?? [];
        return found.map((use) => `${dir}/${name}: ${use}`);
      }),
  );
  // The date of an exit, of a log line and of a checkpoint; the age that cleanUp() reads; and the dates that inspect(),
  // stats() and an id that run() makes give.
  expect([...new Set(uses)].sort()).toEqual([
    'native/common/clock.cc: CLOCK_REALTIME',
    'native/shim/status.cc: CLOCK_REALTIME',
    'src/container/inspect.ts: Date',
    'src/container/leftovers.ts: Date',
    'src/container/leftovers.ts: mtimeMs',
    'src/container/operations.ts: Date',
    'src/oci/ids.ts: Date',
    'src/runtime/checkpoint.ts: Date',
    'src/runtime/stats.ts: Date',
  ]);
});
