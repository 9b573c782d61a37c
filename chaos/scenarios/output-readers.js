/** Output readers that never come, come late or twice, and grandchildren that hold the output: the exit waits for none. */
import { text } from 'node:stream/consumers';
import { check, within } from '../failures.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'output-readers',
  weight: 5,
  async run(round) {
    const { random } = round;
    const terminal = random.chance(0.4);
    const code = random.int(0, 255);
    // No more than a FIFO holds without a reader.
    const size = random.int(1, 16_000);
    const grandchild = random.chance(0.3) ? 'sleep 1000 & ' : '';
    const print = `head -c ${size} /dev/zero | tr '\\0' x`;
    const stdio = round.fifos(terminal);
    const container = await round.create(`${grandchild}${print}; exit ${code}`, { terminal });
    const process = await container.start({ stdio });
    const way = random.pick(['never', 'late', 'twice', 'from the start']);
    round.note(`${way}${terminal ? ', terminal' : ''}${grandchild === '' ? '' : ', grandchild'}, ${size} bytes`);
    /** @type {Promise<string>[]} */
    const readers = [];
    if (way === 'from the start') readers.push(text(process.openStdout()));
    await round.expectEnd(process, code);
    if (way === 'late' || way === 'twice') readers.push(text(process.openStdout()));
    if (way === 'twice') readers.push(text(process.openStdout()));
    const parts = await within('the output', Promise.all(readers));
    const got = parts.join('');
    if (readers.length > 0)
      check(got === 'x'.repeat(size), `${got.length} bytes of ${size} came to the reader (${way})`);
    await round.deleteAndReuse(container);
  },
};
