/** The limits of processes on the host runtime: where their cgroup can be made, what is set, and what is refused. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cgroupOf, until, withPlace } from '../inside/check.js';
import { endAfterOom } from '../inside/oom.js';
import { Service, asNobody, asRoot, asUser, cgroupsBelow, ofUser } from '../inside/service.js';

const MIB = 1024 * 1024;

const read = (/** @type {string} */ dir, /** @type {string} */ file) => readFileSync(join(dir, file), 'utf8').trim();

/** The files and their content. @type {(dir: string, files: Record<string, string>) => void} */
function has(dir, files) {
  for (const [file, text] of Object.entries(files)) assert.equal(read(dir, file), text, file);
}

/** For root and for a user's manager, which has no controller cpuset. */
const LIMITS = {
  memory: { limit: 64 * MIB, swap: 80 * MIB, reservation: 16 * MIB },
  cpu: { shares: 1024, quota: 150_000, period: 50_000 },
  pids: { limit: 20 },
  unified: { 'memory.high': String(48 * MIB) },
};
const FILES = {
  'memory.max': String(64 * MIB),
  'memory.swap.max': String(16 * MIB),
  'memory.low': String(16 * MIB),
  'memory.high': String(48 * MIB),
  'cpu.weight': '39',
  'cpu.max': '150000 50000',
  'pids.max': '20',
};

/** @type {import('../inside/check.js').Check[]} */
const asRootInAScope = [
  {
    name: 'limits of a host process: set before it runs, shown by stats, changed, for an exec too',
    run: () =>
      withPlace('host', async (place) => {
        const resources = { ...LIMITS, cpu: { ...LIMITS.cpu, cpus: '0', mems: '0' } };
        // It says its limit as it found it.
        const script = 'cat /sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)/memory.max; while :; do :; done';
        const container = await place.container(script, resources);
        const init = await container.start({ stdio: place.stdio() });
        const [first] = await init.openStdout().take(1).toArray();
        assert.equal(String(first), `${64 * MIB}\n`);
        const cgroup = cgroupOf(init.systemPid);
        assert.match(cgroup, /\.scope\/outlive-[^/]*$/);
        has(cgroup, { ...FILES, 'cpuset.cpus': '0', 'cpuset.mems': '0' });

        await container.updateResources({
          cpu: { quota: 5000 },
          memory: { limit: 32 * MIB, swap: -1 },
          pids: { limit: -1 },
        });
        has(cgroup, {
          'cpu.max': '5000 50000',
          'memory.max': String(32 * MIB),
          'memory.swap.max': 'max',
          'pids.max': 'max',
        });
        await container.updateResources({
          cpu: { period: 100_000 },
          unified: { 'cpu.weight': '7' },
          pids: { limit: 9 },
        });
        has(cgroup, { 'cpu.max': '5000 100000', 'cpu.weight': '7', 'memory.max': String(32 * MIB), 'pids.max': '9' });

        const exec = await container.exec('more', { args: ['sleep', '1000'] });
        assert.equal(cgroupOf(exec.systemPid), cgroup);
        await until('throttling', async () => ((await container.stats()).cpu.throttledPeriods ?? 0) > 0);
        const { memory, pids } = await container.stats();
        assert.deepEqual([memory.limitBytes, pids.limit, pids.current], [32 * MIB, 9, 2]);
        const refused = container.updateResources({ memory: { limit: 1, swappiness: 1 } });
        await assert.rejects(refused, { code: 'ERR_INVALID_ARG_VALUE', message: /resources\.memory\.swappiness/ });
        has(cgroup, { 'memory.max': String(32 * MIB) });
        await container.delete();
        assert.ok(!existsSync(cgroup));
      }),
  },
  {
    name: 'limits of a host process: an OOM kill is told, and counted in the end; more tasks than its limit are refused',
    run: () =>
      withPlace('host', async (place) => {
        const resources = { memory: { limit: 32 * MIB, swap: 32 * MIB }, pids: { limit: 4 } };
        const script =
          'tail /dev/zero; read a; (sleep 99 & sleep 99 & sleep 99 & sleep 99 &) 2>/dev/null; read b; exit 5';
        const container = await place.container(script, resources);
        const init = await container.start({ stdio: place.stdio() });
        const events = join(cgroupOf(init.systemPid), 'pids.events');
        const exit = await endAfterOom(container, async (kills) => {
          assert.equal(kills, 1);
          const input = init.openStdin();
          input.write('\n');
          await until('a refused fork', () => /^max [1-9]/m.test(readFileSync(events, 'utf8')));
          input.write('\n');
        });
        assert.equal(exit.status, 5);
        assert.equal(exit.record?.oomKills, 1);
      }),
  },
  {
    name: 'limits of a host process: those that cannot be set are refused, and nothing is left',
    run: () =>
      withPlace('host', async (place) => {
        const script = 'echo ran >&2';
        const none = await place.container(script, { unified: { 'memory.nothing': '1' } });
        const wrong = await place.container(script, { unified: { 'memory.max': 'much' } });
        const unknown = await place.container(script, { unified: { 'nothing.max': '1' } });
        const code = 'ERR_LIMITS_UNAVAILABLE';
        await assert.rejects(unknown.start(), { code, message: /linux\.resources\.unified\.nothing\.max/ });
        await assert.rejects(none.start(), {
          code,
          message: /linux\.resources\.unified\.memory\.nothing.*no such file/,
        });
        await assert.rejects(wrong.start(), {
          code: 'ERR_OCI_RUNTIME',
          message: /unified\.memory\.max.*refuses "much"/,
        });
      }),
  },
];

