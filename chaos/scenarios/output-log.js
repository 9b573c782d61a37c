/**
 * A job whose output goes to a log within bounds, and readers that stop at random and go on from their cursors, while the shim is
 * killed, the log's directory is removed, or nothing happens: each byte that the job says it has written is right, or in a gap.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isGone } from '../../test/support/proc.js';
import { check, until, within } from '../failures.js';
import { removeWhileUsed } from '../leftovers.js';

/** A line: its number in 8 digits, and a newline. */
const LINE = 9;

/** What the job prints from this byte on. */
function expected(/** @type {number} */ from, /** @type {number} */ size) {
  const first = Math.floor(from / LINE);
  const count = Math.ceil((from + size) / LINE) - first;
  const all = Array.from({ length: count }, (_, i) => `${String(first + i).padStart(8, '0')}\n`).join('');
  return all.slice(from - first * LINE, from - first * LINE + size);
}

/** A reader that ends its iteration after random numbers of items, and goes on from its cursor. */
class Reader {
  position = 0;
  gaps = 0;
  /** @type {number | undefined} */
  end;
  /** @type {string} */
  #from = 'start';
  #process;
  #random;

  constructor(
    /** @type {import('../../dist/index.js').Process} */ process,
    /** @type {import('../random.js').Random} */ random,
  ) {
    this.#process = process;
    this.#random = random;
  }

  /** Reads until the log has ended. */
  async run() {
    for (;;) {
      let left = this.#random.chance(0.7) ? this.#random.int(1, 20) : Infinity;
      for await (const item of this.#process.output({ from: this.#from, follow: true })) {
        this.#take(item);
        if (--left === 0) break;
      }
      // It ended by itself, or at the end.
      if (left > 0 || this.end !== undefined) return;
    }
  }

  #take(/** @type {import('../../dist/index.js').OutputItem} */ item) {
    this.#from = item.cursor;
    if (item.type === 'gap') {
      this.position += item.bytes;
      this.gaps += item.bytes;
    } else if (item.type === 'data') {
      const text = item.data.toString('latin1');
      check(text === expected(this.position, text.length), `wrong bytes at ${this.position}`);
      this.position += text.length;
    } else if (item.type === 'end') {
      check(this.end === undefined, 'a second end');
      this.end = item.status;
    }
  }
}

/** @type {import('./index.js').Scenario} */
export default {
  name: 'output-log',
  weight: 6,
  async run(round) {
    const { random } = round;
    const lines = random.int(1, 40_000);
    const code = random.int(0, 255);
    const fault = random.pick(['none', 'shim', 'directory']);
    const maxBytes = random.pick([65_536, 1 << 20]);
    round.note(`${lines} lines, ${maxBytes} bytes, ${fault}`);
    // Its own count goes to a file, by stderr.
    const print = `i=0; while [ $i -lt ${lines} ]; do printf '%08d\\n' $i; i=$((i+1)); done`;
    const container = await round.create(`read x; ${print}; echo $i >&2; exit ${code}`);
    const count = join(round.mkdir('count'), 'count');
    const process = await container.start({
      stdio: { stdin: 'pipe', stdout: 'log', stderr: count },
      log: { maxBytes, segmentBytes: random.int(4096, maxBytes / 2) },
    });
    const shim = await until('the shim', () => round.shimOf(container.id));
    const readers = Array.from({ length: random.int(1, 4) }, () => new Reader(process, random));
    const reading = Promise.all(readers.map((reader) => reader.run().catch(whenRemoved(fault))));
    process.openStdin().end('\n');
    const instant = random.int(0, lines * LINE);
    if (fault !== 'none') await until('the instant', () => process.hasEnded || readers.some(isBehind(instant)));
    if (fault === 'shim') killIfThere(shim);
    if (fault === 'directory') removeWhileUsed(process.stdio.stdout);
    const exit = await within('the end', process.wait(), 20_000);
    await within('the readers', reading, 10_000);
    const told = exit.status !== undefined;
    check(told ? exit.status === code : fault === 'shim', `ended with ${code}, told was ${JSON.stringify(exit)}`);
    if (told) check(readFileSync(count, 'utf8') === `${lines}\n`, "the job's own count");
    for (const { position, end } of readers) {
      check(position <= lines * LINE, `${position} bytes of ${lines * LINE}`);
      if (fault !== 'none') continue;
      check(position === lines * LINE && end === code, `${position} bytes of ${lines * LINE}, end ${end}`);
    }
    if (fault === 'shim') {
      await until('the death of the shim', () => isGone(shim));
      const later = new Reader(process, random);
      await within('a later reader', later.run(), 10_000);
      // All read to the last byte that was written.
      const same = readers.every(({ position }) => position === later.position);
      check(same, `${readers.map(({ position }) => position).join()} bytes, later ${later.position}`);
    }
    await round.deleteAndReuse(container);
  },
};

const isBehind = (/** @type {number} */ instant) => (/** @type {Reader} */ reader) => reader.position >= instant;

/** A reader that goes on from its cursor finds no log any more. */
const whenRemoved = (/** @type {string} */ fault) => (/** @type {any} */ error) => {
  if (fault !== 'directory' || error.code !== 'ERR_PROCESS_EXITED') throw error;
};

function killIfThere(/** @type {number} */ pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (/** @type {any} */ error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
