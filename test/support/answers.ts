/** A container on the fake runtime `answers`, which records its calls and answers them as the test says. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Container, Process } from '../../src/index.js';
import type { Scratch } from './scratch.js';

const path = fileURLToPath(new URL('../fixtures/runtimes/answers', import.meta.url));

export class AnsweringRuntime {
  private constructor(
    readonly container: Container,
    readonly dir: string,
    private readonly globals: readonly string[],
  ) {}

  /** Makes the container; its process ends when its stdin is closed. */
  static async make(scratch: Scratch): Promise<AnsweringRuntime> {
    const dir = scratch.mkdir('record');
    const globals = ['--record', dir, '--script', 'read x'];
    const container = await scratch.container(path, { args: ['unused'] }, { runtimeArgs: globals });
    return new AnsweringRuntime(container, dir, globals);
  }

  /** Runs `body` while the container's process runs, and ends that. */
  static async with(
    scratch: Scratch,
    body: (runtime: AnsweringRuntime, process: Process) => Promise<void>,
  ): Promise<void> {
    const runtime = await AnsweringRuntime.make(scratch);
    const process = await runtime.container.start({ stdio: scratch.fifos() });
    runtime.status('running');
    try {
      await body(runtime, process);
    } finally {
      if (!process.hasEnded) process.signal('SIGKILL');
      await process.wait();
    }
  }

  /** Sets what the runtime's `state` command says from now on. */
  status(status: string, bundle = this.container.bundle): void {
    this.prints('state', JSON.stringify({ status, bundle }));
  }

  prints(command: string, text: string): void {
    writeFileSync(join(this.dir, `${command}.out`), text);
  }

  /** @param times how often, counted from its first call. */
  fails(command: string, message: string, times?: number): void {
    if (times !== undefined) writeFileSync(join(this.dir, `${command}.times`), String(times));
    writeFileSync(join(this.dir, `${command}.error`), message);
  }

  /** How often it was called. */
  count(command: string): number {
    const all = readFileSync(join(this.dir, 'commands'), 'utf8').split('\n');
    return all.filter((each) => each === command).length;
  }

  hangs(command: string): void {
    writeFileSync(join(this.dir, `${command}.hang`), '');
  }

  wasAsked(command: string): boolean {
    return existsSync(join(this.dir, `${command}.argv`));
  }

  /** The arguments after the global ones at the last call of a command. */
  argv(command: string): string[] {
    const all = readFileSync(join(this.dir, `${command}.argv`), 'utf8')
      .trimEnd()
      .split('\n');
    const [log, file, format, json, ...rest] = all;
    if (log !== '--log' || file === undefined || format !== '--log-format' || json !== 'json') {
      throw new Error(`the call does not begin with --log and --log-format: ${all.join(' ')}`);
    }
    if (rest.slice(0, this.globals.length).join() !== this.globals.join())
      throw new Error(`the global arguments are missing: ${rest.join(' ')}`);
    return rest.slice(this.globals.length);
  }
}
