/** What the tests of faults share: reaching a shim, a bystander that must not be hit, files to break. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { posix } from '../../src/index.js';
import { currentBootId, identify } from '../../src/kernel/identity.js';
import type { Identity } from '../../src/kernel/identity.js';
import { childrenOf, isGone, shimIn, statOf } from './proc.js';
import type { Scratch } from './scratch.js';
import { until } from './until.js';

/** The pid of the shim of a process. */
export function shimPid(scratch: Scratch, id: string, processId = 'init'): number {
  const dir = join(scratch.root, id, processId);
  const found = shimIn(dir);
  if (found === undefined) throw new Error(`no shim in ${dir}`);
  return found;
}

export function sendToShim(scratch: Scratch, id: string, signal: NodeJS.Signals): void {
  process.kill(shimPid(scratch, id), signal);
}

/** Waits until a shim has taken its process from the runtime, read `pid` and recorded the identity: it has begun to sleep. */
export async function adopted(scratch: Scratch, id: string, pid: number): Promise<void> {
  const shim = shimPid(scratch, id);
  await until('the shim has its process', () => {
    // In this order: between the end of the runtime and the record the shim never sleeps.
    return childrenOf(shim).join() === String(pid) && statOf(shim)?.state === 'S';
  });
}

/** Stops it, and waits until it does nothing any more: SIGSTOP lets a system call come to its end. */
export async function stopShim(scratch: Scratch, id: string): Promise<void> {
  const pid = shimPid(scratch, id);
  process.kill(pid, 'SIGSTOP');
  await until('the stand of the shim', () => statOf(pid)?.state === 'T');
}

/** A shim that does nothing until it is let go. */
export class SlowShim {
  /** The program, for the option `shim`. */
  readonly path: string;
  readonly #gate: string;

  constructor(scratch: Scratch) {
    this.path = join(scratch.dir, 'slow-shim');
    this.#gate = join(scratch.dir, 'slow-shim-gate');
    posix.mkfifo(this.#gate, 0o600);
    const real = posix.nativeExecutable('outlive-shim');
    writeFileSync(this.path, `#!/bin/sh\nread x <"${this.#gate}"\nexec "${real}" "$@"\n`, { mode: 0o700 });
  }

  letGo(): void {
    writeFileSync(this.#gate, '\n');
  }
}

/** Kills it, and waits until it is gone. */
export async function killShim(scratch: Scratch, id: string, processId = 'init'): Promise<void> {
  const pid = shimPid(scratch, id, processId);
  process.kill(pid, 'SIGKILL');
  await until('the death of the shim', () => isGone(pid));
}

/** A process that no container knows, whatever its files say. */
export class Bystander {
  readonly #child: ChildProcess = spawn('sleep', ['1000'], { stdio: 'ignore' });

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Its identity, as a file that tells lies could have it. */
  identity(): Identity {
    const identity = identify(this.pid);
    if (identity === undefined) throw new Error('the bystander is gone');
    return identity;
  }

  isUnharmed(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && !isGone(this.pid);
  }

  async end(): Promise<void> {
    if (!this.isUnharmed()) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

export const anotherBootId = '00000000-0000-4000-8000-000000000000';
export { currentBootId };
