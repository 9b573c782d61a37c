/** Gives the test of an example a directory, starts its programs, ends all of them afterwards, and checks that nothing is left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Container, list } from 'outlive';
import { test as base } from 'vitest';
import { processesOf } from '../test/support/proc.js';
import { until } from '../test/support/until.js';

export interface Program {
  readonly child: ChildProcess;
  /** What it has printed, both streams. */
  readonly printed: () => string;
  /** Ends it as a crash does, and waits for that. */
  readonly crash: () => Promise<void>;
}

export class Scene {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'outlive-example-')));
  readonly #ends: (() => Promise<void>)[] = [];

  /** Ends something at the end of the test; the last one first. */
  atEnd(end: () => Promise<void>): void {
    this.#ends.unshift(end);
  }

  /** A state root. What runs in it is ended with the test. */
  root(name = 'state'): string {
    const root = join(this.dir, name);
    this.atEnd(() => removeAll(root));
    return root;
  }

  /** Runs a JavaScript program, as its README says. `env` is added to this program's. */
  start(file: string, args: string[] = [], env: Record<string, string> = {}): Program {
    const child = spawn(process.execPath, [file, ...args], {
      cwd: this.dir,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit');
    let text = '';
    child.stdout.on('data', (data: Buffer) => (text += data.toString()));
    child.stderr.on('data', (data: Buffer) => (text += data.toString()));
    const crash = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
    };
    this.atEnd(crash);
    return { child, printed: () => text, crash };
  }

  async end(): Promise<void> {
    for (const end of this.#ends) await end();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Ends and removes all that runs in a state root. */
export async function removeAll(root: string): Promise<void> {
  if (!existsSync(root)) return;
  for (const process of await list({}, { root })) await process.remove({ force: true });
  await Container.cleanUp(root, { graceMs: 0 });
}

/** `test` with a `scene`. It fails if a process of the example is left. */
export const test = base.extend<{ scene: Scene }>({
  // eslint-disable-next-line no-empty-pattern
  scene: async ({}, use) => {
    const scene = new Scene();
    try {
      await use(scene);
    } finally {
      await scene.end();
    }
    const left = (): string =>
      processesOf(scene.dir)
        .map(({ pid, what }) => `${pid} ${what}`)
        .join(', ');
    await until(
      () => `all processes are gone: ${left()}`,
      () => left() === '',
    );
  },
});
