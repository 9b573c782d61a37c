/** Limits, OOM kills, statistics and the freezer, on cgroup v2. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cgroupOf, until, withPlace } from '../inside/check.js';
import { endAfterOom } from '../inside/oom.js';

const MIB = 1024 * 1024;
const COUNTER = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done';

const read = (/** @type {string} */ dir, /** @type {string} */ file) => readFileSync(join(dir, file), 'utf8').trim();

/** @type {(runtime: 'runc' | 'crun') => import('../inside/check.js').Check[]} */
const limits = (runtime) => [
  {
    name: `${runtime}: a memory limit, and its OOM kill is told`,
    run: () =>
      withPlace(runtime, async (place) => {
        const resources = { memory: { limit: 32 * MIB } };
        const container = await place.container('tail /dev/zero; echo killed $?; read line; exit 5', resources);
        const init = await container.start({ stdio: place.stdio() });
        assert.equal(read(cgroupOf(init.systemPid), 'memory.max'), String(32 * MIB));
        const exit = await endAfterOom(container, (kills) => {
          assert.equal(kills, 1);
          init.openStdin().write('\n');
        });
        assert.equal(exit.status, 5);
      }),
  },
  {
    name: `${runtime}: the first process is OOM-killed`,
    run: () =>
      withPlace(runtime, async (place) => {
        const resources = { memory: { limit: 32 * MIB } };
        const container = await place.container('read line; exec tail /dev/zero', resources);
        const init = await container.start({ stdio: place.stdio() });
        const ended = endAfterOom(container);
        init.openStdin().write('\n');
        assert.equal((await ended).status, 128 + 9);
      }),
  },
  {
    name: `${runtime}: limits are changed`,
    run: () =>
      withPlace(runtime, async (place) => {
        const container = await place.container('sleep 1000', { memory: { limit: 64 * MIB } });
        const init = await container.start();
        const cgroup = cgroupOf(init.systemPid);
        await container.updateResources({
          memory: { limit: 48 * MIB },
          cpu: { quota: 20_000, period: 100_000 },
          pids: { limit: 23 },
        });
        assert.equal(read(cgroup, 'memory.max'), String(48 * MIB));
        assert.equal(read(cgroup, 'cpu.max'), '20000 100000');
        assert.equal(read(cgroup, 'pids.max'), '23');
      }),
  },
];

/** @type {import('../inside/check.js').Check[]} */
const stats = [
  {
    name: 'runc: stats',
    run: () =>
      withPlace('runc', async (place) => {
        const container = await place.container('while :; do :; done', { memory: { limit: 64 * MIB } });
        await container.start();
        await until('processor time', async () => ((await container.stats()).cpu.totalUsageNs ?? 0) > 100_000_000);
        const { memory, pids } = await container.stats();
        assert.ok((memory.usageBytes ?? 0) > 0);
        assert.equal(memory.limitBytes, 64 * MIB);
        assert.equal(pids.current, 1);
      }),
  },
  {
    name: 'crun: has no stats, and says so',
    run: () =>
      withPlace('crun', async (place) => {
        const container = await place.container('sleep 1000');
        await container.start();
        await assert.rejects(container.stats(), { code: 'ERR_OCI_RUNTIME' });
      }),
  },
  {
    name: 'host: stats',
    run: () =>
      withPlace('host', async (place) => {
        const container = await place.container('while :; do :; done');
        await container.start();
        await until('processor time', async () => ((await container.stats()).cpu.totalUsageNs ?? 0) > 100_000_000);
        assert.equal((await container.stats()).pids.current, 1);
      }),
  },
];

/** @type {(runtime: import('../inside/check.js').Runtime) => import('../inside/check.js').Check} */
const freezer = (runtime) => ({
  name: `${runtime}: pause and resume, by the freezer`,
  run: () =>
    withPlace(runtime, async (place) => {
      const container = await place.container(COUNTER);
      const init = await container.start({ stdio: place.stdio() });
      let lines = 0;
      const output = init.openStdout();
      output.on('data', (chunk) => (lines += String(chunk).split('\n').length - 1));
      await until('output', () => lines > 0);

      await container.pause();
      assert.equal(container.state(), 'paused');
      assert.equal(await container.status(), 'paused');
      assert.match(read(cgroupOf(init.systemPid), 'cgroup.events'), /^frozen 1$/m);
      await delay(100);
      const atPause = lines;
      await delay(500);
      assert.equal(lines, atPause, 'no output while it is paused');

      await container.resume();
      assert.equal(container.state(), 'running');
      await until('more output', () => lines > atPause);
      await container.delete();
      output.destroy();
    }),
});

export default [
  ...limits('runc'),
  ...limits('crun'),
  ...stats,
  .../** @type {const} */ (['host', 'runc', 'crun']).map(freezer),
];
