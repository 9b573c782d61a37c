/**
 * npm run bench [-- --quick] [--only name] [--containers number] [--processes number]: measures the figures of docs/performance.md beside their peers
 * and floors in one run, and prints the table and the machine; `--json` for programs; `--write` puts the table into the page.
 * `--check` fails if a ratio is 1.3 times worse than recorded.json has it. Medians; rounds of ours and the peer's take turns.
 */
import { parseArgs } from 'node:util';
import { durable } from './durable.js';
import { events } from './events.js';
import { importing } from './import.js';
import { live } from './live.js';
import { log } from './log.js';
import { logReaders } from './log-readers.js';
import { eventLoop } from './loop.js';
import { many } from './many.js';
import { shimMemory } from './memory.js';
import { members } from './members.js';
import { json, machine, missingPeers, table, unwatched, worsened, writePage } from './report.js';
import { pidFile, rates, rawSpawn, start } from './starts.js';
import { stdout, terminal } from './throughput.js';
import { turns } from './turns.js';
import { World, untilInterrupted } from './world.js';

/** @type {Record<string, (world: World) => Promise<import('./world.js').Row[]>>} */
const MEASUREMENTS = {
  start,
  durable,
  pidFile,
  rates,
  eventLoop,
  turns,
  rawSpawn,
  shimMemory,
  stdout,
  terminal,
  log,
  logReaders,
  importing,
  many,
  live,
  events,
  members,
};

/** Those whose ratios are recorded: quick, and steady enough on a machine that does nothing else. */
const WATCHED = ['start', 'rawSpawn', 'stdout', 'log', 'importing'];
/** A ratio that is worse each time is worse; one that is worse once had a neighbour. */
const ATTEMPTS = 3;

async function main() {
  const options = /** @type {const} */ ({
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    containers: { type: 'string' },
    processes: { type: 'string' },
  });
  const { quick, json: asJson, write, check, only, containers, processes } = parseArgs({ options }).values;
  const names = only ?? (check ? WATCHED : Object.keys(MEASUREMENTS));
  const unknown = names.filter((name) => !(name in MEASUREMENTS));
  if (unknown.length > 0) {
    console.error(`benchmark: no ${unknown.join(', ')}; there are ${Object.keys(MEASUREMENTS).join(', ')}`);
    return 2;
  }
  const count = Number(containers ?? (quick ? 500 : 5000));
  if (!Number.isSafeInteger(count) || count < 4) {
    console.error('benchmark: --containers takes a number from 4 on');
    return 2;
  }
  const processCount = Number(processes ?? (quick ? 1000 : 10_000));
  if (!Number.isSafeInteger(processCount) || processCount < 200) {
    console.error('benchmark: --processes takes a number from 200 on');
    return 2;
  }
  const world = new World({ quick: quick || check, containers: count, processes: processCount });
  /** @type {import('./world.js').Row[]} */
  const rows = [];
  try {
    world.compile();
    if (check) return await untilInterrupted(compareWithRecorded(world, names));
    await untilInterrupted(measure(world, names, rows));
    return 0;
  } finally {
    await world.cleanUp();
    if (asJson) console.log(json(rows));
    else if (rows.length > 0) console.log(`${table(rows)}\n\n${machine()}`);
    const missing = missingPeers();
    if (missing.length > 0) console.error(`Left out: ${missing.join(', ')} (not installed).`);
    if (write) writePage(rows);
  }
}

/**
 * @param {World} world
 * @param {string[]} names
 * @param {import('./world.js').Row[]} rows where to add what was measured
 */
async function measure(world, names, rows) {
  for (const name of names) {
    console.error(`benchmark: ${name} …`);
    rows.push(...((await MEASUREMENTS[name]?.(world)) ?? []));
  }
}

/** Measures what is recorded; what is worse is measured again. Returns the exit status. */
async function compareWithRecorded(/** @type {World} */ world, /** @type {string[]} */ names) {
  /** @type {string[]} */
  const failures = [];
  /** @type {import('./world.js').Row[]} */
  const all = [];
  for (const name of names) {
    /** @type {string[]} */
    let worse = [];
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      /** @type {import('./world.js').Row[]} */
      const rows = [];
      await measure(world, [name], rows);
      all.push(...rows);
      console.log(table(rows));
      worse = worsened(rows);
      if (worse.length === 0) break;
      console.log(`worse than recorded, attempt ${attempt}:\n  ${worse.join('\n  ')}`);
    }
    failures.push(...worse);
  }
  // A figure that was renamed would not be watched any more.
  if (names === WATCHED) failures.push(...unwatched(all).map((name) => `${name}: recorded, and not measured`));
  if (failures.length > 0) console.error(`benchmark: worse than recorded:\n  ${failures.join('\n  ')}`);
  return failures.length > 0 ? 1 : 0;
}

process.exitCode = await main().catch((error) => {
  console.error(`benchmark: ${error.stack}`);
  return 1;
});
// A measurement that was interrupted may still hold timers; all that it started has been ended.
process.exit();
