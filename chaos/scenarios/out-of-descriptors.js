/** A supervisor without free descriptors: operations fail with a code and work later, and no exit is missed. */
import { attempt, check, within } from '../failures.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'out-of-descriptors',
  weight: 4,
  needs: ({ has }) => (has('prlimit') ? undefined : 'prlimit'),
  async run(round) {
    const { random } = round;
    const code = random.int(0, 255);
    const stdio = round.fifos();
    const options = await round.options(`read x; exit ${code}`);
    const { id } = options;
    const supervisor = await round.supervisor();
    await supervisor.ask('create', { options });
    await supervisor.ask('start', { id, options: { stdio } });
    const ended = supervisor.ask('wait', { id });
    ended.catch(() => undefined);
    const before = await supervisor.ask('descriptors');
    // From no new descriptor at all to almost enough.
    const limit = Math.max(3, Number(await supervisor.ask('highestDescriptor')) + random.int(-12, 8));
    check(supervisor.limitDescriptors(limit), 'prlimit failed');
    const spec = { args: ['sh', '-c', 'exit 0'] };
    const second = await attempt('exec', () => supervisor.ask('exec', { id, processId: 'second', spec }));
    check(!('code' in second) || second.code === 'EMFILE', `exec: ${second.code}`);
    const container = await round.load(id);
    container
      .processes()
      .find((one) => one.id === 'init')
      ?.openStdin()
      .end('\n');
    await new Promise((resolve) => setTimeout(resolve, random.int(0, 150)));
    supervisor.limitDescriptors(1024);
    const exit = await within('the end, told to a supervisor that had no descriptors', ended);
    check(exit.status === code, `told was ${JSON.stringify(exit)}, it ended with ${code}`);
    if (!('code' in second)) await supervisor.ask('wait', { id, processId: 'second' });
    const after = await supervisor.ask('descriptors');
    check(after <= before + 1, `${after - before} descriptors more than before`);
    container.close();
    await supervisor.ask('delete', { id });
  },
};
