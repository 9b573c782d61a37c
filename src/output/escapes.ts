/**
 * Finds the control sequences in a terminal's output, byte by byte, also if they are cut anywhere. Does not interpret
 * them. Behaviour: ECMA-48; the state machine is that of DEC's terminals as xterm has it, with the 8-bit controls as UTF-8.
 */

export const ENQ = 0x05;
export const ESC = 0x1b;
const BEL = 0x07;
const CAN = 0x18;
const SUB = 0x1a;
/** The first byte of a C1 control (U+0080 to U+009F) in UTF-8. */
const C1_LEAD = 0xc2;

/** `none`: cancelled or broken off. `string`: a string that no terminal answers (SOS, PM). */
export type SequenceKind = 'esc' | 'csi' | 'osc' | 'dcs' | 'apc' | 'string' | 'none';

/**
 * What a byte is. `alone`: it is outside of a sequence. `part`: it begins or continues one. `end`: it is the last one of a
 * sequence. `before`: the sequence has ended before this byte, which is to be given once more.
 */
export type ByteRole = 'alone' | 'part' | 'end' | 'before';

type State = 'ground' | 'c1' | 'escape' | 'intermediate' | 'csi' | 'string' | 'string-c1';

const INTRODUCERS = new Map<string, SequenceKind>([
  ['[', 'csi'],
  [']', 'osc'],
  ['P', 'dcs'],
  ['_', 'apc'],
  ['^', 'string'],
  ['X', 'string'],
]);

export class EscapeParser {
  #state: State = 'ground';
  #kind: SequenceKind = 'none';

  /** What the sequence was, after `end` or `before`. */
  get kind(): SequenceKind {
    return this.#kind;
  }

  /**
   * How many bytes from `at` on are outside of a sequence. They need not be given to next(). An enquiry is not among them,
   * nor what comes after it.
   */
  plainLength(bytes: Uint8Array, at: number): number {
    if (this.#state !== 'ground') return 0;
    let end = at;
    for (; end < bytes.length; end++) {
      const byte = bytes[end];
      if (byte === ESC || byte === C1_LEAD || byte === ENQ) break;
    }
    return end - at;
  }

  /** Whether the bytes now are the text of a string: there, controls are text. */
  get isInString(): boolean {
    return this.#state === 'string' || this.#state === 'string-c1';
  }

  next(byte: number): ByteRole {
    switch (this.#state) {
      case 'ground':
        if (byte !== ESC && byte !== C1_LEAD) return 'alone';
        return this.#goOn(byte === ESC ? 'escape' : 'c1');
      case 'c1':
        if (byte < 0x80 || byte > 0x9f) return this.#finish('none', 'before');
        return this.#introduce(byte - 0x40);
      case 'string-c1':
        if (byte === 0x9c) return this.#finish(this.#kind, 'end');
        this.#state = 'string';
        return this.next(byte);
      case 'string':
        return this.#inString(byte);
      default:
        return this.#inSequence(byte);
    }
  }

  #inString(byte: number): ByteRole {
    if (byte === ESC) return this.#finish(this.#kind, 'before');
    if (byte === CAN || byte === SUB) return this.#finish('none', 'end');
    if (byte === BEL && this.#kind === 'osc') return this.#finish('osc', 'end');
    return this.#goOn(byte === C1_LEAD ? 'string-c1' : 'string');
  }

  #inSequence(byte: number): ByteRole {
    if (byte === ESC || byte >= 0x80) return this.#finish('none', 'before');
    if (byte === CAN || byte === SUB) return this.#finish('none', 'end');
    // The terminal obeys other controls at once, and the sequence goes on.
    if (byte < 0x20 || byte === 0x7f) return 'part';
    if (this.#state === 'csi') return byte < 0x40 ? 'part' : this.#finish('csi', 'end');
    if (byte < 0x30) return this.#goOn('intermediate');
    return this.#state === 'escape' ? this.#introduce(byte) : this.#finish('esc', 'end');
  }

  /** `ESC byte`, or the C1 control that stands for it. */
  #introduce(byte: number): ByteRole {
    const kind = INTRODUCERS.get(String.fromCharCode(byte));
    if (kind === undefined) return this.#finish('esc', 'end');
    this.#kind = kind;
    return this.#goOn(kind === 'csi' ? 'csi' : 'string');
  }

  #goOn(state: State): 'part' {
    this.#state = state;
    return 'part';
  }

  #finish(kind: SequenceKind, role: 'end' | 'before'): 'end' | 'before' {
    this.#state = 'ground';
    this.#kind = kind;
    return role;
  }
}

/**
 * The text of a sequence: without introducer, terminator and the controls in between.
 * @param bytes all its bytes.
 */
export function sequenceText(kind: SequenceKind, bytes: readonly number[]): string {
  const isC1 = bytes[0] === C1_LEAD;
  // DECID as C1 control.
  if (kind === 'esc' && isC1) return String.fromCharCode((bytes[1] ?? 0) - 0x40);
  const body = bytes.slice(kind === 'esc' ? 1 : 2).filter((byte) => byte >= 0x20 && byte !== 0x7f);
  const text = Buffer.from(body).toString('latin1');
  // The string terminator as C1 control.
  return kind === 'esc' || kind === 'csi' ? text : text.replace(/\xc2\x9c$/, '');
}
