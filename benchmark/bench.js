/**
 * npm run bench [-- --quick] [--only name] [--containers number]: measures the figures of docs/performance.md beside their peers and floors in
 * one run, and prints the table and the machine. Medians; rounds of ours and the peer's take turns.
 */
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { durable } from './durable.js';
import { events } from './events.js';
import { importing } from './import.js';
import { log } from './log.js';
import { logReaders } from './log-readers.js';
import { eventLoop } from './loop.js';
import { many } from './many.js';
import { shimMemory } from './memory.js';
import { members } from './members.js';
import { hasConmon, loadNodePty } from './peers.js';
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
  events,
  members,
};

function missingPeers() {
  const peers = [
    ['node-pty', loadNodePty() !== undefined],
    ['conmon', hasConmon],
  ];
  return peers.filter(([, isInstalled]) => !isInstalled).map(([name]) => `${name} (not installed)`);
}

function number(/** @type {number} */ value) {
  if (value === 0 || value >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}

function printTable(/** @type {import('./world.js').Row[]} */ rows) {
  const title = ['figure', 'ours', 'peer or floor', 'ratio', 'goal', 'met'];
  const cells = [
    title,
    ...rows.map(({ figure, ours, unit, peer, peerName, ratio, goal, met }) => [
      figure,
      `${number(ours)} ${unit}`.trim(),
      peer === undefined ? '' : `${peerName} ${number(peer)} ${unit}`,
      ratio === undefined ? '' : ratio.toFixed(2),
      goal?.trim() ?? '',
      met === undefined ? '' : met ? 'yes' : 'no',
    ]),
  ];
  const widths = title.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const print = (/** @type {string[]} */ line) =>
    console.log(`| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  print(title);
  print(widths.map((width) => '-'.repeat(width)));
  for (const line of cells.slice(1)) print(line);
}

function printMachine() {
  const model = cpus()[0]?.model ?? 'unknown processor';
  console.log(
    `\n${cpus().length} × ${model.trim()}, ${(totalmem() / 1e9).toFixed(0)} GB, Linux ${release()}, Node.js ${process.version}`,
  );
  const missing = missingPeers();
  if (missing.length > 0) console.log(`Left out: ${missing.join(', ')}.`);
}

async function main() {
  const {
    quick,
    containers,
    only = Object.keys(MEASUREMENTS),
  } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      containers: { type: 'string' },
    },
  }).values;
  const unknown = only.filter((name) => !(name in MEASUREMENTS));
  if (unknown.length > 0) {
    console.error(`benchmark: no ${unknown.join(', ')}; there are ${Object.keys(MEASUREMENTS).join(', ')}`);
    return 2;
  }
  const count = Number(containers ?? (quick ? 500 : 5000));
  if (!Number.isSafeInteger(count) || count < 4) {
    console.error('benchmark: --containers takes a number from 4 on');
    return 2;
  }
  const world = new World({ quick, containers: count });
  /** @type {import('./world.js').Row[]} */
  const rows = [];
  try {
    world.compile();
    const measureAll = async () => {
      for (const name of only) {
        console.error(`benchmark: ${name} …`);
        rows.push(...((await MEASUREMENTS[name]?.(world)) ?? []));
      }
    };
    await untilInterrupted(measureAll());
    return 0;
  } finally {
    await world.cleanUp();
    if (rows.length > 0) printTable(rows);
    printMachine();
  }
}

process.exitCode = await main().catch((error) => {
  console.error(`benchmark: ${error.stack}`);
  return 1;
});
// A measurement that was interrupted may still hold timers; all that it started has been ended.
process.exit();
