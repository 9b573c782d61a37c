/** Gives each test a directory and containers, ends them afterwards, and checks for leaks. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test as base } from 'vitest';
import { Container, type ContainerOptions, type Process, type Stdio, makeStdioFifos } from '../../src/index.js';
import { type ProcessOverrides, runtimeArgs, writeTestBundle } from './bundles.js';
import { childrenOf, openDescriptors } from './proc.js';
import { endRemains, leftCgroups } from './remains.js';
import { until } from './until.js';

let serial = 0;

export class Scratch {
  /** The test's directory. */
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'outlive-test-')));
  /** The state root. */
  readonly root = join(this.dir, 'state');
  /** When it was made, by the wall clock. */
  readonly madeMs = Date.now();
  readonly #ids: string[] = [];
  readonly #containers: Container[] = [];
  readonly #ends: (() => Promise<void>)[] = [];

  constructor() {
    mkdirSync(this.root, { mode: 0o700 });
  }

  /** An id that no other container on the machine has. */
  newId(): string {
    const id = `outlive-test-${process.pid}-${serial++}`;
    this.#ids.push(id);
    return id;
  }

  /** A new directory. */
  mkdir(name: string): string {
    const path = join(this.dir, `${name}-${serial++}`);
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  /** A container with a bundle for this runtime. */
  async container(
    runtime: string,
    overrides: ProcessOverrides,
    options: Partial<ContainerOptions> = {},
  ): Promise<Container> {
    const bundle = await writeTestBundle(this.mkdir('bundle'), runtime, overrides);
    const args = runtimeArgs(runtime, this.dir);
    const container = await Container.create({
      root: this.root,
      id: this.newId(),
      bundle,
      runtime,
      runtimeArgs: args,
      ...options,
    });
    return this.keep(container);
  }

  /** Closes a container, which the test made or loaded, at the end of the test. */
  keep(container: Container): Container {
    this.#containers.push(container);
    return container;
  }

  /** Calls `end` at the end of the test, before anything else is ended. */
  atEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /** FIFOs for a process. */
  fifos(terminal = false): Stdio {
    return makeStdioFifos(this.mkdir('io'), { terminal });
  }

  /** Starts a container's process and collects what it prints. */
  async run(container: Container): Promise<{ process: Process; stdout: Promise<string>; stderr: Promise<string> }> {
    const stdio = this.fifos();
    const started = await container.start({ stdio });
    return { process: started, stdout: text(started.openStdout()), stderr: text(started.openStderr()) };
  }

  /** Throws the first error, and if a process outlives all that; the rest is ended all the same. */
  async end(): Promise<void> {
    const errors: unknown[] = [];
    const attempt = async (end: () => Promise<void>): Promise<void> => {
      try {
        await end();
      } catch (error) {
        errors.push(error);
      }
    };
    for (const end of this.#ends) await attempt(end);
    for (const id of this.#ids) {
      const container = await Container.load(this.root, id).catch(() => undefined);
      await attempt(async () => container?.delete());
    }
    for (const container of this.#containers) container.close();
    const left = await endRemains([this.dir, ...this.#ids]);
    if (left.length > 0) errors.push(new Error(`the test left processes behind: ${left.join('; ')}`));
    const cgroups = leftCgroups(this.#ids, this.madeMs);
    if (cgroups.length > 0) errors.push(new Error(`the test left cgroups behind: ${cgroups.join(' ')}`));
    rmSync(this.dir, { recursive: true, force: true });
    if (errors.length > 0) throw errors[0];
  }
}

/** `test` with a `scratch`. It fails if the test leaves descriptors open or children behind. */
export const test = base.extend<{ scratch: Scratch }>({
  // eslint-disable-next-line no-empty-pattern
  scratch: async ({}, use) => {
    const descriptors = openDescriptors();
    const children = childrenOf();
    const scratch = new Scratch();
    try {
      await use(scratch);
    } finally {
      await scratch.end();
    }
    const leaked = (): string[] => openDescriptors().filter((what) => !descriptors.includes(what));
    await until(
      () => `the descriptors are closed: ${leaked().join(', ')}`,
      () => openDescriptors().length <= descriptors.length,
    );
    await until('all children are reaped', () => childrenOf().every((pid) => children.includes(pid)));
  },
});
