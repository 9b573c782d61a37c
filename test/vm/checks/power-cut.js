/** The machine is switched off while jobs run. What is known of each one after the next boot. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Container, makeStdioFifos } from 'outlive';
import { writeBundle } from '../inside/check.js';

const DIR = '/var/lib/outlive-power-cut';
const ROOT = join(DIR, 'state');
/** As they are started: some ended and were flushed, some run, some ended and some were started just before the cut. */
const GROUPS = /** @type {const} */ ({ ended: 4, running: 10, 'ended-late': 3, 'started-late': 3 });

/** What only the library has flushed: created, running, and ended just before the cut. */
const DURABLE = /** @type {const} */ ({ 'durable-created': 3, 'durable-running': 3, 'durable-ended': 6 });

/** @type {(group: keyof typeof GROUPS | keyof typeof DURABLE) => string[]} */
const idsOf = (group) => Array.from({ length: { ...GROUPS, ...DURABLE }[group] }, (_, number) => `${group}-${number}`);

async function create(/** @type {string} */ id, /** @type {string} */ script, durable = false) {
  const bundle = await writeBundle(join(DIR, `bundle-${id}`), 'host', script);
  const stdio = join(DIR, `stdio-${id}`);
  mkdirSync(stdio, { mode: 0o700 });
  const container = await Container.create({ root: ROOT, id, bundle, durable });
  return { container, stdio: makeStdioFifos(stdio) };
}

async function start(/** @type {string} */ id, /** @type {string} */ script, durable = false) {
  const { container, stdio } = await create(id, script, durable);
  return container.start({ stdio });
}

async function prepare() {
  mkdirSync(DIR, { mode: 0o700 });
  mkdirSync(ROOT, { mode: 0o700 });
  for (const id of idsOf('ended')) assert.equal((await (await start(id, 'exit 21')).wait()).status, 21);
  for (const id of idsOf('running')) await start(id, 'sleep 1000');
  const late = [];
  for (const id of idsOf('ended-late')) late.push(await start(id, 'read line; exit 22'));
  execFileSync('sync');
  for (const job of late) {
    job.openStdin().write('\n');
    assert.equal((await job.wait()).status, 22);
  }
  for (const id of idsOf('started-late')) await start(id, 'sleep 1000');
  for (const id of idsOf('durable-created')) await create(id, 'exit 1', true);
  for (const id of idsOf('durable-running')) await start(id, 'sleep 1000', true);
  for (const id of idsOf('durable-ended')) assert.equal((await (await start(id, 'exit 23', true)).wait()).status, 23);
}

async function run() {
  const { containers, failures } = await Container.loadAll(ROOT);
  const found = new Map(containers.map((container) => [container.id, container]));
  for (const { id, error } of failures) {
    assert.ok(id.startsWith('started-late'), `${id}: ${error.message}`);
    console.log(`not loaded: ${id}: ${error.message}`);
  }
  const kept = [...idsOf('ended'), ...idsOf('running'), ...idsOf('ended-late')];
  const durable = /** @type {(keyof typeof DURABLE)[]} */ (Object.keys(DURABLE)).flatMap(idsOf);
  for (const id of [...kept, ...durable]) assert.ok(found.has(id), id);

  for (const container of containers) {
    const [job] = container.processes();
    if (job === undefined) {
      assert.match(container.id, /^(started-late|durable-created)/);
    } else {
      const { status, lost } = await job.wait();
      console.log(container.id, status ?? lost);
      if (container.id.startsWith('durable')) assert.equal(job.problem, undefined);
      if (/^ended-\d/.test(container.id)) assert.equal(status, 21);
      else if (container.id.startsWith('durable-ended')) assert.equal(status, 23);
      // Not flushed before the cut: exact, or lost.
      else if (container.id.startsWith('ended-late') && status !== undefined) assert.equal(status, 22);
      else if (container.id.startsWith('started-late'))
        assert.match(`${lost}`, /machine was started anew|never started/);
      else assert.match(`${lost}`, /machine was started anew/);
    }
    await container.delete();
  }
  await Container.cleanUp(ROOT, { graceMs: 0 });
  assert.deepEqual(readdirSync(ROOT), []);
}

/** @type {import('../inside/check.js').Check[]} */
export default [{ name: 'a power cut while 20 jobs run', prepare, run }];
