/** A container that shares the host's pid namespace: the end of its first process does not end the others. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Container, type Process, type Spec } from '../../src/index.js';
import { runtimeArgs, writeContainerBundle } from '../support/bundles.js';
import { isGone, processesWith } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot, wantRight } from '../support/strict.js';
import { killShim } from '../support/shims.js';
import { until } from '../support/until.js';

/** A rootless runc has no cgroup that it could freeze. */
const freezes = wantRight('root, to freeze a cgroup', isRoot);

function withoutPidNamespace(spec: Spec): Spec {
  const namespaces = spec.linux?.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
  return { ...spec, linux: { ...spec.linux, namespaces } };
}

interface Shared {
  container: Container;
  init: Process;
  /** Pids of what the first process has started. */
  others: () => number[];
}

/** Its first process leaves others in the background, and ends with 5 when its stdin is closed. */
async function start(scratch: Scratch, runtime: string, timeoutMs = 15_000): Promise<Shared> {
  // A number that stands for the container in the command lines of what it leaves.
  const seconds = 1_000_000 + Math.floor(Math.random() * 1e9);
  const script = `sleep ${seconds} & (sleep ${seconds} &) ; read x; exit 5`;
  const bundle = writeContainerBundle(
    scratch.mkdir('bundle'),
    runtime,
    { args: ['sh', '-c', script] },
    { rootless: !isRoot, change: withoutPidNamespace },
  );
  const container = scratch.keep(
    await Container.create({
      ...{ root: scratch.root, id: scratch.newId(), bundle, runtime, timeoutMs },
      runtimeArgs: runtimeArgs(runtime, scratch.dir),
    }),
  );
  const init = await container.start({ stdio: scratch.fifos() });
  const others = (): number[] => processesWith(`sleep\0${seconds}`).filter((pid) => !isGone(pid));
  await until('the others run', () => others().length === 2);
  return { container, init, others };
}

describe.each(runtimes.filter((name) => name !== 'host' && freezes))('%s', (runtime) => {
  test('the end of the first process is told as ever, with its exact status', async ({ scratch }) => {
    const { container, init, others } = await start(scratch, runtime);
    const ended = init.wait();
    init.closeStdin();
    expect(await ended).toMatchObject({ status: 5, record: { code: 5 } });
    expect([init.state(), container.state()]).toEqual(['stopped', 'stopped']);
    await container.delete();
    expect(others()).toEqual([]);
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
  });

  test('delete() while it runs ends all of them', async ({ scratch }) => {
    const { container, init, others } = await start(scratch, runtime);
    await container.delete();
    expect(isGone(init.systemPid)).toBe(true);
    expect(others()).toEqual([]);
  });

  test("an exec'ed process ends with it, and its end is told", async ({ scratch }) => {
    const { container, init, others } = await start(scratch, runtime);
    const job = await container.exec('job', { args: ['sleep', '1000'] });
    init.closeStdin();
    expect(await init.wait()).toMatchObject({ status: 5 });
    await container.delete();
    expect(isGone(job.systemPid)).toBe(true);
    expect(others()).toEqual([]);
  });

  test('delete() of another supervisor, after the first process has ended, leaves nothing', async ({ scratch }) => {
    const { container, init, others } = await start(scratch, runtime);
    init.closeStdin();
    await init.wait();
    container.close();
    const other = scratch.keep(await Container.load(scratch.root, container.id));
    expect(await other.processes()[0]?.wait()).toMatchObject({ status: 5 });
    await other.delete();
    expect(others()).toEqual([]);
  });

  test('delete() leaves nothing when the shim has died', async ({ scratch }) => {
    const { container, init, others } = await start(scratch, runtime);
    container.close();
    // With the shim, the program's stdin ends, and so does the program.
    await killShim(scratch, container.id);
    await until('the program has ended', () => isGone(init.systemPid));
    await container.delete();
    expect(others()).toEqual([]);
    expect(existsSync(join(scratch.root, container.id))).toBe(false);
  });
});
