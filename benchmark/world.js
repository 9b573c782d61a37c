/**
 * For every measurement: temporary directories on tmpfs and disk, the compiled floors, bundles, and a list of everything
 * that was started, so that nothing is left behind however the benchmark ends.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Container, writeHostBundle } from '../dist/index.js';
import { statOf } from '../test/support/proc.js';

/** @typedef {import('../dist/index.js').Process} Process */
/** @typedef {import('../dist/index.js').ContainerOptions} ContainerOptions */

/**
 * One row of the table.
 * @typedef {object} Row
 * @property {string} figure
 * @property {number} ours
 * @property {string} unit
 * @property {number | undefined} peer
 * @property {string} peerName
 * @property {number | undefined} ratio ours divided by the peer's
 * @property {string | undefined} goal
 * @property {boolean | undefined} met
 */

const FLOORS = join(import.meta.dirname, 'floors');

export class World {
  /** @type {string[]} */
  #dirs = [];
  /** @type {Map<string, { container: Container, process: Process }>} */
  #running = new Map();
  #names = 0;
  /** @type {Set<Promise<Process>>} */
  #starting = new Set();
  /** @type {Set<import('node:child_process').ChildProcess>} */
  #children = new Set();
  /** @type {Set<number>} */
  #strays = new Set();
  #over = false;

  /** `containers`: how many a supervisor of many has; `processes`: how many live ones. */
  constructor(
    /** @type {{ quick: boolean, containers: number, processes?: number }} */ { quick, containers, processes = 10_000 },
  ) {
    this.quick = quick;
    this.containers = containers;
    this.processes = processes;
    this.disk = this.#makeDir(tmpdir());
    this.tmpfs = existsSync('/dev/shm') ? this.#makeDir('/dev/shm') : this.disk;
  }

