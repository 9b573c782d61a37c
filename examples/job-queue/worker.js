/**
 * A worker of the queue `jobs`. BullMQ hands out the work, outlive keeps it alive: each job is a process that goes on when this
 * program is killed, and that its next version finds again.
 *
 *   WORKER=<host>/<number> STATE=<directory> REDIS=<socket> node worker.js
 *
 * The lock of a job has the worker's name as its token. So the next program with this name has the same right to the job.
 */
import { hostname } from 'node:os';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Job, Worker } from 'bullmq';
import { Container, find, list, run } from 'outlive';

const name = process.env.WORKER ?? `${hostname()}/1`;
const host = hostOf(name);
const version = process.env.VERSION ?? '1';
/** The state root of this host: all its workers have the same. */
const root = process.env.STATE ?? '/var/lib/outlive-jobs';
const lockMs = Number(process.env.LOCK_MS ?? 30_000);
const concurrency = Number(process.env.CONCURRENCY ?? 4);

const worker = new Worker('jobs', null, {
  connection: { path: process.env.REDIS ?? '/run/redis/redis.sock', maxRetriesPerRequest: null },
  name, // BullMQ keeps it in job.processedBy.
  lockDuration: lockMs,
  stalledInterval: lockMs, // A job is taken away at most lockMs + 2 × stalledInterval after the death of its worker.
  maxStalledCount: 10, // A job that takes its host down fails in the end.
});
worker.on('error', (error) => console.error(error.message));

/** The jobs that this program follows, by id. @type {Map<string, { stop: AbortController, done: Promise<void> }>} */
const followed = new Map();

/** Follows a job until it is reported, or is no longer ours. */
function follow(/** @type {Job} */ job) {
  const id = job.id ?? '';
  followed.get(id)?.stop.abort();
  const stop = new AbortController();
  const done = report(job, stop).finally(() => {
    if (followed.get(id)?.stop === stop) followed.delete(id);
  });
  followed.set(id, { stop, done });
}

async function report(/** @type {Job} */ job, /** @type {AbortController} */ stop) {
  const renewal = setInterval(() => void renew(job, stop), lockMs / 3);
  /** @type {import('outlive').Process | undefined} */
  let task;
  try {
    if (job.deferredFailure) return void (await job.moveToFailed(new Error(job.deferredFailure), name, false));
    task = await start(job);
    const { lines, status, lost } = await watch(job, task, stop.signal);
    // The report is refused if another worker has the lock, or has reported already. So there is one report of each job.
    if (status === 0) await job.moveToCompleted({ worker: name, version, lines }, name, false);
    else await job.moveToFailed(new Error(lost ?? `exit status ${status}`), name, false);
    await task.remove();
  } catch (error) {
    console.error(`job ${job.id} is left to others:`, error instanceof Error ? error.message : error);
  } finally {
    clearInterval(renewal);
    task?.container.close();
  }
}

/** A lock that expired is another worker's, now or soon. */
async function renew(/** @type {Job} */ job, /** @type {AbortController} */ stop) {
  const extended = await job.extendLock(name, lockMs).catch(() => 1); // Redis can't be reached: not known, so try again.
  if (extended === 0) stop.abort(new Error('its lock has expired'));
}

/** The process of this job on this host. It runs already if its worker was killed: then it is found, not started again. */
async function start(/** @type {Job} */ job) {
  const id = `job-${job.id}-${job.attemptsMade}`;
  const labels = { queue: worker.name, job: job.id ?? '' };
  for (;;) {
    const known = await find(id, { root }).catch(unless('ERR_CONTAINER_NOT_FOUND'));
    if (known !== undefined) return known;
    const started = await run(job.data.args, { root, id, labels }).catch(unless('ERR_CONTAINER_EXISTS'));
    if (started !== undefined) return started;
    await delay(100); // Another worker of this host is starting it at this moment.
  }
}

/** Counts the lines of the output. Count and cursor are stored together, so no line is lost or counted twice. */
async function watch(
  /** @type {Job} */ job,
  /** @type {import('outlive').Process} */ task,
  /** @type {AbortSignal} */ signal,
) {
  let { lines, output } = readOn(job, task, signal);
  for await (const { cursor, ...item } of output) {
    if (item.type === 'data') lines += item.data.filter((byte) => byte === 10).length;
    await job.updateProgress({ lines, cursor });
  }
  return { lines, ...(await task.wait({ signal })) };
}

function readOn(
  /** @type {Job} */ job,
  /** @type {import('outlive').Process} */ task,
  /** @type {AbortSignal} */ signal,
) {
  const { lines = 0, cursor = 'start' } = /** @type {{ lines?: number, cursor?: string }} */ (job.progress);
  try {
    return { lines, output: task.output({ from: cursor, follow: true, signal }) };
  } catch (error) {
    if (!hasCode(error, 'ERR_INVALID_ARG_VALUE')) throw error;
    // The cursor is of the job's process on a host that is gone. This process began anew.
    return { lines: 0, output: task.output({ follow: true, signal }) };
  }
}

/** Takes back what this worker left when it was killed, and removes the processes of jobs that this host has lost. */
async function sweep() {
  for (const task of await list({ labels: { queue: worker.name } }, { root })) {
    const id = task.labels.find((label) => label.startsWith('job='))?.slice('job='.length) ?? '';
    if (!followed.has(id)) await decide(id, task);
    task.container.close();
  }
}

async function decide(/** @type {string} */ id, /** @type {import('outlive').Process} */ task) {
  const job = await Job.fromId(worker, id);
  if (job !== undefined && (await job.extendLock(name, lockMs)) === 1) {
    console.log(`job ${id} goes on`);
    return follow(job);
  }
  const state = (await job?.getState()) ?? 'unknown';
  const isElsewhere = state === 'active' && hostOf(job?.processedBy ?? '') !== host;
  if (isElsewhere || ['completed', 'failed', 'unknown'].includes(state)) await task.remove({ force: true });
}

function hostOf(/** @type {string} */ worker) {
  return worker.split('/')[0];
}

function hasCode(/** @type {unknown} */ error, /** @type {string} */ code) {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Makes undefined of an error with this code. */
function unless(/** @type {string} */ code) {
  return (/** @type {unknown} */ error) => {
    if (!hasCode(error, code)) throw error;
    return undefined;
  };
}

await Container.cleanUp(root).catch(unless('ENOENT')); // What was killed in the middle of a start or a removal.
await worker.waitUntilReady();
await sweep();
setInterval(() => void sweep().catch((error) => console.error('sweep:', error.message)), lockMs);
await worker.startStalledCheckTimer();
console.log(`worker ${name}, version ${version}`);

for (;;) {
  while (followed.size >= concurrency) await Promise.race([...followed.values()].map(({ done }) => done));
  const job = await worker.getNextJob(name);
  if (job !== undefined) follow(job);
}
