import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Job, Queue, QueueEvents } from 'bullmq';
import { list } from 'outlive';
import { describe, expect } from 'vitest';
import { installed, want } from '../../test/support/strict.js';
import { until } from '../../test/support/until.js';
import { type Program, type Scene, removeAll, test } from '../scene.js';
import { startRedis } from './redis.js';

const WORKER = join(import.meta.dirname, 'worker.js');

/** A queue on a Redis of its own, and what it reports. */
class Stage {
  readonly gate: string;
  readonly queue: Queue;
  /** Each report: `completed <job>` or `failed <job>`. */
  readonly reports: string[] = [];
  readonly #ran: string;
  readonly #roots = new Map<string, string>();
  private constructor(
    readonly scene: Scene,
    readonly redis: string,
  ) {
    this.gate = join(scene.dir, 'gate');
    this.#ran = join(scene.dir, 'ran');
    const connection = { path: redis, maxRetriesPerRequest: null };
    const queue = new Queue('jobs', { connection });
    const events = new QueueEvents('jobs', { connection, lastEventId: '0' });
    queue.on('error', () => undefined);
    events.on('error', () => undefined);
    events.on('completed', ({ jobId }) => this.reports.push(`completed ${jobId}`));
    events.on('failed', ({ jobId }) => this.reports.push(`failed ${jobId}`));
    scene.atEnd(async () => {
      await Promise.all([queue.close(), events.close()]);
    });
    this.queue = queue;
  }

  static async set(scene: Scene): Promise<Stage> {
    const redis = await startRedis(scene.dir);
    scene.atEnd(() => redis.end());
    return new Stage(scene, redis.path);
  }

  /** A job that says that it ran, prints 200 lines in 2 seconds, waits for the gate, and prints one more. */
  async add(status = 0): Promise<string> {
    const script = [
      `echo "$1" >> ${this.#ran}`,
      'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done',
      `until [ -e ${this.gate} ]; do sleep 0.05; done`,
      `echo last; exit ${status}`,
    ].join('\n');
    const id = `n${this.#added++}`;
    await this.queue.add('script', { args: ['sh', '-c', script, 'sh', id] }, { jobId: id });
    return id;
  }
  #added = 0;

  worker(name: string, { version = '1', lockMs = 30_000 } = {}): Program {
    const env = {
      WORKER: name,
      STATE: this.root(name),
      VERSION: version,
      LOCK_MS: String(lockMs),
      CONCURRENCY: '2',
      REDIS: this.redis,
    };
    return this.scene.start(WORKER, [], env);
  }

  /** The state root of a worker's host. */
  root(worker: string): string {
    const [host = ''] = worker.split('/');
    const root = this.#roots.get(host) ?? this.scene.root(host);
    this.#roots.set(host, root);
    return root;
  }

  openGate(): void {
    writeFileSync(this.gate, '');
  }

