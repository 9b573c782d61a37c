/** The host runtime behind a gate: a command that the test names waits before it runs, or after. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { posix } from '../../src/index.js';
import type { Scratch } from './scratch.js';
import { until } from './until.js';

export class GatedRuntime {
  /** The program, for the option `runtime`. */
  readonly path: string;
  /** Where it keeps its state; none of the host runtime's own. */
  readonly runtimeArgs: string[];
  readonly #dir: string;

  /**
   * @param commands of the runtime that wait: `run`, `exec`, `delete` …
   * @param when before or after the runtime does it.
   */
  constructor(scratch: Scratch, commands: readonly string[], { when = 'before' }: { when?: 'before' | 'after' } = {}) {
    this.#dir = scratch.mkdir('gated');
    this.path = join(this.#dir, 'runtime');
    this.runtimeArgs = ['--root', join(this.#dir, 'state')];
    const host = posix.nativeExecutable('outlive-host');
    const wait = `echo $$ >>"${this.#dir}/came"; while [ ! -e "${this.#dir}/gate" ]; do sleep 0.01; done`;
    const gated =
      when === 'before' ? `${wait}; exec "${host}" "$@"` : `"${host}" "$@"; status=$?; ${wait}; exit $status`;
    const script = `#!/bin/sh
for word; do
  case $word in
    ${commands.join(' | ')}) ${gated} ;;
    run | create | exec | start | state | delete | kill | ps | pause | resume) exec "${host}" "$@" ;;
  esac
done
exec "${host}" "$@"
`;
    writeFileSync(this.path, script, { mode: 0o700 });
  }

  /** How many commands have come to the gate. */
  get arrivals(): number {
    const path = join(this.#dir, 'came');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
  }

  /** Waits until so many commands have come to the gate. */
  async came(count = 1): Promise<void> {
    await until(
      () => `${count} commands at the gate, ${this.arrivals} are`,
      () => this.arrivals >= count,
    );
  }

  /** Lets them all go, and those that come later. */
  open(): void {
    writeFileSync(join(this.#dir, 'gate'), '');
  }
}
