/** Many short processes at once: each status is exact, no exit is missed or reported twice. */
import { Container } from '../../dist/index.js';
import { check, within } from '../failures.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'many-short',
  weight: 4,
  async run(round) {
    const { random } = round;
    const count = round.runtime === 'host' ? 30 : 5;
    const host = await round.create('exec sleep 1000');
    const init = await host.start();
    const jobs = Array.from({ length: count }, (_, i) => ({ i, code: random.int(0, 255), later: random.chance(0.5) }));
    await Promise.all(
      jobs.map(async ({ i, code, later }) => {
        const script = `${later ? `sleep 0.0${random.int(1, 9)}; ` : ''}exit ${code}`;
        const process =
          i % 2 === 0
            ? await host.exec(`p${i}`, { args: ['sh', '-c', script] })
            : await round.keep(await Container.create(await round.options(script))).start();
        const told = await within(`the end of ${i}`, Promise.all([process.wait(), process.wait()]), 15_000);
        for (const { status } of told) check(status === code, `${i} ended with ${code}, told was ${status}`);
        check(process.exitStatus() === code, 'exitStatus() says something else');
        if (process.container !== host) await process.container.delete();
        else await host.removeProcess(process.id);
      }),
    );
    check(host.processes().length === 1, 'a removed process is still there');
    init.signal('SIGKILL');
    await round.expectEnd(init, 137);
    await round.deleteAndReuse(host);
  },
};
