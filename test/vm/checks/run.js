/** `run()` in a service with systemd's defaults: by itself, the process gets a scope, its limits, and outlives the service. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { find } from 'outlive';
import { cgroupOf, nothingLeft, until } from '../inside/check.js';

const supervisor = fileURLToPath(new URL('../inside/run-supervisor.js', import.meta.url));

/** @type {import('../inside/check.js').Check[]} */
export default [
  {
    name: 'run(): in a service with systemd’s defaults the process outlives restart and stop, with its limits',
    run: async () => {
      const dir = mkdtempSync('/var/tmp/outlive-vm-');
      const marker = dir.slice('/var/tmp/'.length);
      const unit = `${marker}.service`;
      mkdirSync(join(dir, 'state'), { mode: 0o700 });
      const reported = (/** @type {number} */ number) =>
        until(`line ${number} of the report`, () => {
          const file = join(dir, 'report');
          return existsSync(file) && readFileSync(file, 'utf8').split('\n').slice(0, -1)[number - 1];
        });

      execFileSync('systemd-run', ['--quiet', '--collect', `--unit=${unit}`, process.execPath, supervisor, dir]);
      const first = await reported(1);
      execFileSync('systemctl', ['restart', unit]);
      assert.equal(await reported(2), first);
      execFileSync('systemctl', ['stop', unit]);

      const job = await find(marker, { root: join(dir, 'state') });
      assert.equal(`${job.state()} ${job.systemPid}`, first);
      assert.equal(job.state(), 'running');
      const cgroup = cgroupOf(job.systemPid);
      assert.match(cgroup, /\/system\.slice\/outlive-[^/]*\.scope\//);
      assert.equal(readFileSync(join(cgroup, 'memory.max'), 'utf8').trim(), String(64 << 20));
      job.stdin?.end('it\n');
      assert.equal(await text(job.openStdout()), 'begun\ngot it\n');
      assert.equal((await job.wait()).status, 7);
      await job.remove();
      await until('the end of the cgroup', () => !existsSync(cgroup));
      await nothingLeft(marker);
      rmSync(dir, { recursive: true });
    },
  },
];
