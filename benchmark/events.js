/** The event log with few and with many containers, and waits that are given up: what each event and each wait costs. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Container, Supervisor } from '../dist/index.js';
import { EventConsumers } from '../dist/supervisor/consumers.js';
import { EventLog } from '../dist/supervisor/log.js';
import { SupervisorRecord } from '../dist/supervisor/record.js';
import { atMost } from './starts.js';
import { writeEnd } from './turns.js';
import { median, row } from './world.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

function logSize(/** @type {string} */ root) {
  const dir = join(root, '.events');
  const names = readdirSync(dir).filter((name) => name.endsWith('.jsonl'));
  return names.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

/** Opens a root with so many containers, and makes and deletes one more, again and again. */
async function bytesAnEvent(
  /** @type {import('./world.js').World} */ world,
  /** @type {number} */ count,
  /** @type {number} */ rounds,
) {
  const root = world.dir();
  const bundle = await world.bundle([world.bin('idle')]);
  for (let i = 0; i < count; i++) {
    (await Container.create({ root, id: `c${i}`, bundle })).close();
    writeEnd(root, `c${i}`);
  }
  (await Supervisor.open(root)).close();
  const supervisor = await Supervisor.open(root);
  const before = logSize(root);
  for (let i = 0; i < rounds; i++) {
    await supervisor.create({ id: 'extra', bundle });
    await supervisor.delete('extra');
  }
  const bytes = (logSize(root) - before) / (2 * rounds);
  supervisor.close();
  return bytes;
}

/** How much the heap grows while a process is waited for, and each wait is given up. */
async function heapOfWaits(/** @type {import('./world.js').World} */ world, /** @type {number} */ count) {
  const bundle = await world.bundle([world.bin('idle')]);
  const container = await world.create({ root: world.dir(), bundle });
  const process_ = await world.start(container);
  const giveUp = async (/** @type {number} */ times) => {
    for (let i = 0; i < times; i++) {
      const abort = new AbortController();
      const waiting = process_.wait({ signal: abort.signal });
      abort.abort();
      await waiting.catch(() => undefined);
      // What an event target keeps for a while is not what a wait keeps.
      if (i % 10_000 === 0) await delay(0);
    }
  };
  await giveUp(10_000);
  const heap = async () => {
    for (let i = 0; i < 2; i++) {
      collectGarbage();
      await delay(50);
    }
    return process.memoryUsage().heapUsed;
  };
  const before = await heap();
  await giveUp(count);
  const grownKb = ((await heap()) - before) / 1024;
  await world.end(container);
  return grownKb;
}

/** The times, in milliseconds, of an event in the log and of an `ack()`: each is done when the call returns. */
async function timesOfAcks(/** @type {import('./world.js').World} */ world, /** @type {string} */ parent) {
  const times = { event: /** @type {number[]} */ ([]), ack: /** @type {number[]} */ ([]) };
  const dir = world.dir(parent);
  const retention = { maxBytes: 1 << 26, maxAgeMs: 1e9, segmentBytes: 1 << 20 };
  const log = new EventLog(dir, retention, () => false, new SupervisorRecord());
  const consumers = await EventConsumers.open(dir);
  await log.open({ snapshot: () => undefined, event: () => undefined });
  for (let sequence = 1; sequence <= 4000; sequence++) {
    const begin = performance.now();
    log.append({ type: 'pause', containerId: 'c', containerKey: 'k'.repeat(36), timeMs: 1 });
    const written = performance.now();
    // As Supervisor.ack().
    consumers.acknowledge('me', sequence);
    log.retire();
    times.ack.push(performance.now() - written);
    times.event.push(written - begin);
  }
  log.close();
  return { event: median(times.event), ack: median(times.ack) };
}

export async function events(/** @type {import('./world.js').World} */ world) {
  const many = world.containers;
  const disk = await timesOfAcks(world, world.disk);
  const memory = await timesOfAcks(world, world.tmpfs);
  // So many that the log begins several segments with a snapshot.
  const rounds = world.quick ? 5000 : 60_000;
  const few = await bytesAnEvent(world, 5, rounds);
  const ours = await bytesAnEvent(world, many, rounds);
  const waits = world.quick ? 100_000 : 1_000_000;
  const grownKb = await heapOfWaits(world, waits);
  return [
    row('an event in the log, disk', { ours: disk.event, unit: 'ms', ...atMost(disk.event, 0.05, 'ms') }),
    row('an event in the log, tmpfs', { ours: memory.event, unit: 'ms', ...atMost(memory.event, 0.05, 'ms') }),
    row('ack(), disk', { ours: disk.ack, unit: 'ms', ...atMost(disk.ack, 0.05, 'ms') }),
    row('ack(), tmpfs', { ours: memory.ack, unit: 'ms', ...atMost(memory.ack, 0.05, 'ms') }),
    row(`event log, an event with ${many} containers`, {
      ...{ ours, unit: 'bytes', peer: few, peerName: 'with 5' },
      ...atMost(ours, Math.ceil(few * 1.15), 'bytes'),
    }),
    row(`heap grown by ${waits} waits that are given up`, { ours: grownKb, unit: 'kB', ...atMost(grownKb, 512, 'kB') }),
  ];
}
