/**
 * Runs in the machine, as a service: starts each check as a service of its own, with a time limit, and says on stdout how
 * it ended, one JSON object a line. test/vm/boot.js reads them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./check.js').Check} Check */

const LIMIT_S = 60;
const OUTPUT_CHARS = 8000;
/** Which check goes on after a power cut. */
const PROGRESS = '/var/lib/outlive-progress';

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

const say = (/** @type {object} */ message) => writeSync(1, `${JSON.stringify(message)}\n`);

/** Runs one half of a check as a service. Nothing of it is left after the first half only if that wants so. */
async function run(/** @type {(typeof all)[number]} */ { file, name, check }, /** @type {'prepare' | 'run'} */ half) {
  const limitS = check.limitS ?? LIMIT_S;
  say({ begin: name, limitS });
  const began = performance.now();
  const properties = {
    RuntimeMaxSec: limitS,
    TimeoutStopSec: 5,
    KillMode: half === 'prepare' ? 'process' : 'control-group',
    WorkingDirectory: '/root',
  };
  const service = spawn('systemd-run', [
    ...['--quiet', '--wait', '--pipe', '--collect', `--unit=outlive-check-${all.findIndex((one) => one.check === check)}`],
    ...Object.entries(properties).map(([key, value]) => `--property=${key}=${value}`),
    ...[process.execPath, fileURLToPath(new URL('one-check.js', import.meta.url)), file, name, half],
  ]);
  let output = '';
  for (const stream of [service.stdout, service.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(service, 'exit');
  const seconds = (performance.now() - began) / 1000;
  if (code !== 0 && seconds >= limitS) output += `\nended: it took longer than ${limitS} s`;
  return { check: name, ok: code === 0, seconds, output: output.slice(-OUTPUT_CHARS) };
}

function noteProgress(/** @type {string} */ name) {
  const file = openSync(PROGRESS, 'w', 0o600);
  writeSync(file, name);
  fsyncSync(file);
  closeSync(file);
}

const resumed = existsSync(PROGRESS) ? readFileSync(PROGRESS, 'utf8') : undefined;
const first = Math.max(
  0,
  chosen.findIndex(({ name }) => name === resumed),
);
for (const one of chosen.slice(first)) {
  if (one.check.prepare !== undefined && one.name !== resumed) {
    const prepared = await run(one, 'prepare');
    if (!prepared.ok) {
      say(prepared);
      continue;
    }
    noteProgress(one.name);
    say({ end: 'power cut' });
    // We are switched off.
    await new Promise((resolve) => setTimeout(resolve, 1 << 30));
  }
  say(await run(one, 'run'));
}
say({ end: 'done' });
