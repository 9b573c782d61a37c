/** Shim and process are killed at the same time: 137 if the shim could still record it, else lost. */
import { check, until, within } from '../failures.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'both-killed',
  weight: 4,
  async run(round) {
    const container = await round.create('exec sleep 1000');
    const process = await container.start({ stdio: round.fifos() });
    const shim = await until('the shim', () => round.shimOf(container.id));
    const victims = [process.systemPid, shim];
    if (round.random.chance(0.5)) victims.reverse();
    for (const pid of victims) globalThis.process.kill(pid, 'SIGKILL');
    const exit = await within('the end', process.wait());
    check(exit.status === 137 || (exit.status === undefined && exit.lost), `told was ${JSON.stringify(exit)}`);
    await round.deleteAndReuse(container);
  },
};
