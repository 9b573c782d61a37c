/**
 * Many processes that exit at the same moment. Several supervisors start them; all wait at one FIFO, the gate. When it
 * opens, the supervisors must report each exit once, with the exact status. Then they are killed, and other supervisors,
 * which load everything, must do the same. As a third count each process appends its pid to a file, the ledger.
 *
 *     npm run chaos -- --many 10000
 */
import { closeSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { posix } from '../dist/index.js';
import { Finding, check, until } from './failures.js';
import { allPids, processesOf } from '../test/support/proc.js';

/** The number of processes of one supervisor; each takes two of its descriptors until it has ended. */
const SHARE = 2500;
const DESCRIPTORS_EACH = 2;
/** A shim and its process; and pids to spare for other programs of the machine. */
const PROCESSES_EACH = 2;
const PROCESSES_SPARE = 2000;
/** The time limit of each step: a base, and more for each process. */
const LIMIT_MS = 60_000;
const LIMIT_EACH_MS = 40;

/** @returns {import('./scenarios/index.js').Scenario} */
export function many(/** @type {number} */ count) {
  return {
    name: `many (${count})`,
    weight: 1,
    limitMs: 4 * (LIMIT_MS + count * LIMIT_EACH_MS),
    run: (round) => run(round, count),
  };
}

/** @typedef {{ id: string, status?: number, lost?: string }} Told */

async function run(/** @type {import('./round.js').Round} */ round, /** @type {number} */ count) {
  checkRoom(count);
  const limitMs = LIMIT_MS + count * LIMIT_EACH_MS;
  const gate = new Gate(join(round.dir, 'gate'));
  const ledger = join(round.dir, 'ledger');
  round.atEnd(() => gate.close());
  round.atEnd(() => endAll(round, limitMs));
  const codes = Array.from({ length: Math.min(count, 256) }, (_, code) => code);
  const scripts = codes.map((code) => `read x <${gate.path}; echo $$ >>${ledger}; exit ${code}`);
  const bundles = await Promise.all(scripts.map((script) => round.bundle(script, { runtime: 'host' })));
  const ids = Array.from({ length: count }, () => round.name('c'));
  const codeOf = new Map(ids.map((id, i) => [id, i % 256]));
  const shares = sharesOf(ids);
  /** Runs an operation in each supervisor, with its share of the ids; gives all answers in one list. */
  const askAll = async (
    /** @type {import('./supervisor.js').Supervisor[]} */ supervisors,
    /** @type {string} */ operation,
    /** @type {(ids: string[]) => object} */ args,
  ) => {
    const answers = supervisors.map((one, i) => one.ask(operation, args(shares[i] ?? []), limitMs));
    return (await Promise.all(answers)).flat();
  };
  const { root } = round;
  const clock = new Clock();

  const starters = await Promise.all(shares.map(() => round.supervisor()));
  const jobsOf = (/** @type {string[]} */ share) =>
    share.map((id) => ({ id, bundle: bundles[/** @type {number} */ (codeOf.get(id))] }));
  const pids = await askAll(starters, 'startMany', (share) => ({ root, jobs: jobsOf(share), timeoutMs: limitMs }));
  console.log(`${pids.length} processes of ${starters.length} supervisors started in ${clock.lap()}`);

  gate.open(count);
  const told = await askAll(starters, 'endsOfMany', () => ({ limitMs: limitMs - 5000 }));
  const wrong = [report('told to those who started them', told, codeOf, clock)];
  wrong.push(reportLedger(readFileSync(ledger, 'utf8'), pids));
  await Promise.all(starters.map((one) => one.kill()));

  clock.lap();
  const others = await Promise.all(shares.map(() => round.supervisor()));
  const found = await askAll(others, 'loadMany', (share) => ({ root, ids: share, limitMs: limitMs - 5000 }));
  wrong.push(report('told to others afterwards', found, codeOf, clock));
  await askAll(others, 'deleteMany', () => ({}));
  console.log(`deleted in ${clock.lap()}; left in the state root: ${readdirSync(root).length}`);
  const sum = (/** @type {'missed' | 'other'} */ what) => wrong.reduce((total, counts) => total + counts[what], 0);
  if (sum('missed') > 0) throw new Finding('lost', `${sum('missed')} ends missed`);
  check(sum('other') === 0, `${sum('other')} ends told twice, or not as they were`);
}

/** Divides the ids equally among as few supervisors as the limit of descriptors allows, at least two. */
function sharesOf(/** @type {string[]} */ ids) {
  const limit = /** @type {{ hard: number | 'unlimited' }} */ (descriptorLimit()).hard;
  const most = limit === 'unlimited' ? SHARE : Math.min(SHARE, Math.floor((limit - 200) / DESCRIPTORS_EACH));
  const supervisors = Math.max(2, Math.ceil(ids.length / most));
  const size = Math.ceil(ids.length / supervisors);
  return Array.from({ length: supervisors }, (_, i) => ids.slice(i * size, (i + 1) * size));
}

function descriptorLimit() {
  const [, hard = 'unlimited'] = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return { hard: hard === 'unlimited' ? hard : Number(hard) };
}

function checkRoom(/** @type {number} */ count) {
  check(Number.isSafeInteger(count) && count > 1, `--many takes a number from 2 on, not ${count}`);
  const pidMax = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
  const used = allPids().length;
  const most = Math.floor((pidMax - used - PROCESSES_SPARE) / PROCESSES_EACH);
  check(count <= most, `kernel.pid_max is ${pidMax}: there is room for ${most}`);
}

/** A FIFO at which processes wait. Opening it writes one byte for each, also for those that come later. */
class Gate {
  #fd;

  constructor(/** @type {string} */ path) {
    this.path = path;
    posix.mkfifo(path, 0o600);
    // Both ends: with a writer no reader sees end-of-file, and with a reader the open does not block.
    this.#fd = openSync(path, 'r+');
  }

  open(/** @type {number} */ count) {
    writeSync(this.#fd, Buffer.alloc(count, '\n'));
  }

  close() {
    closeSync(this.#fd);
  }
}

class Clock {
  #last = performance.now();

  /** Seconds since the last call, as text. */
  lap() {
    const now = performance.now();
    const text = `${((now - this.#last) / 1000).toFixed(1)} s`;
    this.#last = now;
    return text;
  }
}

/**
 * @param {string} what
 * @param {Told[]} told
 * @param {Map<string, number>} codeOf
 * @param {Clock} clock
 */
function report(what, told, codeOf, clock) {
  const known = told.filter(({ status }) => status !== undefined);
  const ids = new Set(known.map(({ id }) => id));
  const missed = codeOf.size - ids.size;
  const twice = known.length - ids.size;
  const wrong = known.filter(({ id, status }) => codeOf.get(id) !== status).length;
  console.log(`${what}: ${ids.size}, missed ${missed}, twice ${twice}, wrong ${wrong}, in ${clock.lap()}`);
  for (const { id, lost } of told.filter((one) => one.lost !== undefined).slice(0, 5)) console.log(`  ${id}: ${lost}`);
  return { missed, other: twice + wrong };
}

/** Compares the pids that the processes wrote with those that were started. */
function reportLedger(/** @type {string} */ text, /** @type {number[]} */ pids) {
  const written = text.trim().split('\n').map(Number);
  const distinct = new Set(written);
  const missed = pids.filter((pid) => !distinct.has(pid)).length;
  const twice = written.length - distinct.size;
  const wrong = [...distinct].filter((pid) => !new Set(pids).has(pid)).length;
  console.log(`written by the processes: ${written.length}, missed ${missed}, twice ${twice}, wrong ${wrong}`);
  return { missed, other: twice + wrong };
}

/** Ends everything after an interruption: the processes first, so that their shims clean up after them. */
async function endAll(/** @type {import('./round.js').Round} */ round, /** @type {number} */ limitMs) {
  await round.killSupervisors();
  const isShim = (/** @type {string} */ what) => what.includes('outlive-shim ');
  const kill = () => {
    const left = processesOf(round.marker);
    // Also a runtime that is just starting a process: its shim handles that as a failure.
    for (const { pid, what } of left) if (!isShim(what)) tryKill(pid);
    return left.length === 0;
  };
  await until('the end of all', kill, { limitMs, everyMs: 200 }).catch(() => undefined);
}

function tryKill(/** @type {number} */ pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by now.
  }
}
