/**
 * Runs in the machine, as a service: runs the checks in other services, as many at a time as there are processors, each check
 * with a time limit, and says on stdout how it ended, one JSON object a line. test/vm/boot.js reads them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { PASSED } from './passed.js';

/** @typedef {import('./check.js').Check} Check */

const LIMIT_S = 300;
/** How many checks one service runs. */
const GROUP = 4;
const OUTPUT_CHARS = 30_000;
/** Which check goes on after a power cut. */
const PROGRESS = '/var/lib/outlive-progress';

const runner = fileURLToPath(new URL('run-checks.js', import.meta.url));
const checksDir = fileURLToPath(new URL('../checks/', import.meta.url));
const only = readFileSync('/opt/outlive/only', 'utf8').split('\n').filter(Boolean);

/** @type {{ file: string, name: string, check: Check }[]} */
const all = [];
for (const name of readdirSync(checksDir).sort()) {
  const file = join(checksDir, name);
  /** @type {Check[]} */
  const checks = (await import(file)).default;
  for (const check of checks) all.push({ file, name: check.name, check });
}
const chosen = all.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));

let serial = 1;

const say = (/** @type {object} */ message) => writeSync(1, `${JSON.stringify(message)}\n`);

/**
 * Runs checks of one file, or the first half of one check, in a service. Node.js takes seconds to start here, so the
 * service is one for all of them; but after a failure it is ended, with all that is left in it, and the next ones get
 * another. `done` gets each result.
 */
async function run(
  /** @type {(typeof all)} */ group,
  /** @type {'prepare' | 'run'} */ half,
  /** @type {(result: { check: string, ok: boolean, seconds: number, output: string }) => void} */ done,
) {
  const pending = [...group];
  while (pending.length > 0) {
    const unit = `outlive-checks-${serial++}`;
    const properties = {
      TimeoutStopSec: 5,
      KillMode: half === 'prepare' ? 'process' : 'control-group',
      WorkingDirectory: '/root',
      Delegate: 'yes',
    };
    const service = spawn('systemd-run', [
      ...['--quiet', '--wait', '--pipe', '--collect', `--unit=${unit}`],
      ...Object.entries(properties).map(([key, value]) => `--property=${key}=${value}`),
      ...[process.execPath, runner, pending[0]?.file ?? '', half, ...pending.map(({ name }) => name)],
    ]);
    const end = once(service, 'close');
    let output = '';
    let began = performance.now();
    let tooLong = false;
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const begin = () => {
      const limitS = pending[0]?.check.limitS ?? LIMIT_S;
      say({ begin: pending[0]?.name, limitS });
      output = '';
      began = performance.now();
      clearTimeout(timer);
      timer = setTimeout(() => {
        tooLong = true;
        output += `\nended: it took longer than ${limitS} s`;
        spawn('systemctl', ['kill', '--signal=KILL', unit], { stdio: 'inherit' });
      }, limitS * 1000);
    };
    const finish = (/** @type {boolean} */ ok) => {
      const check = pending.shift()?.name ?? '';
      done({ check, ok, seconds: (performance.now() - began) / 1000, output: output.slice(-OUTPUT_CHARS) });
    };
    begin();
    service.stderr.on('data', (chunk) => (output += chunk));
    for await (const line of createInterface({ input: service.stdout })) {
      if (line !== PASSED || tooLong) {
        output += `${line}\n`;
        continue;
      }
      finish(true);
      if (pending.length > 0) begin();
    }
    await end;
    clearTimeout(timer);
    if (pending.length > 0) finish(false);
  }
}

function noteProgress(/** @type {string} */ name) {
  const file = openSync(PROGRESS, 'w', 0o600);
  writeSync(file, name);
  fsyncSync(file);
  closeSync(file);
}

/** Each lane runs one group after the other. The machine has a processor for each. */
async function lane(/** @type {(typeof all)[]} */ groups) {
  for (let group = groups.shift(); group !== undefined; group = groups.shift()) await run(group, 'run', say);
}

/** The checks of each file, in groups of few, since a group is what a lane takes. */
function grouped(/** @type {typeof all} */ checks) {
  /** @type {(typeof all)[]} */
  const groups = [];
  for (const check of checks) {
    const last = groups.at(-1);
    if (last?.[0]?.file === check.file && last.length < GROUP) last.push(check);
    else groups.push([check]);
  }
  return groups;
}

const resumed = existsSync(PROGRESS) ? readFileSync(PROGRESS, 'utf8') : undefined;
const cut = chosen.find(({ check }) => check.prepare !== undefined);
if (resumed === undefined) {
  const groups = grouped(chosen.filter((one) => one !== cut));
  await Promise.all(Array.from({ length: availableParallelism() }, () => lane(groups)));
}
// The power cut comes last, since nothing else may run then.
if (cut !== undefined && resumed === undefined) {
  let isReady = true;
  await run([cut], 'prepare', (result) => {
    isReady = result.ok;
    if (!result.ok) say(result);
  });
  if (isReady) {
    noteProgress(cut.name);
    say({ end: 'power cut' });
    // We are switched off.
    await new Promise((resolve) => setTimeout(resolve, 1 << 30));
  }
} else if (cut !== undefined) {
  await run([cut], 'run', say);
}
say({ end: 'done' });
