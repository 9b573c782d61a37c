/** Each unit file of docs/systemd.md: the supervisor is restarted and stopped, and its job goes on. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { statOf } from '../../support/proc.js';
import { cgroupOf, until } from '../inside/check.js';
import { Service, asRoot, asUser, ofUser } from '../inside/service.js';

const page = readFileSync('/opt/outlive/node_modules/outlive/docs/systemd.md', 'utf8');
const sections = [...page.matchAll(/^## (.*)$([^]*?)(?=^## |$(?![^]))/gm)];

export default sections.flatMap(([, title = '', text = '']) =>
  [...text.matchAll(/^```ini\n([^]*?)^```$/gm)].map(([, unit = '']) => ({
    name: `docs/systemd.md: ${title}`,
    run: async () => {
      const manager = unit.includes('/systemd/user/') ? ofUser() : unit.includes('User=') ? asUser() : asRoot();
      const scope = unit.includes("scope: 'systemd'") ? 'systemd' : 'none';
      const ours = unit.replace('User=jobs', 'User=job').replaceAll('user@1000', `user@${manager.uid}`);
      const service = new Service(manager, ours, { scope });
      const job = await service.start();
      const cgroup = cgroupOf(job.pid);
      if (scope === 'systemd') assert.ok(dirname(cgroup).endsWith('.scope'), cgroup);
      else assert.equal(unit.includes('Delegate=yes') ? dirname(cgroup) : cgroup, service.cgroup());

      service.disturb('restart');
      assert.deepEqual(await service.started(), job);
      service.disturb('stop');
      assert.ok(statOf(job.pid));
      service.letEnd();
      assert.equal(await until('the status', () => service.read('exitStatus')), '7');
      assert.deepEqual(service.warnings(), []);
      await service.end();
    },
  })),
);
