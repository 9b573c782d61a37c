/** test/fixtures/follower.mjs, from the test's side. */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Container } from '../../src/index.js';
import { readIfThere, targetOf } from './proc.js';
import type { Scratch } from './scratch.js';
import { until } from './until.js';

const FOLLOWER = fileURLToPath(new URL('../fixtures/follower.mjs', import.meta.url));

/** A program that follows a log, and writes what it gets to a file. */
export class Follower {
  readonly report: string;
  readonly #args: string;
  #child: ChildProcess | undefined;

  constructor(scratch: Scratch, container: Container, options: object = {}) {
    const dir = scratch.mkdir('follower');
    this.report = join(dir, 'report');
    const { root } = scratch;
    this.#args = JSON.stringify({
      root,
      id: container.id,
      report: this.report,
      ...options,
    });
    scratch.atEnd(() => this.kill());
  }

  start(): void {
    this.#child = fork(FOLLOWER, [this.#args], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  async kill(): Promise<void> {
    if (this.#child === undefined || this.#hasEnded) return;
    this.#child.kill('SIGKILL');
    await this.ended();
  }

  /** Its exit code, or the name of the signal that ended it, when it has ended. If it does not, the error says what it waits for. */
  async ended(): Promise<number | NodeJS.Signals | null | undefined> {
    const child = this.#child;
    await until(
      () => `the end of a follower with ${this.lines().length} lines: ${state(child?.pid ?? 0)}`,
      () => this.#hasEnded,
    );
    return child?.signalCode ?? child?.exitCode;
  }

  get #hasEnded(): boolean {
    return this.#child?.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The lines that it has got, each with its time. */
  lines(): { line: string; timeMs: number }[] {
    if (!existsSync(this.report)) return [];
    const whole = readFileSync(this.report, 'utf8').split('\n').slice(0, -1);
    return whole.flatMap((record) => {
      const { timeMs, lines } = JSON.parse(record) as { timeMs: number; lines: string[] };
      return lines.map((line) => ({ line, timeMs }));
    });
  }
}

/**
 * What a process that does not end is about: its descriptors, and for each thread its state and the kernel's function that it
 * waits in. If the main thread is in `do_epoll_wait`, it waits for an event; in `futex…`, for its own threads, as Node does at the
 * end (nodejs/node#54918); if it is in state D, for the kernel (a stack is there for root only).
 */
function state(pid: number): string {
  if (!existsSync(`/proc/${pid}/task`)) return `pid ${pid} is gone`;
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const dir = `/proc/${pid}/task/${thread}`;
    const letter = /^State:\t(.)/m.exec(readIfThere(`${dir}/status`))?.[1];
    const stack = letter === 'D' ? `: ${readIfThere(`${dir}/stack`).trim().replaceAll('\n', ', ')}` : '';
    return `${letter} in ${readIfThere(`${dir}/wchan`)}${stack}`;
  });
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => `${fd} ${targetOf(`/proc/${pid}/fd/${fd}`)}`);
  return [...threads, ...open].join('; ');
}
