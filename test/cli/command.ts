/** Runs the built command as another program would, in a state root of the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Container, list, run } from '../../src/index.js';
import type { Process, RunOptions } from '../../src/index.js';
import { type Scratch, test as base } from '../support/scratch.js';

export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** A state root, and the command on it. */
export class Jobs {
  readonly root: string;

  constructor(scratch: Scratch) {
    this.root = scratch.root;
    scratch.atEnd(() => this.#end());
  }

  /** Runs `outlive <args>`. @param env replaces variables. @param uid of another user, for root only. */
  async outlive(args: readonly string[], env: NodeJS.ProcessEnv = {}, uid?: number): Promise<Result> {
    const child = spawn(process.execPath, [main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
      env: { ...process.env, OUTLIVE_ROOT: this.root, NO_COLOR: '1', ...env },
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { stdout, stderr, code: child.exitCode };
  }

  /** The parsed stdout of a call that succeeds. */
  async json<T>(args: readonly string[]): Promise<T> {
    const { stdout, stderr, code } = await this.outlive(args);
    if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** A job that this program started, and that another one, the command, sees. */
  async start(id: string, args: readonly string[], options: RunOptions = {}): Promise<Process> {
    return run(args, { root: this.root, id, ...options });
  }

  /** One that has ended. */
  async startEnded(id: string, args: readonly string[], options: RunOptions = {}): Promise<Process> {
    const job = await this.start(id, args, options);
    await job.wait();
    return job;
  }

  /** Ends and removes all jobs, whoever started them. */
  async #end(): Promise<void> {
    for (const job of await list({}, { root: this.root })) await job.remove({ force: true });
    const { containers } = await Container.loadAll(this.root);
    for (const container of containers) await container.delete();
  }
}

export const test = base.extend<{ jobs: Jobs }>({
  jobs: async ({ scratch }, use) => use(new Jobs(scratch)),
});

/** One sentence of the command on stderr. */
export const sentence = (what: RegExp): RegExp => new RegExp(`^outlive: .*${what.source}.*\\n$`);
