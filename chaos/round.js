/**
 * One round: its state root, helpers to make containers in it, and at the end the check for leftovers. Every process
 * that a round starts has the round's marker in its arguments, directory or environment.
 */
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Container, makeStdioFifos, writeHostBundle } from '../dist/index.js';
import { childrenOf, openDescriptors, processesOf, shimIn } from '../test/support/proc.js';
import { Finding, until, within } from './failures.js';
import { cgroupsOf, mountsOf } from './leftovers.js';
import { Random } from './random.js';
import { Supervisor } from './supervisor.js';

const PATH = 'PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';
const TIMEOUT_MS = 8000;
/** The number of leftovers that are printed. */
const MAX_TOLD = 20;

export class Round {
  /** @type {Container[]} */
  #containers = [];
  /** @type {Supervisor[]} */
  #supervisors = [];
  /** @type {(() => unknown)[]} */
  #atEnd = [];
  #serial = 0;
  /** @type {string[]} */
  notes = [];
  #descriptors = openDescriptors();

  /**
   * @param {string} base the harness's directory
   * @param {number} seed
   * @param {number} number
   * @param {[string, ...string[]]} runtimes what there is to choose from
   * @param {(program: string) => boolean} has whether a program is on PATH
   */
  constructor(base, seed, number, runtimes, has) {
    this.base = base;
    this.has = has;
    this.marker = `chaos-${process.pid}-${number}-`;
    this.dir = join(base, this.marker);
    this.root = join(this.dir, 'state');
    this.random = new Random(seed, number);
    /** Mostly the host runtime, which is faster. */
    this.runtime = runtimes.length > 1 && this.random.chance(0.15) ? this.random.pick(runtimes.slice(1)) : runtimes[0];
    this.note(this.runtime);
    mkdirSync(this.root, { recursive: true, mode: 0o700 });
  }

  /** Records a choice, to be printed if the round fails. */
  note(/** @type {string} */ text) {
    this.notes.push(text);
  }

  /** A name with the marker in it. */
  name(/** @type {string} */ what) {
    return `${this.marker}${what}${this.#serial++}`;
  }

