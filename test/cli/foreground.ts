/** The built command as a child that a test talks with: its stdin, signals, what it has printed so far. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { isGone } from '../support/proc.js';
import type { Scratch } from '../support/scratch.js';
import { until } from '../support/until.js';
import { type Jobs, main } from './command.js';

export class Command {
  readonly child: ChildProcess;
  readonly #printed = { stdout: '', stderr: '' };
  readonly #closed: Promise<unknown>;

  /** Starts `outlive <args>`. It is ended with the test. */
  constructor(scratch: Scratch, jobs: Jobs, args: readonly string[]) {
    const env = { ...process.env, OUTLIVE_ROOT: jobs.root };
    this.child = spawn(process.execPath, [main, ...args], { stdio: 'pipe', env });
    this.#closed = once(this.child, 'close');
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.setEncoding('utf8').on('data', (text: string) => (this.#printed[name] += text));
    }
    // It may not read what it is given.
    this.child.stdin?.on('error', () => undefined);
    scratch.atEnd(async () => {
      this.child.kill('SIGKILL');
      this.child.stdout?.resume();
      await this.#closed;
    });
  }

  get stdout(): string {
    return this.#printed.stdout;
  }

  get stderr(): string {
    return this.#printed.stderr;
  }

  /** Waits until it has printed this. */
  async prints(what: RegExp, name: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    await until(
      () => `it prints ${String(what)}: ${this.stdout}${this.stderr}`,
      () => what.test(this.#printed[name]),
    );
  }

  /** Waits for its end. */
  async end(): Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }> {
    await this.#closed;
    const { exitCode: code, signalCode: signal } = this.child;
    return { code, signal, stdout: this.stdout, stderr: this.stderr };
  }

  /** Kills it, as another program might. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await until('it is gone', () => isGone(this.child.pid ?? 0));
  }
}
