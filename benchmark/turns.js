/**
 * Thousands of containers under one supervisor: the longest turn of the event loop while they are made, started, opened,
 * closed, end and are deleted, all at once. Most of them have ended; some hundred run.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Container, Supervisor } from '../dist/index.js';
import { EventLog } from '../dist/supervisor/log.js';
import { SupervisorRecord } from '../dist/supervisor/record.js';
import { SupervisorRecorder } from '../dist/supervisor/recorder.js';
import { atMost } from './starts.js';
import { longestTurn, ownMs } from './turn.js';
import { atATime, onlyProcess, row } from './world.js';

/** No turn may be longer. */
const GOAL_MS = 20;

/** How many of the containers run. */
const RUNNING = 300;

/** Gives a container the files of a process that has ended, as its shim leaves them, without a shim having run. */
export function writeEnd(/** @type {string} */ root, /** @type {string} */ id) {
  const dir = join(root, id, 'init');
  mkdirSync(dir, { mode: 0o700 });
  for (const [name, text] of [
    ['process.json', `{"args":["true"],"key":"${crypto.randomUUID()}"}`],
    ['pid', '4194303'],
    ['exitStatus', '0'],
    ['deleted', ''],
  ]) {
    writeFileSync(join(dir, name ?? ''), text ?? '', { mode: 0o600 });
  }
}

/** Writes so many events of so many containers, twenty in a turn: several segments begin meanwhile. */
async function writeEvents(/** @type {string} */ dir, /** @type {number} */ events, /** @type {number} */ containers) {
  const record = new SupervisorRecord();
  const retention = { maxBytes: 1 << 30, maxAgeMs: 1e9, segmentBytes: 1 << 20 };
  const log = new EventLog(dir, retention, () => false, record);
  await log.open({ snapshot: () => undefined, event: () => undefined });
  const recorder = new SupervisorRecorder(log, record);
  for (let i = 0; i < events; i++) {
    const event = { containerId: `container-${i % containers}`, containerKey: 'k'.repeat(36), timeMs: Date.now() };
    recorder.write({ type: i < containers ? 'create' : 'pause', ...event });
    if (i % 20 === 0) await nextTurn();
  }
  recorder.close();
  log.close();
}

export async function turns(/** @type {import('./world.js').World} */ world) {
  const count = world.containers;
  const running = Math.min(RUNNING, Math.floor(count / 2));
  const root = world.dir();
  const bundle = await world.bundle([world.bin('idle')]);
  /** @type {import('./world.js').Row[]} */
  const rows = [];
  /**
   * @template T
   * @param {string} what
   * @param {() => Promise<T> | T} task
   */
  const measure = async (what, task) => {
    const begin = performance.now();
    const { longest, own, result } = await longestTurn(task);
    const totalMs = performance.now() - begin;
    rows.push(
      row(`${what}: longest turn`, { ours: longest.ms, unit: 'ms', ...atMost(longest.ms, GOAL_MS, 'ms') }),
      row('  of it garbage collection', { ours: longest.gcMs, unit: 'ms' }),
      row('  of it without a processor', { ours: longest.waitMs, unit: 'ms' }),
      row('  longest without the greater of these two', { ours: ownMs(own), unit: 'ms' }),
      row('  all of it', { ours: totalMs, unit: 'ms' }),
    );
    return result;
  };
  const open = async () => {
    const opened = await Supervisor.open(root);
    const [failure] = opened.failures;
    if (failure !== undefined) throw failure.error;
    return opened;
  };

  const ids = Array.from({ length: count }, () => world.name());
  const live = ids.slice(0, running);
  let supervisor = await open();
  // What a call does before its first wait is a part of its caller's turn: some µs, which thousands of calls add up.
  await measure(`${count} creates, 200 at a time`, () => atATime(200, ids, (id) => supervisor.create({ id, bundle })));
  await measure(`${running} starts`, () => Promise.all(live.map((id) => world.start(supervisor.get(id)))));
  await measure(`a supervisor of ${count} closes`, () => supervisor.close());
  for (const id of ids.slice(running)) writeEnd(root, id);

  for (const container of await measure(`${count} loads`, () =>
    Promise.all(ids.map((id) => Container.load(root, id))),
  )) {
    container.close();
  }
  const { containers } = await measure(`loadAll of ${count}`, () => Container.loadAll(root));
  for (const container of containers) container.close();

  // The first one writes the ends that it finds.
  supervisor = await measure(`a supervisor of ${count} opens, and finds ${count - running} ends`, open);
  await measure(`a supervisor of ${count} closes`, () => supervisor.close());
  supervisor = await measure(`a supervisor of ${count} opens`, open);
  for (const id of live) world.adopt(supervisor.get(id));
  const ending = live.slice(0, Math.floor(running / 2)).map((id) => onlyProcess(supervisor.get(id)));
  const pids = ending.map(({ systemPid }) => systemPid);
  const exits = ending.map((process) => process.wait());
  await measure(`${pids.length} exits`, () => {
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    return Promise.all(exits);
  });
  await measure(`${count} deletes, 1000 at a time, ${running - pids.length} of running ones`, () =>
    atATime(1000, ids, (id) => supervisor.delete(id)),
  );
  for (const id of live) world.forget(id);
  supervisor.close();
  await measure('200,000 events of 10,000 containers in the log', () => writeEvents(world.dir(), 200_000, 10_000));
  return rows;
}
