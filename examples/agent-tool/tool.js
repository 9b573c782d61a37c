/**
 * The tool that an agent calls to run commands: start, poll, kill. A job is a process of outlive. So it runs on if the agent or
 * this tool crashes, and whoever comes back with its id and a cursor reads on where the output was left.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, list, run } from 'outlive';

/** About how many bytes of output one poll gives. */
const POLL_BYTES = 32 * 1024;

export class CommandTool {
  #root;
  #off;
  #labels;
  #limits;

  /**
   * @param {object} options
   * @param {string} options.dir where jobs, their output and the kill switch are kept.
   * @param {string} options.agent whose jobs these are: letters, digits, `-` and `_`.
   * @param {number} [options.seconds] how long a job may run.
   * @param {number} [options.outputBytes] how much output of a job is kept: the newest.
   * @param {number} [options.memoryBytes] how much memory a job may use, where the machine can limit that.
   */
  constructor({ dir, agent, seconds = 600, outputBytes = 8 << 20, memoryBytes = 2 ** 31 }) {
    if (!/^[\w-]+$/.test(agent)) throw new Error(`not a name of an agent: ${agent}`);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#root = join(dir, 'state');
    this.#off = join(dir, `off-${agent}`);
    this.#labels = { agent };
    this.#limits = { seconds, outputBytes, memoryBytes };
  }

  /**
   * Starts a command in a shell. The caller chooses the id: if it crashed before it had the answer, it may call this again, and
   * nothing is started twice.
   * @param {{ id: string, command: string }} job
   */
  async start({ id, command }) {
    if (typeof id !== 'string' || typeof command !== 'string') throw new Error('id and command must be texts');
    if (this.isOff) throw new Error('the kill switch is on');
    const { seconds, outputBytes, memoryBytes } = this.#limits;
    // timeout(1) runs beside the command: the limit holds even if nobody is left to look after it. Its status is 124.
    const args = ['timeout', '-k', '5', String(seconds), 'sh', '-c', command];
    const options = { root: this.#root, id, labels: this.#labels, log: { maxBytes: outputBytes } };
    let isMemoryLimited = true;
    try {
      const job = await run(args, { ...options, resources: { memory: { limit: memoryBytes } } }).catch((error) => {
        if (error.code !== 'ERR_LIMITS_UNAVAILABLE') throw error;
        isMemoryLimited = false;
        return run(args, options);
      });
      job.container.close();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ERR_CONTAINER_EXISTS')) throw error;
      return { id, isNew: false };
    }
    // The switch ends what it finds after it was thrown. What it could not find yet, finds it here.
    if (this.isOff) await this.kill({ id });
    return { id, isNew: true, isMemoryLimited };
  }

  /**
   * The output after the cursor; `hasMore` says that more of it is there already. If there is none, this waits for some, or for the end, at most `waitMs`.
   * @param {{ id: string, cursor?: string, waitMs?: number }} request `cursor`: that of the last poll.
   */
  async poll({ id, cursor = 'start', waitMs = 0 }) {
    return this.#use(id, (job) => poll(job, cursor, waitMs));
  }

  /** Ends a job and all that it has started. @param {{ id: string }} job */
  async kill({ id }) {
    const { status } = await this.#use(id, (job) => job.stop({ graceMs: 2000 }));
    return { id, status: status ?? null };
  }

  /** Forgets a job that has ended, and its output. @param {{ id: string }} job */
  async remove({ id }) {
    await this.#use(id, (job) => job.remove());
    return { id };
  }

  /** Whether the kill switch is on. */
  get isOff() {
    return existsSync(this.#off);
  }

  /** The kill switch: ends all jobs of this agent, and lets it start no more. Works in any program, without the agent. */
  async switchOff() {
    writeFileSync(this.#off, '');
    /** @type {string[]} */
    const ended = [];
    for (;;) {
      const running = await list({ labels: this.#labels, state: 'running' }, { root: this.#root });
      if (running.length === 0) return ended;
      await Promise.all(running.map((job) => job.stop({ graceMs: 0 })));
      for (const { container } of running) {
        ended.push(container.id);
        container.close();
      }
    }
  }

  /** Lets the agent start jobs again. */
  switchOn() {
    rmSync(this.#off, { force: true });
  }

  /**
   * Does something with a job of this agent: not with one of another agent, whose id it may have guessed.
   * @template T
   * @param {string} id
   * @param {(job: import('outlive').Process) => Promise<T>} action
   */
  async #use(id, action) {
    const job = await find(id, { root: this.#root });
    try {
      if (!job.labels.includes(`agent=${this.#labels.agent}`)) throw new Error(`no job ${id} of this agent`);
      return await action(job);
    } finally {
      job.container.close();
    }
  }
}

async function poll(
  /** @type {import('outlive').Process} */ job,
  /** @type {string} */ cursor,
  /** @type {number} */ waitMs,
) {
  if (job.state() === 'running' && waitMs > 0) await somethingAfter(job, cursor, waitMs);
  // First the state, then the output: so the output of a job that has ended is all that there will be.
  const hasEnded = job.state() === 'stopped';
  const answer = { id: job.container.id, output: '', cursor, missingBytes: 0, hasMore: false };
  /** @type {Buffer[]} */
  const chunks = [];
  let size = 0;
  for await (const item of job.output({ from: cursor })) {
    if (size >= POLL_BYTES) {
      answer.hasMore = true;
      break;
    }
    if (item.type === 'data') {
      chunks.push(item.data);
      size += item.data.length;
    }
    if (item.type === 'gap') answer.missingBytes += item.bytes;
    answer.cursor = item.cursor;
  }
  answer.output = Buffer.concat(chunks).toString();
  if (!hasEnded) return { ...answer, state: 'running' };
  const { status, lost } = await job.wait();
  return { ...answer, state: 'ended', status: status ?? null, ...(lost === undefined ? {} : { lost }) };
}

/** Waits for output, or for the end. */
async function somethingAfter(
  /** @type {import('outlive').Process} */ job,
  /** @type {string} */ cursor,
  /** @type {number} */ waitMs,
) {
  const signal = AbortSignal.timeout(waitMs);
  const output = job.output({ from: cursor, follow: true, signal });
  try {
    await output.next();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await output.return();
  }
}
