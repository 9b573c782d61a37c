/** Runs both programs, one after the other. Needs root, runc, iproute2 and busybox-static. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Container } from 'outlive';

const dir = mkdtempSync(join(tmpdir(), 'outlive-container-'));
const id = `network-${process.pid}`;

function runProgram(/** @type {string} */ name, /** @type {string[]} */ ...args) {
  const { status, signal } = spawnSync(process.execPath, [join(import.meta.dirname, name), dir, id, ...args], {
    stdio: 'inherit',
  });
  return signal ?? status;
}

try {
  const ended = runProgram('create.js', `10.231.${randomInt(256)}`);
  if (ended !== 'SIGKILL') throw new Error('nothing was created');
  console.log('The program that created it is gone. The next one:');
  process.exitCode = runProgram('start.js') === 0 ? 0 : 1;
} finally {
  const left = await Container.load(join(dir, 'state'), id).catch(() => undefined);
  await left?.delete();
  rmSync(dir, { recursive: true });
}
