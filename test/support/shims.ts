/** For tests that break things: reaching a shim, a slow shim, and a bystander that must not be signalled. */
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

/** Waits until the shim has adopted the process, read `pid` and recorded the identity: then it sleeps. */
export async function adopted(scratch: Scratch, id: string, pid: number): Promise<void> {
  const shim = shimPid(scratch, id);
  await until('the shim has adopted its process', () => {
    // In this order: between the end of the runtime and the record the shim never sleeps.
    return childrenOf(shim).join() === String(pid) && statOf(shim)?.state === 'S';
  });
}

/** Stops the shim, and waits until it is stopped: on SIGSTOP a running system call ends first. */
export async function stopShim(scratch: Scratch, id: string): Promise<void> {
  const pid = shimPid(scratch, id);
  process.kill(pid, 'SIGSTOP');
  await until('the shim is stopped', () => statOf(pid)?.state === 'T');
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

/** A process that belongs to no container, whatever forged state files say. */
export class Bystander {
  readonly #child: ChildProcess = spawn('sleep', ['1000'], { stdio: 'ignore' });

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Its identity, to be put into forged files. */
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