  #makeDir(/** @type {string} */ parent) {
    const dir = mkdtempSync(join(parent, 'outlive-bench-'));
    this.#dirs.push(dir);
    return dir;
  }

  /** Compiles benchmark/floors/*.c. */
  compile() {
    const out = this.#bin;
    mkdirSync(out);
    for (const file of readdirSync(FLOORS).filter((name) => name.endsWith('.c'))) {
      const binary = join(out, file.slice(0, -2));
      execFileSync('cc', ['-std=gnu11', '-O2', '-static', '-o', binary, join(FLOORS, file)]);
    }
  }

  get #bin() {
    return join(this.tmpfs, 'bin');
  }

  /** The path of a compiled floor. */
  bin(/** @type {string} */ name) {
    return join(this.#bin, name);
  }

  name() {
    this.#names += 1;
    return `b${this.#names}`;
  }

  /** A new directory under `parent`. */
  dir(parent = this.tmpfs) {
    const dir = join(parent, this.name());
    mkdirSync(dir, { mode: 0o700 });
    return dir;
  }

  /** A bundle for the host runtime and, by the file `command`, for the do-nothing one. */
  async bundle(/** @type {string[]} */ args, { terminal = false } = {}) {
    const dir = await writeHostBundle(join(this.tmpfs, this.name()), { args, terminal });
    writeFileSync(join(dir, 'command'), args.join('\n') + '\n');
    return dir;
  }

  async create(/** @type {Partial<ContainerOptions> & { root: string, bundle: string }} */ options) {
    return Container.create({ id: this.name(), runtime: this.bin('runtime'), ...options });
  }

  async start(
    /** @type {Container} */ container,
    /** @type {import('../dist/index.js').StartOptions | undefined} */ options = undefined,
  ) {
    if (this.#over) throw new Error('the benchmark is over');
    const starting = container.start(options);
    this.#starting.add(starting);
    try {
      const process = await starting;
      this.#running.set(container.id, { container, process });
      return process;
    } finally {
      this.#starting.delete(starting);
    }
  }

  /** A child that cleans up after itself when it is terminated. */
  child(/** @type {import('node:child_process').ChildProcess} */ child) {
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
  }

  /** Notes the pid of a peer's process that runs, or (`isRunning` false) that it has ended. */
  stray(/** @type {number} */ pid, isRunning = true) {
    if (isRunning) this.#strays.add(pid);
    else this.#strays.delete(pid);
  }

  /** Takes a container that was loaded again, in place of its closed object. */
  adopt(/** @type {Container} */ container) {
    this.#running.set(container.id, { container, process: onlyProcess(container) });
  }

  /** Forgets a container that was deleted by another object. */
  forget(/** @type {string} */ id) {
    this.#running.delete(id);
  }

  async end(/** @type {Container} */ container) {
    const entry = this.#running.get(container.id);
    if (entry === undefined) return;
    if (!entry.process.hasEnded) {
      entry.process.signal('SIGKILL');
      await entry.process.wait();
    }
    await container.delete();
    this.#running.delete(container.id);
  }

  /** Ends and removes everything. A container that resists is named; the rest is still removed. */
  async cleanUp() {
    this.#over = true;
    for (const pid of this.#strays) process.kill(pid, 'SIGKILL');
    const exits = [...this.#children].map((child) => once(child, 'exit'));
    for (const child of this.#children) child.kill('SIGTERM');
    await Promise.all(exits);
    while (this.#starting.size > 0) await Promise.allSettled(this.#starting);
    const containers = [...this.#running.values()].map((entry) => entry.container);
    let allEnded = true;
    await atATime(16, containers, async (container) => {
      try {
        await this.end(container);
      } catch (error) {
        allEnded = false;
        console.error(`benchmark: ${container.id} could not be ended: ${messageOf(error)}`);
      }
    });
    // What still runs can only be ended by its state: keep it.
    if (allEnded) for (const dir of this.#dirs) rmSync(dir, { recursive: true, force: true });
    else console.error(`benchmark: kept ${this.#dirs.join(', ')}`);
  }
}

/** The process of a container that has one. */
export function onlyProcess(/** @type {Container} */ container) {
  const [process] = container.processes();
  if (process === undefined) throw new Error(`${container.id} has no process`);
  return process;
}

function messageOf(/** @type {unknown} */ error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Settles as `task` does, or rejects on SIGINT and SIGTERM.
 * @template T
 * @param {Promise<T>} task
 * @returns {Promise<T>}
 */
export function untilInterrupted(task) {
  return new Promise((resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error(`ended by ${signal}`)));
    task.then(resolve, reject);
  });
}

/**
 * Runs `task` over all items, `width` of them at a time.
 * @template T
 * @param {number} width
 * @param {T[]} items
 * @param {(item: T) => Promise<unknown>} task
 */
export async function atATime(width, items, task) {
  const queue = [...items];
  const worker = async () => {
    while (queue.length > 0) await task(/** @type {T} */ (queue.shift()));
  };
  await Promise.all(Array.from({ length: width }, worker));
}

export function median(/** @type {number[]} */ values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const at = (/** @type {number} */ index) => sorted[index] ?? NaN;
  return sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
}

/** The shim of a supervised process: its parent, once the runtime between them has left. */
export async function shimOf(/** @type {number} */ pid) {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const parent = statOf(pid)?.parent ?? 0;
    if (statOf(parent)?.name === 'outlive-shim') return parent;
    await delay(1);
  }
  throw new Error(`process ${pid} was not adopted by a shim`);
}

/** Time on a processor, milliseconds; finer than the ticks of /proc/<pid>/stat. */
export function cpuMs(/** @type {number} */ pid) {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

export function privateDirtyKb(/** @type {number} */ pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(rollup)?.[1]);
}

/**
 * @param {string} figure
 * @param {{ ours: number, unit: string, peer?: number, peerName?: string, goal?: string, met?: boolean }} values
 * @returns {Row}
 */
export function row(figure, { ours, unit, peer, peerName = '', goal, met }) {
  return { figure, ours, unit, peer, peerName, ratio: peer === undefined ? undefined : ours / peer, goal, met };
}