  mkdir(/** @type {string} */ what) {
    const path = join(this.dir, this.name(what));
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  fifos(terminal = false) {
    return makeStdioFifos(this.mkdir('io'), { terminal });
  }

  /**
   * A bundle for the round's runtime.
   * @param {string} script for sh
   */
  async bundle(script, { terminal = false, runtime = this.runtime } = {}) {
    const dir = this.mkdir('bundle');
    const args = ['sh', '-c', script];
    const env = [PATH, `CHAOS=${this.marker}`];
    if (runtime !== 'runc' && runtime !== 'crun') return writeHostBundle(dir, { args, env, cwd: this.dir, terminal });
    const { spec, rootfs } = containerTemplate(this.base, runtime);
    const config = {
      ...spec,
      root: { path: rootfs, readonly: true },
      process: { ...spec.process, args, env, terminal },
    };
    writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
    return dir;
  }

  /** Options for Container.create. */
  async options(/** @type {string} */ script, /** @type {Record<string, any>} */ { terminal = false, ...more } = {}) {
    const runtime = more.runtime ?? this.runtime;
    const bundle = await this.bundle(script, { terminal, runtime: more.bundleFor ?? runtime });
    delete more.bundleFor;
    return { root: this.root, id: this.name('c'), bundle, runtime, timeoutMs: TIMEOUT_MS, ...more };
  }

  /** A container in this process. */
  async create(/** @type {string} */ script, /** @type {Record<string, any>} */ more = {}) {
    return this.keep(await Container.create(await this.options(script, more)));
  }

  load(/** @type {string} */ id, /** @type {{ timeoutMs?: number }} */ options = { timeoutMs: TIMEOUT_MS }) {
    return within(
      'load',
      Container.load(this.root, id, options).then((container) => this.keep(container)),
    );
  }

  /** Closes it at the end of the round. */
  keep(/** @type {Container} */ container) {
    this.#containers.push(container);
    return container;
  }

  /** A supervisor in another process. */
  async supervisor(/** @type {string[]} */ prefix = []) {
    const supervisor = new Supervisor(this.marker, prefix);
    this.#supervisors.push(supervisor);
    await supervisor.ask('hello');
    return supervisor;
  }

  /** Registers something to do at the end in any case, before the check for leftovers. */
  atEnd(/** @type {() => unknown} */ action) {
    this.#atEnd.unshift(action);
  }

  /** The path of a file in a process directory. */
  file(/** @type {string} */ id, /** @type {string} */ name, processId = 'init') {
    return join(this.root, id, processId, name);
  }

  /** The pid of the shim that serves a process. */
  shimOf(/** @type {string} */ id, processId = 'init') {
    return shimIn(join(this.root, id, processId));
  }

  /** Waits for the exit of a process; another status than this is a finding. */
  async expectEnd(
    /** @type {import('../dist/index.js').Process} */ process,
    /** @type {number} */ status,
    limitMs = 5000,
  ) {
    const exit = await within(`the end of ${process.id}`, process.wait(), limitMs);
    if (exit.status === status) return;
    const told = exit.lost === undefined ? `status ${exit.status}` : `lost (${exit.lost})`;
    throw new Finding(
      exit.lost === undefined ? 'wrong' : 'lost',
      `${process.id} ended with ${status}, told was ${told}`,
    );
  }

  /** Deletes a container; then its id must be usable for a new one. */
  async deleteAndReuse(/** @type {Container} */ container) {
    await within('delete', container.delete(), 20_000);
    await this.reuse(container.id, container.runtime);
  }

  async reuse(/** @type {string} */ id, /** @type {string} */ runtime = this.runtime) {
    const code = this.random.int(0, 255);
    const again = await this.create(`exit ${code}`, { id, runtime });
    const process = await within('start of a used id', again.start(), 20_000);
    await this.expectEnd(process, code);
    await within('delete of a used id', again.delete(), 20_000);
  }

  /**
   * Ends the round: closes everything and checks for leftovers.
   * @returns {Promise<string[]>} the leftovers
   */
  async end() {
    for (const action of this.#atEnd) await action();
    for (const container of this.#containers) container.close();
    await this.killSupervisors();
    const left = await until('nothing left', () => this.#leftovers().length === 0 && [], { limitMs: 3000 }).catch(() =>
      this.#leftovers(),
    );
    this.#sweep();
    return left.length > MAX_TOLD ? [...left.slice(0, MAX_TOLD), `and ${left.length - MAX_TOLD} more`] : left;
  }

  async killSupervisors() {
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.kill()));
  }

  #leftovers() {
    const open = openDescriptors();
    return [
      ...entries(this.root).map((name) => `in the state root: ${name}`),
      ...processesOf(this.marker).map(({ pid, what }) => `process ${pid}: ${what}`),
      ...childrenOf().map((pid) => `child ${pid}`),
      ...mountsOf(this.marker).map((path) => `mount: ${path}`),
      ...cgroupsOf(this.marker).map((path) => `cgroup: ${path}`),
      ...(open.length > this.#descriptors.length
        ? open.filter((to) => !this.#descriptors.includes(to)).map((to) => `descriptor: ${to}`)
        : []),
    ];
  }

  /** Removes the leftovers, so that the next round begins without them. */
  #sweep() {
    for (const { pid } of processesOf(this.marker)) {
      tryTo(() => process.kill(pid, 'SIGKILL'));
    }
    for (const path of mountsOf(this.marker)) spawnSync('umount', ['-l', path]);
    for (const path of cgroupsOf(this.marker)) tryTo(() => rmdirSync(path));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Runs an action whose object may be gone by now. */
function tryTo(/** @type {() => unknown} */ action) {
  try {
    action();
  } catch {
    // Reported as left behind already.
  }
}

function entries(/** @type {string} */ dir) {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

const APPLETS = ['sh', 'cat', 'echo', 'printf', 'sleep', 'stty', 'true', 'kill', 'head', 'tr'];
/** @type {{ spec: any, rootfs: string } | undefined} */
let template;

/** The runtime's own `spec`, and the root file system that all container bundles of a run share. */
function containerTemplate(/** @type {string} */ base, /** @type {string} */ runtime) {
  if (template !== undefined) return template;
  const dir = join(base, 'template');
  const bin = join(dir, 'rootfs', 'bin');
  for (const path of ['bin', 'proc', 'sys', 'dev', 'tmp']) mkdirSync(join(dir, 'rootfs', path), { recursive: true });
  copyFileSync('/bin/busybox', join(bin, 'busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(bin, applet));
  execFileSync(runtime, ['spec'], { cwd: dir });
  template = { spec: JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')), rootfs: join(dir, 'rootfs') };
  return template;
}
