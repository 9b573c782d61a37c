/** The shim is killed: the exit is lost at once with a reason, all processes are ended, the id can be used again. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isGone } from '../../test/support/proc.js';
import { Finding, check, until, within } from '../failures.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'shim-killed',
  weight: 8,
  async run(round) {
    const { random } = round;
    const terminal = random.chance(0.5);
    const ofExec = random.chance(0.3);
    let container = await round.create(ofExec ? 'exec sleep 1000' : 'sleep 1000; :', { terminal });
    const { id } = container;
    let process = await container.start({ stdio: round.fifos(terminal) });
    if (ofExec) process = await container.exec('second', { args: ['sleep', '1000'] }, { stdio: round.fifos() });
    const pid = process.systemPid;
    const shim = await until('the shim', () => round.shimOf(id, process.id));
    const unseen = random.chance(0.4);
    if (unseen) container.close();
    if (!ofExec && round.runtime === 'runc' && random.chance(0.5)) spawnSync('runc', ['pause', id]);
    globalThis.process.kill(shim, 'SIGKILL');
    if (unseen) {
      await until('the death of the shim', () => isGone(shim));
      container = await round.load(id);
      const found = container.processes().find((one) => one.id === process.id);
      if (found === undefined) throw new Finding('lost', `${process.id} is gone`);
      process = found;
    }
    const exit = await within('the end, told', process.wait());
    check(exit.status === undefined && (exit.lost ?? '') !== '', `told was ${JSON.stringify(exit)}`);
    // A later supervisor knows an exec'ed process only by the identity that the shim recorded; a pid alone may be reused.
    const isKnown = !ofExec || !unseen || existsSync(round.file(id, 'identity.json', process.id));
    const ended = () =>
      until(`the end of what the shim left (${pid}), ${isKnown ? 'known' : 'unknown'}`, () => isGone(pid), {
        kind: 'left',
      });
    if (isKnown) await ended();
    if (ofExec) check(container.state() === 'running', 'the first process did not live on');
    await round.deleteAndReuse(container);
    await ended();
  },
};
