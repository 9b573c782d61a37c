/** Types into a supervised shell and reads what it prints, as a person at a terminal does. */
import { once } from 'node:events';

/** What the shell prints when it waits for a line (its PS1). */
export const PROMPT = 'shell$ ';

// Control sequences (ECMA-48) such as cursor movements, which some shells print.
// eslint-disable-next-line no-control-regex
const CONTROL_SEQUENCE = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

export class ShellTerminal {
  #input;
  #output;
  #text = '';
  #ended = false;

  /** Opens the FIFOs of a process; it must have been started. */
  constructor(/** @type {import('../dist/index.js').Process} */ process) {
    this.#output = process.openStdout().setEncoding('utf8');
    this.#output.on('data', (chunk) => (this.#text += chunk));
    this.#output.on('end', () => (this.#ended = true));
    this.#input = process.openStdin();
  }

  type(/** @type {string} */ line) {
    this.#input.write(`${line}\n`);
  }

  /** Waits until the shell has printed `lastLine` (if given) and waits for its next line. */
  async prompt(lastLine = '') {
    const end = lastLine === '' ? PROMPT : `${lastLine}\n${PROMPT}`;
    while (!this.#plain().endsWith(end)) await this.#more(JSON.stringify(end));
  }

  /** Waits until the shell's terminal is closed and all output was read. */
  async end() {
    while (!this.#ended) await this.#more('its end');
  }

  /** The lines that were printed since the last call. */
  take() {
    const lines = this.#plain().split('\n');
    this.#text = '';
    return lines.filter((line) => line !== '' && line !== PROMPT);
  }

  stopReading() {
    this.#output.destroy();
  }

  /** @param {string} what */
  async #more(what) {
    if (this.#ended) throw new Error(`the shell's output ended before ${what}: ${JSON.stringify(this.#text)}`);
    await Promise.race([once(this.#output, 'data'), once(this.#output, 'end')]);
  }

  #plain() {
    return this.#text.replaceAll(CONTROL_SEQUENCE, '').replaceAll('\r', '');
  }
}
