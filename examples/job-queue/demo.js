/** Two hosts' workers on one queue. One of them is killed and upgraded while its jobs run. Needs redis-server on PATH. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, QueueEvents } from 'bullmq';
import { list } from 'outlive';
import { startRedis } from './redis.js';

const COUNT = 6;
const dir = mkdtempSync(join(tmpdir(), 'outlive-job-queue-'));
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
const redis = await startRedis(dir);
const connection = { path: redis.path, maxRetriesPerRequest: null };
const queue = new Queue('jobs', { connection });
const events = new QueueEvents('jobs', { connection, lastEventId: '0' });

/** Host a and host b: each has a state root of its own. */
function startWorker(/** @type {string} */ host, version = '1') {
  const settings = {
    WORKER: `${host}/1`,
    STATE: join(dir, host),
    VERSION: version,
    CONCURRENCY: '3',
    REDIS: redis.path,
  };
  const env = { ...process.env, ...settings };
  return spawn(process.execPath, [join(import.meta.dirname, 'worker.js')], { env, stdio: 'inherit' });
}

async function kill(/** @type {import('node:child_process').ChildProcess} */ child) {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

const workers = { a: startWorker('a'), b: startWorker('b') };
try {
  let reports = 0;
  const allReported = new Promise((resolve) => {
    events.on('completed', ({ jobId, returnvalue }) => {
      console.log(`job ${jobId}: ${JSON.stringify(returnvalue)}`);
      if (++reports === COUNT) resolve(undefined);
    });
  });
  const script = 'for i in 1 2 3 4 5 6; do echo "step $i"; sleep 1; done';
  for (let i = 0; i < COUNT; i++) await queue.add('script', { args: ['sh', '-c', script] });

  await delay(3000);
  console.log('The worker of host a is killed. Its jobs run on:');
  await kill(workers.a);
  for (const { container, systemPid } of await list({ state: 'running' }, { root: join(dir, 'a') })) {
    console.log(`  ${container.id}, pid ${systemPid}`);
  }
  workers.a = startWorker('a', '2');
  await allReported;
} finally {
  await Promise.all(Object.values(workers).map(kill));
  await Promise.all([queue.close(), events.close()]);
  await redis.end();
  for (const host of ['a', 'b']) {
    for (const task of await list({}, { root: join(dir, host) })) await task.remove({ force: true });
  }
}
