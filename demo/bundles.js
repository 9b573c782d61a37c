/** The bundles of the two scenes: a shell on this machine, and busybox's shell in a container. */
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { writeHostBundle } from '../dist/index.js';
import { PROMPT } from './shell-terminal.js';

const PATH = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';

/** The path of a program on PATH, if it is there. */
function find(/** @type {string} */ program) {
  return PATH.split(delimiter)
    .map((dir) => join(dir, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** An interactive shell on a terminal of this machine: bash, or sh if that is missing. */
export async function hostBundle(/** @type {string} */ dir) {
  const args = find('bash') ? ['bash', '--noprofile', '--norc', '--noediting', '-i'] : ['sh', '-i'];
  const env = [`PATH=${PATH}`, `PS1=${PROMPT}`, 'TERM=dumb', 'HISTFILE='];
  const bundle = await writeHostBundle(join(dir, 'host-bundle'), { args, env, cwd: '/', terminal: true });
  return { bundle, shell: args[0] ?? 'sh', runtimeArgs: [] };
}

/** What is missing on this machine for scene 2; undefined if nothing is. */
export function missingForRunc() {
  if (find('runc') === undefined) return 'runc is not installed';
  const busybox = find('busybox');
  if (busybox === undefined) return 'busybox is not installed';
  // A dynamic program names its loader near the start of the file. It would not run in a root file system without that.
  return readFileSync(busybox).subarray(0, 4096).includes('/ld-') ? 'busybox is not a static one' : undefined;
}

/** Busybox's shell in a container: runc's own template, rootless if we are not root. */
export function runcBundle(/** @type {string} */ dir) {
  const bundle = join(dir, 'runc-bundle');
  const bin = join(bundle, 'rootfs', 'bin');
  mkdirSync(bin, { recursive: true });
  for (const name of ['proc', 'sys', 'dev']) mkdirSync(join(bundle, 'rootfs', name));
  copyFileSync(find('busybox') ?? '', join(bin, 'busybox'));
  chmodSync(join(bin, 'busybox'), 0o755);
  for (const applet of ['sh', 'stty']) symlinkSync('busybox', join(bin, applet));

  const rootless = process.geteuid?.() !== 0;
  execFileSync('runc', rootless ? ['spec', '--rootless'] : ['spec'], { cwd: bundle });
  const path = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  config.process = {
    ...config.process,
    args: ['sh'],
    terminal: true,
    env: ['PATH=/bin', `PS1=${PROMPT}`, 'TERM=dumb'],
  };
  writeFileSync(path, JSON.stringify(config));
  // Its own state directory is removed with the demo, and needs no root.
  return { bundle, shell: 'busybox sh', runtimeArgs: ['--root', join(dir, 'runc')] };
}
