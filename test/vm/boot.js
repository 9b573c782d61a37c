/**
 * Boots the machine and prints what its driver says: one line for each check, then a summary. Exits with 0 only if all
 * checks passed. Called by test/vm/run. Arguments: the directory that machine.sh made, and the one with the two disks.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { clearTimeout, setTimeout } from 'node:timers';

/** How long a boot may take, and what a check may take above its own limit, which the driver keeps. */
const BOOT_LIMIT_S = 300;
const GRACE_S = 120;
const CONSOLE_LINES = 80;
/** The driver runs as many checks at the same time. */
const PROCESSORS = Math.min(4, Math.max(2, availableParallelism()));

const [machine = '', work = ''] = process.argv.slice(2);
let boots = 0;
let passed = 0;
let failed = 0;

/** Runs qemu until it ends, its driver asks for a power cut, or it says nothing for too long. @returns what happened */
async function boot() {
  const consoleLog = join(work, `console-${++boots}`);
  const drive = (/** @type {string} */ file) => `file=${file},if=virtio,format=raw`;
  const qemu = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'qemu-system-x86_64'],
      ...['-accel', 'tcg,tb-size=512', '-cpu', 'Nehalem,+rdrand', '-smp', String(PROCESSORS), '-m', '2048'],
      ...['-nic', 'none', '-display', 'none', '-no-reboot'],
      ...['-kernel', join(machine, 'vmlinuz'), '-initrd', join(machine, 'initrd')],
      ...['-append', 'console=ttyS0 loglevel=4 panic=-1 TERM=dumb systemd.unified_cgroup_hierarchy=1'],
      ...['-drive', drive(join(work, 'disk')), '-drive', drive(join(work, 'payload.img'))],
      // ttyS0 is the console, ttyS1 the driver's.
      ...['-serial', `file:${consoleLog}`, '-serial', 'stdio', '-monitor', 'none'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const end = once(qemu, 'exit');
  const kill = () => qemu.kill('SIGKILL');
  process.on('exit', kill);

  let outcome = '';
  /** The checks that run, and the limit of each. @type {Map<string, number>} */
  const running = new Map();
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const expectWithin = (/** @type {number} */ seconds) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      outcome = `the machine said nothing for ${seconds} s`;
      kill();
    }, seconds * 1000);
  };

  expectWithin(BOOT_LIMIT_S);
  for await (const line of createInterface({ input: qemu.stdout })) {
    if (!line.startsWith('{')) continue;
    const message = JSON.parse(line);
    if (message.begin !== undefined) {
      running.set(message.begin, message.limitS);
    } else if (message.check !== undefined) {
      running.delete(message.check);
      report(message);
    } else if (message.end !== undefined) {
      outcome = message.end;
      kill();
    }
    expectWithin(Math.max(0, ...running.values()) + GRACE_S);
  }
  await end;
  clearTimeout(timer);
  process.off('exit', kill);
  if (outcome !== 'done' && outcome !== 'power cut') {
    outcome ||= `qemu ended with ${qemu.exitCode ?? qemu.signalCode}`;
    report({ check: [...running.keys()].join(', ') || 'the machine', ok: false, seconds: 0, output: outcome });
    console.log(readFileSync(consoleLog, 'utf8').split('\n').slice(-CONSOLE_LINES).join('\n'));
  }
  return outcome;
}

function report(/** @type {{ check: string, ok: boolean, seconds: number, output: string }} */ result) {
  if (result.ok) passed++;
  else failed++;
  console.log(`${result.ok ? 'ok' : 'not ok'} ${result.check} (${result.seconds.toFixed(1)} s)`);
  if (!result.ok) console.log(result.output.trimEnd().replaceAll(/^/gm, '    '));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
while ((await boot()) === 'power cut');
console.log(`${passed} passed, ${failed} failed`);
process.exit(passed > 0 && failed === 0 ? 0 : 1);
