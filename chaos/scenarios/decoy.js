/** A process outside all containers, which must survive whatever is done to them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { statOf } from '../../test/support/proc.js';
import { check, until } from '../failures.js';

export class Decoy {
  #child = spawn('sleep', ['1000'], { stdio: 'ignore' });

  constructor(/** @type {import('../round.js').Round} */ round) {
    round.atEnd(() => this.#end());
  }

  /** Waits for the next clock tick, so that later processes have another start time. */
  async grownOld() {
    const { uptime } = this;
    await until('a later tick', () => this.uptime > uptime + 0.02);
  }

  get uptime() {
    return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  }

  get pid() {
    return this.#child.pid ?? 0;
  }

  get startTimeTicks() {
    return statOf(this.pid)?.startTimeTicks ?? 0;
  }

  check() {
    const { exitCode, signalCode } = this.#child;
    check(exitCode === null && signalCode === null, `the decoy was hit: ${signalCode}`);
  }

  async #end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
