/** The command `outlive` where cgroups can be made and systemd runs: limits, their change, an OOM kill, a scope of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { cgroupOf, nothingLeft } from '../inside/check.js';

const main = fileURLToPath(new URL('cli/main.js', import.meta.resolve('outlive')));
const MIB = 1024 * 1024;

/** @type {import('../inside/check.js').Check[]} */
export default [
  {
    name: 'the command: limits of run, shown by stats, changed by update; an OOM kill is its exit code',
    // Node.js takes seconds to start there.
    limitS: 400,
    run: async () => {
      const root = mkdtempSync('/var/tmp/outlive-vm-');
      const marker = root.slice('/var/tmp/'.length);
      const outlive = (/** @type {string[]} */ ...args) => {
        const env = { ...process.env, OUTLIVE_ROOT: root };
        const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { env, encoding: 'utf8' });
        return { status, stdout, stderr };
      };
      const succeeds = (/** @type {string[]} */ ...args) => {
        const result = outlive(...args);
        assert.equal(result.status, 0, result.stderr);
        return result.stdout;
      };

      const limits = ['--memory', '64m', '--cpus', '0.5', '--pids', '20'];
      succeeds('run', '-d', '--name', marker, ...limits, '--', 'sleep', '1000');
      const [{ pid }] = JSON.parse(succeeds('ps', '--json'));
      const cgroup = cgroupOf(pid);
      assert.match(cgroup, /\.scope\/outlive-/);
      const files = () =>
        ['memory.max', 'cpu.max', 'pids.max'].map((name) => readFileSync(join(cgroup, name), 'utf8').trim());
      assert.deepEqual(files(), [String(64 * MIB), '50000 100000', '20']);
      succeeds('update', '--memory', '32m', '--cpus', 'none', '--pids', '9', marker);
      assert.deepEqual(files(), [String(32 * MIB), 'max 100000', '9']);
      assert.match(succeeds('stats', marker), /32\.0 MiB|32 MiB/);
      succeeds('rm', '-f', marker);

      const killed = outlive('run', '--rm', '--name', `${marker}-oom`, '--memory', '32m', '--', 'tail', '/dev/zero');
      assert.equal(killed.status, 137, killed.stderr);
      const doctor = outlive('doctor');
      assert.equal(doctor.status, 0, doctor.stdout);
      assert.match(doctor.stdout, /^ok +host limits/m);
      assert.equal(succeeds('ps', '-aq'), '');
      await nothingLeft(marker);
      rmSync(root, { recursive: true });
    },
  },
];