  /** How often this job's program was started. */
  runsOf(id: string): number {
    return readFileSync(this.#ran, 'utf8')
      .split('\n')
      .filter((line) => line === id).length;
  }

  async job(id: string): Promise<Job<unknown, { worker: string; version: string; lines: number }>> {
    const job = await Job.fromId(this.queue, id);
    if (job === undefined) throw new Error(`no job ${id}`);
    return job;
  }

  /** Waits until so many lines of this job were counted; returns who has it. */
  async counted(id: string, lines: number): Promise<string> {
    return until(`${lines} lines of job ${id}`, async () => {
      const { progress, processedBy } = await this.job(id);
      return (progress as { lines?: number }).lines !== undefined && (progress as { lines: number }).lines >= lines
        ? processedBy
        : undefined;
    });
  }

  async reported(ids: string[]): Promise<void> {
    await until('all jobs are reported', () =>
      ids.every((id) => this.reports.some((report) => report.endsWith(` ${id}`))),
    );
  }
}

describe.runIf(want('redis-server (Debian: redis-server)', installed('redis-server')))('job-queue', () => {
  test('the jobs of a worker that is killed and upgraded go on, and each is reported once', async ({ scene }) => {
    const stage = await Stage.set(scene);
    const old = stage.worker('a/1');
    stage.worker('b/1');
    const ids = [await stage.add(), await stage.add(), await stage.add(), await stage.add(3)];
    const workers = await Promise.all(ids.map((id) => stage.counted(id, 20)));

    await old.crash();
    stage.worker('a/1', { version: '2' });
    await Promise.all(ids.map((id) => stage.counted(id, 200)));
    stage.openGate();
    await stage.reported(ids);

    for (const [index, id] of ids.entries()) {
      const job = await stage.job(id);
      expect(stage.runsOf(id)).toBe(1);
      expect(job.stalledCounter).toBe(0);
      expect(job.progress).toMatchObject({ lines: 201 });
      if (id === ids.at(-1)) {
        expect(job.failedReason).toBe('exit status 3');
        continue;
      }
      const version = workers[index] === 'a/1' ? '2' : '1';
      expect(job.returnvalue).toEqual({ worker: workers[index], version, lines: 201 });
    }
    expect(stage.reports.toSorted()).toEqual([...ids.slice(0, 3).map((id) => `completed ${id}`), `failed ${ids[3]}`]);
    for (const worker of ['a/1', 'b/1']) {
      await until('the processes are removed', async () => (await list({}, { root: stage.root(worker) })).length === 0);
    }
  });

  test('a job that ends while there is no worker is reported by the next one', async ({ scene }) => {
    const stage = await Stage.set(scene);
    const id = await stage.add();
    const old = stage.worker('a/1');
    await stage.counted(id, 20);
    await old.crash();
    stage.openGate();
    const root = stage.root('a/1');
    await until('the job has ended', async () => (await list({ state: 'stopped' }, { root })).length === 1);

    stage.worker('a/1', { version: '2' });
    await stage.reported([id]);
    expect((await stage.job(id)).returnvalue).toEqual({ worker: 'a/1', version: '2', lines: 201 });
    expect(stage.runsOf(id)).toBe(1);
    expect(stage.reports).toEqual([`completed ${id}`]);
  });

  test('a job whose host is gone is taken by another one', async ({ scene }) => {
    const stage = await Stage.set(scene);
    const id = await stage.add();
    const gone = stage.worker('gone/1', { lockMs: 4000 });
    expect(await stage.counted(id, 20)).toBe('gone/1');

    // The machine is lost, with all that runs on it.
    await gone.crash();
    await removeAll(stage.root('gone/1'));
    stage.worker('b/1', { lockMs: 4000 });
    stage.openGate();
    await stage.reported([id]);

    expect((await stage.job(id)).returnvalue).toEqual({ worker: 'b/1', version: '1', lines: 201 });
    expect(stage.runsOf(id)).toBe(2);
    expect(stage.reports).toEqual([`completed ${id}`]);
  });

  test('a job that stalled is found by the other worker of its host, which starts no second process', async ({
    scene,
  }) => {
    const stage = await Stage.set(scene);
    const id = await stage.add();
    const stuck = stage.worker('a/1', { lockMs: 4000 });
    expect(await stage.counted(id, 20)).toBe('a/1');

    stuck.child.kill('SIGSTOP');
    stage.worker('a/2', { lockMs: 4000 });
    await until('the job is taken', async () => (await stage.job(id)).processedBy === 'a/2');
    // Now both of them have it.
    stuck.child.kill('SIGCONT');
    await until('the first has given it up', () => stuck.printed().includes('is left to others'));
    stage.openGate();
    await stage.reported([id]);

    expect((await stage.job(id)).returnvalue).toEqual({ worker: 'a/2', version: '1', lines: 201 });
    expect(stage.runsOf(id)).toBe(1);
    expect(stage.reports).toEqual([`completed ${id}`]);
  });

  test('a host that lost a job while it was cut off ends its process', async ({ scene }) => {
    const stage = await Stage.set(scene);
    const id = await stage.add();
    const cutOff = stage.worker('a/1', { lockMs: 4000 });
    expect(await stage.counted(id, 20)).toBe('a/1');
    cutOff.child.kill('SIGSTOP');
    stage.worker('b/1', { lockMs: 4000 });
    await until('the job is taken', async () => (await stage.job(id)).processedBy === 'b/1');
    cutOff.child.kill('SIGCONT');
    await until('its process is gone', async () => (await list({}, { root: stage.root('a/1') })).length === 0);
    stage.openGate();
    await stage.reported([id]);
    expect((await stage.job(id)).returnvalue).toEqual({ worker: 'b/1', version: '1', lines: 201 });
    expect(stage.reports).toEqual([`completed ${id}`]);
  });
});
