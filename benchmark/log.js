/**
 * Output that is kept in a log: how fast a process can write to it, in bulk and line by line, on tmpfs and on disk, each
 * beside a C program that reads the same pipe and writes one file, and beside conmon's k8s-file log.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConmonProcess, hasConmon } from './peers.js';
import { atLeastTimes } from './starts.js';
import { cpuMs, median, row, shimOf } from './world.js';

/** @typedef {import('./world.js').World} World */
/** @typedef {{ name: string, program: string, count: number, bytes: number }} Load what the process writes */
/** @typedef {{ rate: number, cpuMs: number }} Run in MB/s, and the time on a processor of the program that reads the pipe */

const MB = 1e6;
const MAX_BYTES = 16 * 1024 ** 2;
const SEGMENT_BYTES = MAX_BYTES / 8;
/** conmon is so slow that it gets this part of the bytes only. */
const CONMON_PART = 8;

/** @returns {Load[]} */
function loads(/** @type {World} */ world) {
  const bulk = (world.quick ? 256 : 1024) * MB;
  const lines = world.quick ? 500_000 : 2_000_000;
  return [
    { name: 'bulk', program: world.bin('writer'), count: bulk, bytes: bulk },
    { name: 'lines of 100 bytes', program: world.bin('lines'), count: lines, bytes: lines * 100 },
  ];
}

/** @returns {Promise<Run>} from the first line of stdin, which lets the process begin, to its recorded end. */
export async function logged(/** @type {World} */ world, /** @type {string} */ parent, /** @type {Load} */ load) {
  const begin = ['/bin/sh', '-c', 'read x; exec "$@"', 'sh', load.program, String(load.count)];
  const bundle = await world.bundle(begin);
  const root = world.dir(parent);
  const container = await world.create({ root, bundle, runtime: 'host' });
  const log = { maxBytes: MAX_BYTES, segmentBytes: SEGMENT_BYTES };
  const writer = await world.start(container, { stdio: { stdin: 'pipe', stdout: 'log' }, log });
  const shim = await shimOf(writer.systemPid);
  const stream = writer.openStdin();
  const cpuBefore = cpuMs(shim);
  const beginMs = performance.now();
  stream.end('\n');
  const exit = await writer.wait();
  const tookMs = performance.now() - beginMs;
  const cpu = cpuMs(shim) - cpuBefore;
  if (exit.status !== 0) throw new Error(`the writer ended with ${exit.status}`);
  await world.end(container);
  rmSync(root, { recursive: true });
  return { rate: load.bytes / MB / (tookMs / 1000), cpuMs: cpu };
}

/** @returns {Run} */
export function floor(/** @type {World} */ world, /** @type {string} */ parent, /** @type {Load} */ load) {
  const path = join(world.dir(parent), 'file');
  const out = execFileSync(world.bin('log'), [path, load.program, String(load.count)], { encoding: 'utf8' });
  rmSync(path);
  const [tookNs, cpuNs] = out.split(' ').map(Number);
  return { rate: load.bytes / MB / (Number(tookNs) / 1e9), cpuMs: Number(cpuNs) / 1e6 };
}

/** @returns {Promise<{ rate: number }>} of a part of the load, from conmon's start to the end that it records. */
async function byConmon(/** @type {World} */ world, /** @type {string} */ parent, /** @type {Load} */ load) {
  const count = load.count / CONMON_PART;
  const bundle = await world.bundle([load.program, String(count)]);
  const conmon = new ConmonProcess(world, parent);
  const beginMs = performance.now();
  await conmon.start(world, bundle, { maxBytes: MAX_BYTES });
  await conmon.ended(world);
  const tookMs = performance.now() - beginMs;
  rmSync(conmon.dir, { recursive: true });
  return { rate: load.bytes / CONMON_PART / MB / (tookMs / 1000) };
}

export async function log(/** @type {World} */ world) {
  const rows = [];
  for (const [place, parent] of /** @type {const} */ ([
    ['tmpfs', world.tmpfs],
    ['disk', world.disk],
  ])) {
    for (const load of loads(world)) {
      /** @type {Run[]} */
      const ours = [];
      /** @type {Run[]} */
      const peer = [];
      /** @type {{ rate: number }[]} */
      const conmon = [];
      for (let round = world.quick ? 5 : 9; round > 0; round--) {
        peer.push(floor(world, parent, load));
        ours.push(await logged(world, parent, load));
        if (hasConmon) conmon.push(await byConmon(world, parent, load));
      }
      const rate = median(ours.map((run) => run.rate));
      const floorRate = median(peer.map((run) => run.rate));
      const perGb = (/** @type {Run[]} */ runs) => (median(runs.map((run) => run.cpuMs)) / load.bytes) * 1e9;
      rows.push(
        row(`output to a log, ${load.name}, ${place}`, {
          ours: rate,
          unit: 'MB/s',
          peer: floorRate,
          peerName: 'pipe to one file, C',
          ...atLeastTimes(rate, 0.8, floorRate),
        }),
        row(`  the shim's CPU for 1 GB of it`, {
          ours: perGb(ours),
          unit: 'ms',
          peer: perGb(peer),
          peerName: "the peer's",
        }),
      );
      if (!hasConmon) continue;
      const conmonRate = median(conmon.map((run) => run.rate));
      const figure = `output to a log, ${load.name}, ${place}`;
      rows.push(row(figure, { ours: rate, unit: 'MB/s', peer: conmonRate, peerName: 'conmon, k8s-file' }));
    }
  }
  return rows;
}
