/**
 * `run()` in a service with systemd's defaults: by itself, the process gets a scope, its limits, and outlives the service, also
 * if the kernel kills that for memory.
 */
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

/**
 * Starts run-supervisor.js as a service with these properties of systemd, lets `disturb` do what ends the supervisor and not its
 * job, and checks that the job is as it was.
 */
async function outlives(
  /** @type {string[]} */ properties,
  /** @type {(unit: string, reported: (number: number) => Promise<string>) => Promise<void>} */ disturb,
) {
  const dir = mkdtempSync('/var/tmp/outlive-vm-');
  const marker = dir.slice('/var/tmp/'.length);
  const unit = `${marker}.service`;
  mkdirSync(join(dir, 'state'), { mode: 0o700 });
  const reported = (/** @type {number} */ number) =>
    until(`line ${number} of the report`, () => {
      const file = join(dir, 'report');
      return existsSync(file) && readFileSync(file, 'utf8').split('\n').slice(0, -1)[number - 1];
    });

  const service = ['--quiet', '--collect', `--unit=${unit}`, ...properties.map((property) => `--property=${property}`)];
  execFileSync('systemd-run', [...service, process.execPath, supervisor, dir]);
  const first = await reported(1);
  await disturb(unit, reported);
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
}

/** @type {import('../inside/check.js').Check[]} */
export default [
  {
    name: 'run(): in a service with systemd’s defaults the process outlives restart and stop, with its limits',
    run: () =>
      outlives([], async (unit) => {
        execFileSync('systemctl', ['restart', unit]);
      }),
  },
  {
    name: 'run(): the process outlives an OOM kill of the service, which systemd starts again',
    run: () =>
      outlives(['MemoryMax=256M', 'MemorySwapMax=0', 'Restart=on-failure', 'RestartSec=0'], async (unit, reported) => {
        execFileSync('systemctl', ['kill', '--signal=SIGUSR2', unit]);
        await reported(2);
        const kernel = execFileSync('journalctl', ['--dmesg', '--no-pager', '--grep=oom-kill:'], { encoding: 'utf8' });
        assert.match(kernel, new RegExp(`task_memcg=[^,]*/${unit},task=node`));
      }),
  },
];
