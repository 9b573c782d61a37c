/** The shim is stopped: nothing blocks, a full control FIFO is EAGAIN, and on SIGCONT everything is done. */
import { attempt, check, until } from '../failures.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'shim-stopped',
  weight: 4,
  async run(round) {
    const { random } = round;
    const container = await round.create('stty -echo; while read x; do stty size; done; exit 5', { terminal: true });
    const process = await container.start({ stdio: round.fifos(true) });
    const shim = await until('the shim', () => round.shimOf(container.id));
    let output = '';
    const stdout = process.openStdout().on('data', (chunk) => (output += String(chunk)));
    globalThis.process.kill(shim, 'SIGSTOP');
    round.atEnd(() => resume(shim));
    let last = [0, 0];
    const code = await fill(process, random, (size) => (last = size));
    check(code === 'EAGAIN', `resize on a full control FIFO: ${code}`);
    if (random.chance(0.5)) {
      process.signal('SIGKILL');
      await until('it has ended', () => process.state() === 'stopped');
      resume(shim);
      await round.expectEnd(process, 137);
    } else {
      resume(shim);
      const stdin = process.openStdin();
      await until(`the last size, ${last.join(' ')}`, () => {
        stdin.write('\n');
        return output.includes(`${last[1]} ${last[0]}\r\n`);
      });
      stdin.destroy();
      process.signal('SIGKILL');
      await round.expectEnd(process, 137);
    }
    stdout.destroy();
    await round.deleteAndReuse(container);
  },
};

function resume(/** @type {number} */ shim) {
  try {
    process.kill(shim, 'SIGCONT');
  } catch {
    // It has exited.
  }
}

/**
 * Resizes until an error comes, and gives its code.
 * @param {import('../../dist/index.js').Process} process
 * @param {import('../random.js').Random} random
 * @param {(size: number[]) => void} onSent
 */
async function fill(process, random, onSent) {
  for (let i = 0; i < 70_000; i++) {
    // busybox's stty does not print sizes above 29999.
    /** @type {[number, number]} */
    const size = [random.int(1, 29_999), random.int(1, 29_999)];
    const began = performance.now();
    const sent = await attempt('resize', () => process.resize(size[0], size[1]));
    check(performance.now() - began < 1000, 'resize blocked');
    if ('code' in sent) return sent.code;
    onSent(size);
  }
  return 'none';
}
