/**
 * The fault harness: random faults at random instants. Each round has its own state root, and afterwards is checked for
 * leftovers. Seed and number repeat a round:
 *
 *     npm run chaos -- --rounds 500 --seed 1 [--only <scenario>] [--runtime runc] [--round <number>]
 *     npm run chaos -- --many 10000
 *
 * Exits with 1 if a known status was lost, a wait hung, something was left, a process of another container was ended, or
 * anything else was wrong.
 */
import { accessSync, constants, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Finding, within } from './failures.js';
import { many } from './many.js';
import { Random } from './random.js';
import { Round } from './round.js';
import { scenarios } from './scenarios/index.js';

const ROUND_LIMIT_MS = 60_000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
    round: { type: 'string' },
    runtime: { type: 'string' },
    many: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

function onPath(/** @type {string} */ program) {
  return (process.env.PATH ?? '').split(':').some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @typedef {{ number: number, scenario: string, kind: import('./failures.js').Kind, message: string }} Failure */

/** Plays one round to its end; gives what was wrong. */
async function play(/** @type {import('./scenarios/index.js').Scenario} */ scenario, /** @type {Round} */ round) {
  /** @type {{ kind: import('./failures.js').Kind, message: string }[]} */
  const found = [];
  try {
    await within('the round', Promise.race([scenario.run(round), interrupted]), scenario.limitMs ?? ROUND_LIMIT_MS);
  } catch (error) {
    const kind = error instanceof Finding ? error.kind : 'wrong';
    const cause = error instanceof Error && error.cause !== undefined ? `: ${String(error.cause)}` : '';
    found.push({
      kind,
      message: `${String(error)}${cause}${values.verbose ? `\n${error instanceof Error ? String(error.stack) : ''}` : ''}`,
    });
  }
  for (const message of await round.end()) found.push({ kind: 'left', message });
  return found.map(({ kind, message }) => ({ kind, message: `${message} [${round.notes.join('; ')}]` }));
}

/** @type {string | undefined} */
let interruptedBy;
/** Rejects on SIGINT and SIGTERM, so that an interrupted round still cleans up. */
const interrupted = new Promise((_, reject) => {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
    process.once(signal, () => {
      interruptedBy = signal;
      reject(new Finding('wrong', `interrupted by ${signal}`));
    });
  }
});
interrupted.catch(() => undefined);

const seed = Number(values.seed);
const isRoot = process.geteuid?.() === 0;
const available = ['host', ...(isRoot && onPath('runc') && onPath('busybox') ? ['runc'] : [])];
/** @type {[string, ...string[]]} */
const runtimes = values.runtime === undefined ? /** @type {any} */ (available) : [values.runtime];
const tools = { isRoot, has: onPath };
const notes = available.length > 1 ? [] : ['no runc here (or not root): the host runtime only'];
const known = values.many === undefined ? scenarios : [many(Number(values.many))];
const playable = known.filter((scenario) => {
  if (values.only !== undefined && scenario.name !== values.only) return false;
  const lacks = scenario.needs?.(tools);
  if (lacks !== undefined) notes.push(`skipped: ${scenario.name}, for want of ${lacks}`);
  return lacks === undefined;
});
const [first] = playable;
if (first === undefined) {
  console.error(`nothing to play; the scenarios are ${scenarios.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

/** The scenario of a round: first each of them once, then at random by their weights. */
function choose(/** @type {number} */ number) {
  const inTurn = playable[number];
  if (inTurn !== undefined) return inTurn;
  let at = new Random(seed, -2 - number).next() * playable.reduce((sum, { weight }) => sum + weight, 0);
  return playable.find(({ weight }) => (at -= weight) < 0);
}

const base = realpathSync(mkdtempSync(join(tmpdir(), 'outlive-chaos-')));
// Node opens an inotify descriptor once and keeps it: before the first round counts descriptors.
watch(base, { persistent: false }).close();
const began = performance.now();
/** @type {Map<string, number>} */
const played = new Map();
/** @type {Failure[]} */
const failures = [];
const count = values.many === undefined ? Number(values.rounds) : 1;
const numbers = values.round === undefined ? Array.from({ length: count }, (_, i) => i) : [Number(values.round)];
try {
  for (const number of numbers) {
    if (interruptedBy !== undefined) break;
    const scenario = choose(number) ?? first;
    const started = performance.now();
    const found = await play(scenario, new Round(base, seed, number, runtimes, onPath));
    played.set(scenario.name, (played.get(scenario.name) ?? 0) + 1);
    for (const one of found) failures.push({ number, scenario: scenario.name, ...one });
    if (values.verbose) {
      console.log(`${number} ${scenario.name} ${(performance.now() - started).toFixed(0)} ms ${found.length || ''}`);
    }
    for (const { kind, message } of found) console.error(`round ${number} (${scenario.name}): ${kind}: ${message}`);
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}

const countOf = (/** @type {string} */ kind) => failures.filter((failure) => failure.kind === kind).length;
for (const { name } of playable) console.log(`${name.padEnd(28)} ${String(played.get(name) ?? 0).padStart(6)}`);
console.log(`${'rounds'.padEnd(28)} ${String(numbers.length).padStart(6)}   seed ${seed}`);
for (const note of notes) console.log(note);
console.log(`lost that should be known: ${countOf('lost')}`);
console.log(`hung: ${countOf('hung')}`);
console.log(`left behind: ${countOf('left')}`);
console.log(`another's ended: ${countOf('another')}`);
console.log(`otherwise wrong: ${countOf('wrong')}`);
console.log(`${((performance.now() - began) / 1000).toFixed(1)} s`);
for (const { number, scenario, kind, message } of failures) {
  console.log(`\nround ${number}, ${scenario}: ${kind}: ${message}`);
  const only = values.only === undefined ? '' : ` --only ${values.only}`;
  const runtime = values.runtime === undefined ? '' : ` --runtime ${values.runtime}`;
  console.log(`  again: npm run chaos -- --seed ${seed} --round ${number}${only}${runtime}`);
}
// A wait that hung may keep the event loop alive.
process.exit(failures.length === 0 ? 0 : 1);
