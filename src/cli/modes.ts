/** What a program has changed on a terminal by its output, so that a viewer who leaves before it can change that back. Pure. */

/** Private modes that a terminal has set when it is reset: lines wrap, the cursor is seen, Backspace sends DEL. */
const ON_BY_DEFAULT = new Set([7, 25, 67]);
/** Ends colours and bold. */
const RESET_STYLE = '\x1b[m';
/** A sequence that the end of the bytes has cut. No sequence that is looked for is longer. */
const CUT = /\x1b(?:\[[?>=<]?[\d;]{0,40})?$/; // eslint-disable-line no-control-regex
const SEQUENCE = /\x1b(?:\[\?([\d;]+)([hl])|([=>])|\[([<>=]?)([\d;]*)u|c)/g; // eslint-disable-line no-control-regex

/** Follows the output of a terminal. @see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html */
export class TerminalModes {
  readonly #changed = new Map<number, boolean>();
  #cut = '';
  #hasKeypad = false;
  #keyboards = 0;

  /** Takes the next bytes of output. */
  note(data: Uint8Array): void {
    const text = this.#cut + Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1');
    for (const [, modes, onOff, keypad, keyboard] of text.matchAll(SEQUENCE)) {
      if (modes !== undefined) for (const mode of modes.split(';')) this.#set(Number(mode), onOff === 'h');
      else if (keypad !== undefined) this.#hasKeypad = keypad === '=';
      else if (keyboard === '>') this.#keyboards++;
      else if (keyboard === '<') this.#keyboards = Math.max(0, this.#keyboards - 1);
      else if (keyboard === undefined) this.#forget();
    }
    this.#cut = CUT.exec(text)?.[0] ?? '';
  }

  /** What is to be written to the terminal to have it as it was. Empty if nothing is changed but the style. */
  undo(): string {
    const modes = [...this.#changed].reverse().map(([mode, on]) => `\x1b[?${mode}${on ? 'l' : 'h'}`);
    const keypad = this.#hasKeypad ? '\x1b>' : '';
    const keyboards = this.#keyboards === 0 ? '' : `\x1b[<${this.#keyboards}u`;
    return `${keyboards}${modes.join('')}${keypad}${RESET_STYLE}`;
  }

  #set(mode: number, on: boolean): void {
    if (on === ON_BY_DEFAULT.has(mode)) this.#changed.delete(mode);
    else this.#changed.set(mode, on);
  }

  /** A full reset (RIS). */
  #forget(): void {
    this.#changed.clear();
    this.#hasKeypad = false;
    this.#keyboards = 0;
  }
}