/** The job of a service that asks for limits; `scope` is not given. @type {(who: 'root' | 'user' | 'User=') => import('../inside/check.js').Check} */
const inAScope = (who) => ({
  name: `limits of a host process: ${who}, a service without Delegate=, in a scope by default`,
  run: async () => {
    const manager = { root: asRoot, user: ofUser, 'User=': asUser }[who]();
    const service = new Service(manager, {}, { resources: LIMITS, execs: 1 });
    const job = await service.start();
    assert.equal(job.state, 'running');
    const cgroup = cgroupOf(job.pid);
    assert.match(cgroup, /\.scope\/outlive-[^/]*$/);
    has(cgroup, FILES);
    service.letEnd();
    assert.deepEqual(await service.reported(2), { status: 7 });
    await service.reported(3);
    await until('the end of the scope', () => !existsSync(dirname(cgroup)));
    assert.deepEqual(service.warnings(), []);
    await service.end();
  },
});

/**
 * A start in this service is refused; then it starts its job without limits.
 * @type {(service: Service, code: string, message: RegExp) => Promise<void>}
 */
async function refuses(service, code, message) {
  const refused = /** @type {any} */ (await service.start());
  assert.equal(refused.code, code, refused.message);
  assert.match(refused.message, message);
  assert.equal((await service.reported(2)).state, 'running');
  await service.end();
}

/** @type {import('../inside/check.js').Check[]} */
const inServices = [
  {
    name: 'limits of a host process: Delegate=yes, and a supervisor in a cgroup of its own below the service',
    run: async () => {
      for (const manager of [asRoot(), asUser()]) {
        const properties = { KillMode: 'process', Delegate: 'yes' };
        const service = new Service(manager, properties, { resources: LIMITS, subgroup: 'supervisor' });
        const job = await service.start();
        assert.equal(job.state, 'running');
        assert.equal(dirname(cgroupOf(job.pid)), service.cgroup());
        has(cgroupOf(job.pid), FILES);
        service.letEnd();
        await service.reported(3);
        assert.deepEqual(cgroupsBelow(service.cgroup()), ['supervisor']);
        await service.end();
      }
    },
  },
  {
    name: 'limits of a host process: refused without a scope in a unit, and to a user without a manager',
    run: async () => {
      const limits = { resources: LIMITS };
      const none = /** @type {const} */ ({ ...limits, scope: 'none' });
      const code = 'ERR_LIMITS_UNAVAILABLE';
      const field = 'linux\\.resources\\.memory\\.limit cannot be set: ';
      await refuses(new Service(asRoot(), {}, none), code, new RegExp(`${field}.*no Delegate=yes.*scope: 'systemd'`));
      const delegated = new Service(asRoot(), { Delegate: 'yes' }, none);
      await refuses(delegated, code, new RegExp(`${field}.*has processes.*scope: 'systemd'`));
      await refuses(new Service(asNobody(), {}, limits), 'ERR_SCOPE_UNAVAILABLE', /loginctl enable-linger/);
      const cpus = new Service(ofUser(), {}, { resources: { cpu: { cpus: '0' } } });
      await refuses(cpus, code, /linux\.resources\.cpu\.cpus cannot be set: .*no controller cpuset/);
    },
  },
];

export default [...asRootInAScope, ...inServices, .../** @type {const} */ (['root', 'user', 'User=']).map(inAScope)];
