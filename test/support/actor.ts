/** Another program that uses the library, and does what a test tells it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ContainerOptions, posix } from '../../src/index.js';
import { statOf } from './proc.js';
import type { Scratch } from './scratch.js';
import { until } from './until.js';

const PROGRAM = fileURLToPath(new URL('../fixtures/actor.mjs', import.meta.url));

interface Answer {
  readonly serial: number;
  readonly result?: unknown;
  readonly error?: { code?: string; message: string };
}

export class Actor {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #serial = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.serial)?.(answer);
      this.#waiting.delete(answer.serial);
    });
  }

  /** It is killed at the end of the test at the latest. `program`: a copy of it beside another build of the library. */
  static async start(scratch: Scratch, program = PROGRAM): Promise<Actor> {
    const child = fork(program, { execArgv: [] });
    const actor = new Actor(child);
    scratch.atEnd(() => actor.kill());
    await once(child, 'message');
    return actor;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  create(options: ContainerOptions): Promise<unknown> {
    return this.#do('create', options);
  }

  load(root: string, id: string, options: { timeoutMs?: number } = {}): Promise<unknown> {
    return this.#do('load', root, id, options);
  }

  /** What failed, in words. */
  loadAll(root: string): Promise<string[]> {
    return this.#do('loadAll', root) as Promise<string[]>;
  }

  cleanUp(root: string, options: { graceMs?: number } = {}): Promise<unknown> {
    return this.#do('cleanUp', root, options);
  }

  /** Calls a method of a container that it has made or loaded. Of a process that is started, the result is the pid. */
  call(id: string, method: string, ...args: unknown[]): Promise<unknown> {
    return this.#do('call', id, method, ...args);
  }

  /** Waits for the end of a process in the background. */
  watch(id: string, processId: string): Promise<unknown> {
    return this.#do('watch', id, processId);
  }

  /** The ends that it was told. */
  ends(): Promise<{ status?: number; lost?: string }[]> {
    return this.#do('ends') as Promise<{ status?: number; lost?: string }[]>;
  }

  /** Keeps its event loop busy until the returned function is called. */
  async block(scratch: Scratch): Promise<() => Promise<void>> {
    const dir = scratch.mkdir('block');
    const [entered, gate] = [join(dir, 'entered'), join(dir, 'gate')];
    for (const path of [entered, gate]) posix.mkfifo(path, 0o600);
    const over = this.#do('block', entered, gate);
    await readFile(entered);
    return async () => {
      writeFileSync(gate, '\n');
      await over;
    };
  }

  /** Stops it, and waits until it is stopped. */
  async stop(): Promise<void> {
    this.#child.kill('SIGSTOP');
    await until('the program is stopped', () => statOf(this.pid)?.state === 'T');
  }

  continue(): void {
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #do(act: string, ...args: unknown[]): Promise<unknown> {
    const serial = this.#serial++;
    return new Promise((done, fail) => {
      this.#waiting.set(serial, ({ error, result }) => {
        if (error === undefined) done(result);
        else fail(Object.assign(new Error(error.message), { code: error.code }));
      });
      this.#child.send({ serial, act, args });
    });
  }
}
