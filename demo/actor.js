/** A supervisor in another Node.js process, and the messages that it sends over Node's IPC channel. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** @typedef {{ told: string, [key: string]: any }} Message */

export class Actor {
  #child;
  #ended;
  /** @type {Message[]} */
  #heard = [];

  /** Starts `script` (beside this file) with one argument, a JSON text. */
  constructor(/** @type {string} */ script, /** @type {object} */ role) {
    this.#child = fork(join(import.meta.dirname, script), [JSON.stringify(role)]);
    this.#child.on('message', (message) => this.#heard.push(/** @type {Message} */ (message)));
    this.#ended = once(this.#child, 'exit');
    this.#ended.catch(() => undefined);
  }

  get pid() {
    return this.#child.pid ?? 0;
  }

  /**
   * Waits for the next message, which must be `told`.
   * @param {string} told
   * @returns {Promise<Message>}
   */
  async hear(told) {
    while (this.#heard.length === 0) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || !this.#child.connected) {
        throw new Error(`${this.#name} ended before it told "${told}"`);
      }
      await Promise.race([once(this.#child, 'message'), once(this.#child, 'disconnect'), this.#ended]);
    }
    const message = /** @type {Message} */ (this.#heard.shift());
    if (message.told === 'failed') {
      throw Object.assign(new Error(`${this.#name}: ${message.error}`), { code: message.code });
    }
    if (message.told !== told) throw new Error(`${this.#name} told "${message.told}" instead of "${told}"`);
    return message;
  }

  /**
   * Sends SIGKILL, unless it has ended.
   * @returns {Promise<{ code: number | null, signal: string | null }>} how it ended.
   */
  async kill() {
    this.#child.kill('SIGKILL');
    return this.end();
  }

  /** @returns {Promise<{ code: number | null, signal: string | null }>} how it ended; resolves when it has. */
  async end() {
    const [code, signal] = await this.#ended;
    return { code, signal };
  }

  get #name() {
    return `process ${this.pid}`;
  }
}
