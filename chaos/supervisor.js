/** A supervisor process (remote.js), from the harness's side. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { within } from './failures.js';

const script = join(import.meta.dirname, 'remote.js');

/** The supervisor process was killed before it answered. */
export class SupervisorDied extends Error {}

export class Supervisor {
  #child;
  #calls = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  #closed;
  #dead = false;
  /** @type {Promise<unknown>} */
  #traced = Promise.resolve();

  /** @param {string} marker @param {string[]} prefix a program that runs it, as strace and its options */
  constructor(marker, prefix = []) {
    const [file, ...args] = [...prefix, process.execPath, script, marker];
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#closed = once(this.#child, 'close').then(() => {
      this.#dead = true;
      for (const { reject } of this.#waiting.values()) reject(new SupervisorDied('the supervisor died'));
    });
    this.#closed.catch(() => undefined);
    this.#child.on('error', () => undefined);
    this.#child.stdin.on('error', () => undefined);
    createInterface(this.#child.stdout).on('line', (line) => this.#answer(JSON.parse(line)));
  }

  get pid() {
    return this.#child.pid ?? 0;
  }

  /**
   * Runs an operation in the supervisor.
   * @param {string} operation
   * @param {object} args
   * @returns {Promise<any>} rejects with the operation's error, or with SupervisorDied
   */
  ask(operation, args = {}, limitMs = 20_000) {
    const call = this.#calls++;
    const answered = new Promise((resolve, reject) => {
      if (this.#dead) reject(new SupervisorDied('the supervisor is dead'));
      this.#waiting.set(call, { resolve, reject });
    });
    this.#child.stdin.write(JSON.stringify({ call, operation, args }) + '\n');
    return within(`${operation} in another process`, answered, limitMs);
  }

  /** Kills it and waits for its exit. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.death();
  }

  /** Waits for its exit, whoever kills it. */
  async death(limitMs = 20_000) {
    await within('the death of a supervisor', Promise.all([this.#closed, this.#traced]), limitMs);
  }

  /**
   * Attaches strace(1), which kills the main thread before the n-th of these system calls.
   * @param {string} calls names, separated by commas
   */
  async trace(calls, /** @type {number} */ nth) {
    const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:signal=SIGKILL:when=${nth}`];
    const tracer = spawn('strace', ['-o', '/dev/null', ...inject, '-p', String(this.pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#traced = once(tracer, 'close');
    // "strace: Process <pid> attached"
    await within('strace', Promise.race([once(tracer.stderr, 'data'), this.#traced]));
    tracer.stderr.resume();
  }

  /** Sets its soft limit of descriptors. */
  limitDescriptors(/** @type {number} */ soft) {
    return spawnSync('prlimit', ['--pid', String(this.pid), `--nofile=${soft}:`]).status === 0;
  }

  #answer(/** @type {any} */ { call, value, failed }) {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (failed === undefined) waiting?.resolve(value);
    else waiting?.reject(Object.assign(new Error(failed.message), { code: failed.code }));
  }
}
