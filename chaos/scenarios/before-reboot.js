/** State from before a reboot: the exit is lost with that reason, and the process that has the pid now is not touched. */
import { writeFileSync } from 'node:fs';
import { isGone } from '../../test/support/proc.js';
import { Finding, check, codeOf, until, within } from '../failures.js';
import { Decoy } from './decoy.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'before-reboot',
  weight: 3,
  async run(round) {
    const decoy = new Decoy(round);
    const container = await round.create('exec sleep 1000', { runtime: 'host' });
    const { id } = container;
    const { systemPid } = await container.start();
    const shim = await until('the shim', () => round.shimOf(id));
    container.close();
    for (const pid of [shim, systemPid]) process.kill(pid, 'SIGKILL');
    await until('their end', () => [shim, systemPid].every(isGone));
    const { pid, startTimeTicks } = decoy;
    const bootId = '00000000-0000-4000-8000-000000000000';
    writeFileSync(round.file(id, 'identity.json'), JSON.stringify({ pid, startTimeTicks, bootId }));
    writeFileSync(round.file(id, 'pid'), String(pid));
    const loaded = await round.load(id);
    const [found] = loaded.processes();
    if (found === undefined) throw new Finding('lost', 'the process is gone');
    const exit = await within('the end', found.wait());
    check(exit.status === undefined && /anew/.test(exit.lost ?? ''), `told was ${JSON.stringify(exit)}`);
    check((await codeOf('signal', () => found.signal('SIGKILL'))) === 'ERR_PROCESS_EXITED', 'a signal was sent');
    decoy.check();
    await round.deleteAndReuse(loaded);
    decoy.check();
  },
};
