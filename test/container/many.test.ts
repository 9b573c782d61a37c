/** Many operations at once: how many runtimes they run, and how much work they do in one turn of the event loop. */
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { MAX_RUNTIMES } from '../../src/disk/runtime-slots.js';
import { Container, posix } from '../../src/index.js';
import { writeHostTestBundle } from '../support/bundles.js';
import { runtime } from '../support/fake-runtime.js';
import { type Scratch, test } from '../support/scratch.js';
import { mostInATurn } from '../support/turns.js';
import { until } from '../support/until.js';

const COUNT = 48;

/** Containers on the runtime `count`, whose commands wait until open(). */
class Counted {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async make(scratch: Scratch): Promise<{ counted: Counted; containers: Container[] }> {
    const dir = scratch.mkdir('count');
    const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), { args: ['sleep', '1000'] });
    const options = {
      root: scratch.root,
      bundle,
      runtime: runtime('count'),
      runtimeArgs: ['--root', join(dir, 'runtime')],
      runtimeEnv: { OUTLIVE_COUNT: dir, OUTLIVE_HOST: posix.nativeExecutable('outlive-host') },
    };
    const make = (): Promise<Container> => Container.create({ ...options, id: scratch.newId() });
    const containers = await Promise.all(Array.from({ length: COUNT }, make));
    for (const container of containers) scratch.keep(container);
    const counted = new Counted(dir);
    scratch.atEnd(async () => {
      counted.open();
      await Promise.resolve();
    });
    return { counted, containers };
  }

  open(): void {
    fs.writeFileSync(join(this.#dir, 'gate'), '');
  }

  close(): void {
    fs.rmSync(join(this.#dir, 'gate'));
    fs.rmSync(join(this.#dir, 'log'), { force: true });
  }

  /** The most that ran at a time. */
  get most(): number {
    let running = 0;
    const counts = Array.from(this.#log).map((mark) => (running += mark === '+' ? 1 : -1));
    return Math.max(...counts);
  }

  get begun(): number {
    return Array.from(this.#log).filter((mark) => mark === '+').length;
  }

  get ended(): number {
    return this.#log.length - this.begun;
  }

  get #log(): string {
    const path = join(this.#dir, 'log');
    return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : '';
  }
}

test('starts, looks and deletes that begin at once run at most 16 runtimes at a time', async ({ scratch }) => {
  const { counted, containers } = await Counted.make(scratch);
  const starts = Promise.all(containers.map((container) => container.start()));
  await until('all that may run wait at the gate', () => counted.begun >= MAX_RUNTIMES);
  counted.open();
  await starts;
  // A start gives its place back when the pid is there, a moment before its runtime ends.
  expect(counted.begun).toBe(COUNT);
  await until('the runtimes have ended', () => counted.ended === COUNT);

  counted.close();
  const others = containers.slice(COUNT / 2);
  const looks = containers.slice(0, COUNT / 2).map((container) => container.runtimeStatus());
  const deletes = others.map((container) => container.delete());
  await until('all that may run wait at the gate', () => counted.begun >= MAX_RUNTIMES);
  counted.open();
  expect(await Promise.all(looks)).toEqual(looks.map(() => 'running'));
  await Promise.all(deletes);
  expect(counted.most).toBe(MAX_RUNTIMES);
});

/**
 * The most that one turn may have: a few times what one operation does without a pause, and far less than what all of them
 * do together.
 */
const MOST = 300;

describe(`${COUNT} operations that begin at once share the event loop`, () => {
  test('create, start, load, loadAll, exit, delete', async ({ scratch }) => {
    const most: Record<string, number> = {};
    const bundle = await writeHostTestBundle(scratch.mkdir('bundle'), { args: ['sleep', '1000'] });
    const { root } = scratch;
    let containers: Container[] = [];
    const close = (): void => {
      for (const container of containers) container.close();
    };
    const ids = Array.from({ length: COUNT }, () => scratch.newId());
    most.create = await mostInATurn(async () => {
      containers = await Promise.all(ids.map((id) => Container.create({ root, id, bundle })));
    });
    most.start = await mostInATurn(() => Promise.all(containers.map((container) => container.start())));
    close();
    most.load = await mostInATurn(async () => {
      containers = await Promise.all(ids.map((id) => Container.load(root, id)));
    });
    close();
    most.loadAll = await mostInATurn(async () => {
      ({ containers } = await Container.loadAll(root));
    });
    const processes = containers.flatMap((container) => container.processes());
    const ending = processes.slice(0, COUNT / 2);
    const exits = ending.map((process) => process.wait());
    const pids = ending.map(({ systemPid }) => systemPid);
    most.exit = await mostInATurn(() => {
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      return Promise.all(exits);
    });
    most.delete = await mostInATurn(() => Promise.all(containers.map((container) => container.delete())));
    close();
    for (const [what, calls] of Object.entries(most)) {
      expect(calls, what).toBeGreaterThan(0);
      expect(calls, what).toBeLessThan(MOST);
    }
  });
});
