/**
 * What members.js measures, in a program of its own, since that is in another mount namespace: the operations on a container
 * of the host runtime with many members. Prints the milliseconds of each operation as JSON.
 * Arguments: the program that has the members, how many, and how many rounds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { World, untilInterrupted } from './world.js';

const [program = '', members = '', rounds = ''] = process.argv.slice(2);

/** @type {Record<string, number[]>} */
const took = {};

async function timed(/** @type {string} */ name, /** @type {() => Promise<unknown>} */ task) {
  const begin = performance.now();
  await task();
  (took[name] ??= []).push(performance.now() - begin);
}

async function measure(/** @type {World} */ world) {
  const bundle = await world.bundle([program, members]);
  const root = world.dir();
  for (let round = Number(rounds); round > 0; round--) {
    const container = await world.create({ root, bundle, runtime: 'host', timeoutMs: 60_000 });
    const first = await world.start(container);
    while ((await container.pids()).length <= Number(members)) await delay(10);
    for (let i = 0; i < 3; i++) await timed('pids()', () => container.pids());
    for (let i = 0; i < 3; i++) await timed('stats()', () => container.stats());
    await timed('pause()', () => container.pause());
    await timed('resume()', () => container.resume());
    await timed("killAll('SIGCONT')", () => container.killAll('SIGCONT'));
    // The shim has the runtime end the other members when the first has ended.
    await timed('SIGKILL to the first, wait() and delete()', async () => {
      first.signal('SIGKILL');
      await first.wait();
      await container.delete();
    });
    world.forget(container.id);
  }
}

const world = new World({ quick: true, containers: 1 });
process.exitCode = await untilInterrupted(measure(world))
  .then(() => 0)
  .catch((error) => {
    console.error(`benchmark: ${error.stack}`);
    return 1;
  });
await world.cleanUp();
if (process.exitCode === 0) process.stdout.write(JSON.stringify(took));
