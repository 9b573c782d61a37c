/** What the checks share: containers with a directory of their own, and the search for what they left behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Container, makeStdioFifos, writeHostBundle } from 'outlive';
import { cgroupsOf, mountsOf } from '../../../chaos/leftovers.js';
import { processesOf } from '../../support/proc.js';

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {number} [limitS] how long it may take, each half; default 180
 * @property {() => Promise<void>} [prepare] its first half: then the machine is switched off, and `run` goes on after the
 *   next boot. What it started in other services or sessions runs until that moment.
 * @property {() => Promise<void>} run throws if what it checks does not hold
 */

/** @typedef {'host' | 'runc' | 'crun'} Runtime */

const APPLETS = ['sh', 'cat', 'dd', 'echo', 'sleep', 'stty', 'tail', 'true'];

/** Waits for a fact that has no event: looks every 50 ms, for 200 s: the machine is slow. @template T */
export async function until(/** @type {string} */ what, /** @type {() => T | Promise<T>} */ look) {
  const deadline = performance.now() + 200_000;
  for (;;) {
    const found = await look();
    if (found) return /** @type {Exclude<T, undefined | false | '' | 0>} */ (found);
    assert.ok(performance.now() < deadline, `not within 200 s: ${what}`);
    await delay(50);
  }
}

/** A place for containers of one runtime. `end()` deletes them and fails if anything is left. */
export class Place {
  /** @type {string} */
  dir;
  /** @type {string} */
  root;
  /** The ids of its containers begin with it, and it is in the paths of everything that belongs to them. */
  marker;
  /** @type {Container[]} */
  #containers = [];
  #serial = 0;

  constructor(/** @type {Runtime} */ runtime) {
    this.runtime = runtime;
    // A tmpfs, as the README advises.
    this.dir = mkdtempSync('/run/outlive-vm-');
    this.marker = this.dir.slice('/run/'.length);
    this.root = join(this.dir, 'state');
    mkdirSync(this.root, { mode: 0o700 });
  }

  /** The options for a new container that runs this shell script. */
  async options(/** @type {string} */ script, /** @type {import('outlive').LinuxResources} */ resources = {}) {
    const id = `${this.marker}-${this.#serial++}`;
    const bundle = join(this.dir, `bundle-${id}`);
    await writeBundle(bundle, this.runtime, script, resources);
    return { root: this.root, id, bundle, runtime: this.runtime, timeoutMs: 120_000 };
  }

  /** A new container that runs this shell script. */
  async container(/** @type {string} */ script, /** @type {import('outlive').LinuxResources} */ resources = {}) {
    return this.keep(await Container.create(await this.options(script, resources)));
  }

  /** Deletes the container at the end, if it is still there. */
  keep(/** @type {Container} */ container) {
    this.#containers.push(container);
    return container;
  }

  /** New FIFOs. */
  stdio(terminal = false) {
    const dir = join(this.dir, `stdio-${this.#serial++}`);
    mkdirSync(dir, { mode: 0o700 });
    return makeStdioFifos(dir, { terminal });
  }

  async end() {
    for (const container of this.#containers) {
      await container.delete().catch((/** @type {NodeJS.ErrnoException} */ error) => {
        if (error.code !== 'ERR_CONTAINER_NOT_FOUND') throw error;
      });
    }
    assert.deepEqual(readdirSync(this.root), [], 'the state root is empty');
    await nothingLeft(this.marker);
    rmSync(this.dir, { recursive: true });
  }
}

/** Runs `body` with a place, and ends that. */
export async function withPlace(/** @type {Runtime} */ runtime, /** @type {(place: Place) => Promise<void>} */ body) {
  const place = new Place(runtime);
  await body(place);
  await place.end();
}

/** Fails if a process, cgroup, mount or file of a runtime's state bears the marker. A dying one has ten seconds: the machine is slow. */
export async function nothingLeft(/** @type {string} */ marker) {
  const look = () => [
    ...processesOf(marker).map(({ pid, what }) => `process ${pid}: ${what}`),
    ...cgroupsOf(marker, '/sys/fs/cgroup', 8),
    ...mountsOf(marker),
    ...['/run/runc', '/run/crun'].flatMap((dir) =>
      (existsSync(dir) ? readdirSync(dir) : []).filter((name) => name.includes(marker)).map((name) => join(dir, name)),
    ),
  ];
  for (let tries = 0; tries < 200 && look().length > 0; tries++) await delay(50);
  assert.deepEqual(look(), [], 'nothing is left');
}

/** Writes a bundle that runs a shell script: on this machine, or in a busybox container. */
export async function writeBundle(
  /** @type {string} */ bundle,
  /** @type {Runtime} */ runtime,
  /** @type {string} */ script,
  /** @type {import('outlive').LinuxResources} */ resources = {},
) {
  const process = { args: ['sh', '-c', script], env: ['PATH=/bin:/usr/bin:/sbin:/usr/sbin'], cwd: '/' };
  if (runtime === 'host') return writeHostBundle(bundle, { ...process, resources });
  const rootfs = join(bundle, 'rootfs');
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp']) mkdirSync(join(rootfs, name), { recursive: true });
  copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'));
  chmodSync(join(rootfs, 'bin/busybox'), 0o755);
  for (const applet of APPLETS) symlinkSync('busybox', join(rootfs, 'bin', applet));
  execFileSync(runtime, ['spec'], { cwd: bundle });
  const path = join(bundle, 'config.json');
  const spec = JSON.parse(readFileSync(path, 'utf8'));
  spec.process = { ...spec.process, terminal: false, ...process };
  spec.root.readonly = false;
  spec.linux.resources = { ...spec.linux.resources, ...resources };
  writeFileSync(path, JSON.stringify(spec));
  return bundle;
}

/** Changes the process in a bundle's config.json. */
export function changeProcess(/** @type {string} */ bundle, /** @type {object} */ changes) {
  const path = join(bundle, 'config.json');
  const spec = JSON.parse(readFileSync(path, 'utf8'));
  Object.assign(spec.process, changes);
  writeFileSync(path, JSON.stringify(spec));
}

/** The directory of a process's cgroup; the file system has no other hierarchy than v2. */
export function cgroupOf(/** @type {number} */ pid) {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  assert.equal(lines.length, 1, 'cgroup v2 only');
  return join('/sys/fs/cgroup', String(lines[0]).slice('0::'.length));
}
