/** test/fixtures/follower.mjs, from the test's side. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Container } from '../../src/index.js';
import { readIfThere, statOf, targetOf } from './proc.js';
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
      cursorFile: join(dir, 'cursor'),
      ...options,
    });
    scratch.atEnd(() => this.kill());
  }

  start(): void {
    this.#child = fork(FOLLOWER, [this.#args], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Its exit code, or the name of the signal that ended it, when it has ended. If it does not, the error says what it waits for. */
  async ended(): Promise<number | NodeJS.Signals | null | undefined> {
    const child = this.#child;
    await until(
      () => `the end of a follower with ${this.lines().length} lines: ${state(child?.pid ?? 0)}`,
      () => child?.exitCode !== null || child.signalCode !== null,
    );
    return child?.signalCode ?? child?.exitCode;
  }

  /** The lines that it has got, each with its time. */
  lines(): { line: string; timeMs: number }[] {
    if (!existsSync(this.report)) return [];
    const whole = readFileSync(this.report, 'utf8').split('\n').slice(0, -1);
    return whole.map((line) => JSON.parse(line) as { line: string; timeMs: number });
  }
}

/** What a process that does not end is about: its state, the kernel's function that it waits in, and its descriptors. */
function state(pid: number): string {
  const stat = statOf(pid);
  if (stat === undefined) return `pid ${pid} is gone`;
  const fds = existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`) : [];
  const open = fds.map((fd) => `${fd} ${targetOf(`/proc/${pid}/fd/${fd}`)}`);
  return `${stat.state} in ${readIfThere(`/proc/${pid}/wchan`)}; ${open.join(', ')}`;
}
