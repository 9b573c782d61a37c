/** Private memory of an idle shim, beside a static C program that only sits in epoll_wait. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { makeStdioFifos } from '../dist/index.js';
import { ConmonProcess, hasConmon } from './peers.js';
import { atMost } from './starts.js';
import { median, shimOf, privateDirtyKb, row } from './world.js';

const SETTLE_MS = 300;

export async function shimMemory(/** @type {import('./world.js').World} */ world) {
  const root = world.dir();
  const plain = await world.bundle([world.bin('idle')]);
  const onTerminal = await world.bundle([world.bin('idle')], { terminal: true });
  const kinds = [
    { name: 'stdio /dev/null', bundle: plain, stdio: () => ({}) },
    { name: 'three FIFOs', bundle: plain, stdio: () => makeStdioFifos(world.dir()) },
    { name: 'a log', bundle: plain, stdio: () => /** @type {const} */ ({ stdout: 'log' }), goal: 72 },
    {
      name: 'a terminal, host runtime',
      bundle: onTerminal,
      runtime: 'host',
      stdio: () => makeStdioFifos(world.dir(), { terminal: true }),
    },
  ];
  const floor = spawn(world.bin('idle'), { stdio: 'ignore' });
  await once(floor, 'spawn');
  try {
    /** @type {import('./world.js').Row[]} */
    const rows = [];
    for (const { name, bundle, runtime, stdio, goal = 64 } of kinds) {
      const containers = [];
      const shims = [];
      for (let i = 0; i < 7; i++) {
        const container = await world.create({ root, bundle, ...(runtime && { runtime }) });
        const process = await world.start(container, { stdio: stdio() });
        containers.push(container);
        shims.push(await shimOf(process.systemPid));
      }
      await delay(SETTLE_MS);
      const ours = median(shims.map(privateDirtyKb));
      const peer = privateDirtyKb(floor.pid ?? 0);
      const figure = `private memory of an idle shim: ${name}`;
      rows.push(row(figure, { ours, unit: 'kB', peer, peerName: 'static epoll', ...atMost(ours, goal, 'kB') }));
      for (const container of containers) await world.end(container);
    }
    if (hasConmon) {
      const conmon = new ConmonProcess(world);
      await conmon.start(world, plain);
      await delay(SETTLE_MS);
      const peer = privateDirtyKb(conmon.shim);
      await conmon.kill(world);
      const [plainStdio] = rows;
      if (plainStdio === undefined) throw new Error('no shim was measured');
      rows.push(row(plainStdio.figure, { ours: plainStdio.ours, unit: 'kB', peer, peerName: 'conmon' }));
    }
    return rows;
  } finally {
    const exited = once(floor, 'exit');
    floor.kill('SIGKILL');
    await exited;
  }
}
