/** A process exits while no supervisor runs: a load finds the exact status, and two supervisors see the same. */
import { Finding, check, within } from '../failures.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'unseen-exit',
  weight: 6,
  async run(round) {
    const { random, root } = round;
    const code = random.int(0, 255);
    const wait = random.int(0, 60) / 1000;
    const options = await round.options(`sleep ${wait}; exit ${code}`);
    const starter = await round.supervisor();
    await starter.ask('create', { options });
    await starter.ask('start', { id: options.id, options: { stdio: round.fifos() } });
    await starter.kill();
    const other = await round.supervisor();
    await other.ask('load', { root, id: options.id });
    const elsewhere = other.ask('wait', { id: options.id });
    const container = await round.load(options.id);
    const [process] = container.processes();
    if (process === undefined) throw new Finding('lost', 'the process is gone');
    await round.expectEnd(process, code);
    const { status } = await within('the end, elsewhere', elsewhere);
    check(status === code, `another supervisor was told ${status}, not ${code}`);
    const late = await round.load(options.id);
    check(late.processes()[0]?.exitStatus() === code, 'a later supervisor is told something else');
    await round.deleteAndReuse(container);
  },
};
