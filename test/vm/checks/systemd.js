/**
 * A supervisor that is a service of systemd, and what becomes of its job when the service is killed, restarted or stopped:
 * with each KillMode, with a scope and without, as root, as a user with a manager of the own, and by `User=`.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { statOf } from '../../support/proc.js';
import { cgroupOf, until } from '../inside/check.js';
import { Service, asRoot, asUser, ofUser } from '../inside/service.js';

/** @typedef {'control-group' | 'mixed' | 'process'} KillMode */
/** @typedef {{ status?: number, lost?: string }} End */
/** @typedef {{ state: string, pid: number }} Job */

/** In this order: after the stop the service is gone. @type {import('../inside/service.js').Action[]} */
const ACTIONS = ['kill', 'restart', 'stop'];

const managers = { root: asRoot, user: ofUser, 'User=': asUser };

/** How a job ends with its service if it has no scope. @type {Record<'control-group' | 'mixed', (end: End) => void>} */
const ends = {
  // Every process of the cgroup gets SIGTERM. The shim outlives that until it has recorded the end.
  'control-group': (end) => assert.deepEqual(end, { status: 128 + 15 }),
  // The supervisor gets SIGTERM; when it has ended, everything else gets SIGKILL, the shim too.
  mixed: ({ status, lost }) => assert.ok(lost !== undefined || status === 128 + 9, `lost or killed: ${status}`),
};

/** What a read of the state directory says of an end. @returns {End} */
function recorded(/** @type {Service} */ service) {
  const status = service.read('exitStatus');
  return status ? { status: Number(status) } : { lost: 'no status' };
}

/** Each action ends the job; the next start of the supervisor is told so, and starts another. */
async function endsWith(
  /** @type {Service} */ service,
  /** @type {Job} */ first,
  /** @type {(end: End) => void} */ check,
) {
  await until('the warning', () => service.warnings().length > 0);
  let job = first;
  for (const action of ACTIONS) {
    service.disturb(action);
    if (action === 'stop') break;
    await service.started();
    check(await service.reported(2));
    job = await service.reported(4);
    assert.equal(job.state, 'running');
  }
  await until('the end of the job', () => statOf(job.pid) === undefined);
  check(recorded(service));
  const warnings = service.warnings();
  assert.deepEqual(new Set(warnings.map(({ code }) => code)), new Set(['OUTLIVE_KILL_MODE']));
  assert.equal(new Set(warnings.map(({ serial }) => serial)).size, warnings.length, 'one for each program');
}

/** No action reaches the job; each start of the supervisor finds it. */
async function outlives(/** @type {Service} */ service, /** @type {Job} */ job) {
  for (const action of ACTIONS) {
    service.disturb(action);
    if (action !== 'stop') assert.deepEqual(await service.started(), job);
  }
  assert.ok(statOf(job.pid));
  const cgroup = cgroupOf(job.pid);
  service.letEnd();
  await until('the status', () => service.read('exitStatus'));
  assert.deepEqual(recorded(service), { status: 7 });
  await until('the end of the cgroup', () => !existsSync(cgroup));
  assert.deepEqual(service.warnings(), []);
}

/** @type {(who: keyof typeof managers, killMode: KillMode, scope: 'none' | 'systemd') => import('../inside/check.js').Check} */
const check = (who, killMode, scope) => ({
  name: `systemd, ${who}: KillMode=${killMode}, ${scope === 'none' ? 'no scope' : 'a scope'}`,
  run: async () => {
    const manager = managers[who]();
    const service = new Service(manager, { KillMode: killMode }, { scope });
    await service.explained(async () => {
      const job = await service.start();
      assert.equal(job.state, 'running');

      const cgroup = cgroupOf(job.pid);
      if (scope === 'none') {
        assert.equal(cgroup, service.cgroup(), 'no cgroup is made in a unit without Delegate=yes');
      } else {
        const slice = manager.uid === 0 ? 'system.slice' : join(`user@${manager.uid}.service`, 'app.slice');
        assert.match(cgroup, new RegExp(`/${slice}/outlive-${service.marker}-[0-9a-f-]+\\.scope/outlive-[^/]*$`));
      }

      if (scope === 'systemd' || killMode === 'process') await outlives(service, job);
      else await endsWith(service, job, ends[killMode]);
    });
    await service.end();
  },
});

export default /** @type {const} */ (['root', 'user', 'User=']).flatMap((who) =>
  /** @type {const} */ (['control-group', 'mixed', 'process']).flatMap((killMode) =>
    /** @type {const} */ (['none', 'systemd']).map((scope) => check(who, killMode, scope)),
  ),
);
