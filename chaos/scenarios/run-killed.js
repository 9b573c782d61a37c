/** A program is killed at a random instant of run(); its id is never stuck: find() has its process, or run() makes it anew. */
import { Container, find, run } from '../../dist/index.js';
import { attempt, check, until, within } from '../failures.js';
import { runUntilKilled } from './supervisor-killed.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'run-killed',
  weight: 12,
  async run(round) {
    const { root, random } = round;
    const id = round.name('c');
    const options = { root, id, env: { CHAOS: round.marker }, scope: /** @type {const} */ ('none') };
    await runUntilKilled(round, 'run', { run: { args: ['sleep', '1000'], options } });
    const found = await attempt('find', () => find(id, { root }));
    const process = /** @type {import('../../dist/index.js').Process | undefined} */ (
      'code' in found ? undefined : found.value
    );
    if ('code' in found) check(found.code === 'ERR_CONTAINER_NOT_FOUND', `find: ${found.code}`);
    await until('it runs or has ended', () => process === undefined || process.hasEnded || process.systemPid > 0);
    const lost = process?.hasEnded === true ? (await within('its end', process.wait())).lost : undefined;
    if (process !== undefined && lost?.startsWith('the process was never started') !== true) {
      check(lost === undefined, `the end is lost: ${lost}`);
      const again = await attempt('run of a used id', () => run(['true'], options));
      check('code' in again && again.code === 'ERR_CONTAINER_EXISTS', 'run() took the id of a process that runs');
      await within('remove', process.remove({ force: true }), 20_000);
    }
    process?.container.close();
    const code = random.int(0, 255);
    const next = await within('run of a free id', run(['sh', '-c', `exit ${code}`], options), 20_000);
    await round.expectEnd(next, code);
    await within('remove', next.remove(), 20_000);
    await Container.cleanUp(root, { graceMs: 0 });
  },
};
