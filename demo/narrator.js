/** Prints titles, numbered steps and quoted output on stdout, and checks claims. */
import process from 'node:process';

export class Narrator {
  #step = 0;

  /** Begins a scene. */
  title(/** @type {string} */ text) {
    this.#step = 0;
    process.stdout.write(`\n${text}\n`);
  }

  /** The next numbered step; more lines belong to the same step. */
  step(/** @type {string[]} */ ...lines) {
    const [first, ...rest] = lines;
    process.stdout.write(`${String(++this.#step).padStart(3)}. ${first}\n`);
    for (const line of rest) this.line(line);
  }

  line(/** @type {string} */ text) {
    process.stdout.write(`     ${text}\n`);
  }

  /** What a process printed. */
  quote(/** @type {string[]} */ lines) {
    for (const line of lines) process.stdout.write(`       | ${line}\n`);
  }

  /** Ends the demo if a claim is not true. */
  check(/** @type {string} */ claim, /** @type {unknown} */ actual, /** @type {unknown} */ expected) {
    if (actual === expected) return;
    throw new Error(`not true: ${claim}. Expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  }

  complain(/** @type {unknown} */ error) {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`\nThe demo failed: ${text}\n`);
  }
}
