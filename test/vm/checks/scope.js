/** Scopes, delegation, notifications and the warning, where they are not a matter of the KillMode. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { statOf } from '../../support/proc.js';
import { cgroupOf, until } from '../inside/check.js';
import { Service, asNobody, asRoot, cgroupsBelow, ofUser } from '../inside/service.js';

/** The scope of a process, which may be in a cgroup below it. */
function scopeOf(/** @type {number} */ pid) {
  let cgroup = cgroupOf(pid);
  while (cgroup !== '/' && !cgroup.endsWith('.scope')) cgroup = dirname(cgroup);
  return cgroup;
}

/** The shim of the job: it records itself a moment after the start. @type {(service: Service) => Promise<number>} */
const shimOf = (service) =>
  until('the record of the shim', () => JSON.parse(service.read('identity.json') ?? '{}').shim?.pid);

/** @type {(runtime: 'runc' | 'crun', scope: 'none' | 'systemd') => import('../inside/check.js').Check} */
const notify = (runtime, scope) => ({
  name: `systemd: Type=notify, ${runtime}, ${scope === 'none' ? 'no scope' : 'a scope'}`,
  run: async () => {
    const properties = { Type: 'notify', NotifyAccess: 'all', TimeoutStartSec: '120', KillMode: 'process' };
    const service = new Service(asRoot(), properties, { runtime, scope });
    // It returns when the service has said that it is ready: after the start of the job.
    const job = await service.start();
    const shim = await shimOf(service);
    for (const pid of [job.pid, shim]) {
      assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'utf8'), /NOTIFY_SOCKET|INVOCATION_ID|JOURNAL_STREAM/);
    }
    const shimCgroup = cgroupOf(shim);
    assert.equal(shimCgroup.endsWith('.scope'), scope === 'systemd');
    assert.deepEqual(cgroupsBelow(service.cgroup()), [], 'no cgroup in a unit without Delegate=yes');
    // Where docs/systemd.md says that they are by default.
    const parent = runtime === 'runc' ? '/sys/fs/cgroup/system.slice' : '/sys/fs/cgroup';
    assert.equal(cgroupOf(job.pid), `${parent}/${service.marker}`);

    service.disturb('restart');
    assert.deepEqual(await service.started(), job);
    service.letEnd();
    assert.deepEqual(await service.reported(2), { status: 7 });
    await service.reported(3);
    if (scope === 'systemd') await until('the end of the scope', () => !existsSync(shimCgroup));
    await service.end();
  },
});

/** @type {(user: 'root' | 'user') => import('../inside/check.js').Check} */
const lingering = (user) => ({
  name: `systemd, ${user}: a shim that lingers for unread output does not hold up a stop`,
  run: async () => {
    const manager = user === 'root' ? asRoot() : ofUser();
    for (const scope of /** @type {const} */ (['none', 'systemd'])) {
      const service = new Service(manager, { KillMode: 'control-group' }, { scope, script: 'echo unread', keep: true });
      await service.start();
      assert.deepEqual(await service.reported(2), { status: 0 });
      const shim = await shimOf(service);
      assert.ok(statOf(shim));
      if (scope === 'none') {
        service.disturb('stop');
      } else {
        service.disturb('stop');
        assert.ok(statOf(shim), 'it is in a scope');
        const began = performance.now();
        service.systemctl('stop', basename(scopeOf(shim)));
        assert.ok(performance.now() - began < 80_000, 'the stop of the scope hangs');
      }
      await until('the end of the shim', () => statOf(shim) === undefined);
      await service.end();
    }
  },
});

/** @type {import('../inside/check.js').Check[]} */
const others = [
  {
    name: 'systemd: Delegate=yes, a cgroup for the container below the service',
    run: async () => {
      const service = new Service(asRoot(), { KillMode: 'process', Delegate: 'yes' });
      const job = await service.start();
      assert.equal(dirname(cgroupOf(job.pid)), service.cgroup());
      service.letEnd();
      await service.reported(3);
      assert.deepEqual(cgroupsBelow(service.cgroup()), []);
      await service.end();
    },
  },
  {
    name: 'systemd: further processes have scopes of their own, and the warning is told once',
    run: async () => {
      const scoped = new Service(ofUser(), {}, { scope: 'systemd', execs: 2 });
      const job = await scoped.start();
      assert.ok(scopeOf(job.pid).endsWith('.scope'));
      scoped.letEnd();
      assert.deepEqual(await scoped.reported(2), { status: 7 });
      assert.deepEqual(scoped.warnings(), []);
      await scoped.end();

      const plain = new Service(ofUser(), {}, { execs: 2 });
      await plain.start();
      await until('the warning', () => plain.warnings().length > 0);
      plain.letEnd();
      assert.deepEqual(await plain.reported(2), { status: 7 });
      const [warning, ...more] = plain.warnings();
      assert.deepEqual(more, []);
      assert.equal(warning?.code, 'OUTLIVE_KILL_MODE');
      assert.match(warning?.message ?? '', /KillMode=control-group.*scope: 'systemd'/);
      await plain.end();
    },
  },
  {
    name: 'systemd: User= of a user who has no manager: an error, or a warning, says what to do',
    run: async () => {
      const service = new Service(asNobody(), {}, { scope: 'systemd' });
      const refused = /** @type {any} */ (await service.start());
      assert.equal(refused.code, 'ERR_SCOPE_UNAVAILABLE');
      assert.match(refused.message, /loginctl enable-linger.*KillMode=process/);
      // Then it starts its job without a scope.
      assert.equal((await service.reported(2)).state, 'running');
      const [warning] = await until('the warning', () => service.warnings().length > 0 && service.warnings());
      assert.equal(warning?.code, 'OUTLIVE_KILL_MODE');
      assert.match(warning?.message ?? '', /loginctl enable-linger.*KillMode=process/);
      await service.end();
    },
  },
];

export default [
  ...others,
  lingering('root'),
  lingering('user'),
  notify('runc', 'none'),
  notify('runc', 'systemd'),
  notify('crun', 'systemd'),
];
