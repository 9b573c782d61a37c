/**
 * Prepares the output that an attached terminal is shown again: takes out what a terminal would answer, since the answer
 * would be typed into the program, and finds where the screen as it is now begins.
 * Behaviour: xterm's control sequences (ctlseqs), and the queries of kitty.
 */
import { ENQ, ESC, EscapeParser, type SequenceKind, sequenceText } from './escapes.js';

/** The sequences that a terminal answers, as their texts without introducer and terminator. */
const QUERIES: Partial<Record<SequenceKind, readonly RegExp[]>> = {
  esc: [/^Z$/], // DECID
  csi: [
    /^0*[56]n$/, // DSR: status, cursor position
    /^\?[\d;]*n$/, // DSR of DEC: cursor position, printer, keys, locator, colour scheme …
    /^[>=]?0*c$/, // DA1, DA2, DA3
    /^>0*q$/, // XTVERSION
    /^\??\d*\$p$/, // DECRQM
    /^0*(?:1[1345689]|2[01])(?:;\d*)*t$/, // XTWINOPS: state, position, sizes, titles
    /^\?u$/, // kitty: keyboard flags
    /^0*[01]?x$/, // DECREQTPARM
    /^[\d;]*\*y$/, // DECRQCRA
    /^\?[\d;]*S$/, // XTSMGRAPHICS
    /^\?\d*m$/, // XTQMODKEYS
    /^\d*\$[uw]$/, // DECRQTSR, DECRQPSR
    /^&u$/, // DECRQUPSS
    /^#R$/, // XTREPORTCOLORS
    /^\d*'\|$/, // DECRQLP
  ],
  osc: [
    /^(?:4|5|1\d|50|52);(?:.*;)?\?(?:;|$)/s, // colours, font, clipboard
    /^21;.*=\?(?:;|$)/s, // kitty: colours
    /^22;\?/, // kitty: shape of the pointer
    /^6[01]$/, // XTQALLOWED, XTQDISALLOWED
    /^1337;(?:ReportCellSize|ReportVariable=|Capabilities$)/, // iTerm2
  ],
  dcs: [
    /^\$q/, // DECRQSS
    /^\+[qQ]/, // XTGETTCAP, XTGETXRES
  ],
  apc: [/^G(?:[^;]*,)?a=q(?:[,;]|$)/], // kitty: graphics
};

/** Whether a terminal answers this sequence. */
function isQuery(kind: SequenceKind, bytes: readonly number[]): boolean {
  const queries = QUERIES[kind];
  if (queries === undefined) return false;
  const text = sequenceText(kind, bytes);
  return queries.some((query) => query.test(text));
}

/** Takes out of a terminal's output what a terminal answers. All else passes, byte for byte. */
export class QueryFilter {
  readonly #parser = new EscapeParser();
  /** The bytes of the sequence that is not complete yet. */
  #held: number[] = [];
  /** Whether a string was just taken out that may be ended by `ESC \`, which goes with it. */
  #dropsTerminator = false;

  /** What passes of the next bytes. A sequence that is not complete is held back. */
  push(chunk: Uint8Array): Buffer {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < chunk.length;) {
      const plain = this.#parser.plainLength(chunk, at);
      if (plain > 0) pieces.push(chunk.subarray(at, at + plain));
      at += plain;
      const passed: number[] = [];
      for (; at < chunk.length && this.#parser.plainLength(chunk, at) === 0; at++) this.#next(chunk[at] ?? 0, passed);
      pieces.push(Buffer.from(passed));
    }
    return Buffer.concat(pieces);
  }

  /** What is still held back. */
  end(): Buffer {
    return Buffer.from(this.#held.splice(0));
  }

  #next(byte: number, passed: number[]): void {
    let role = this.#parser.next(byte);
    if (role === 'before') {
      this.#complete(passed, byte === ESC);
      role = this.#parser.next(byte);
    }
    // The terminal answers it also within a sequence.
    const isEnquiry = byte === ENQ && !this.#parser.isInString;
    if (role === 'alone') this.#dropsTerminator = false;
    if (!isEnquiry) (role === 'alone' ? passed : this.#held).push(byte);
    if (role === 'end') this.#complete(passed, false);
  }

  #complete(passed: number[], mayHaveTerminator: boolean): void {
    const { kind } = this.#parser;
    const bytes = this.#held;
    this.#held = [];
    const isTerminator = this.#dropsTerminator && kind === 'esc' && sequenceText(kind, bytes) === '\\';
    const isDropped = isTerminator || isQuery(kind, bytes);
    this.#dropsTerminator = isDropped && mayHaveTerminator;
    // The controls within a sequence were obeyed at once.
    const isString = kind !== 'esc' && kind !== 'csi';
    const kept = isDropped ? bytes.filter((byte) => !isString && byte < 0x20 && byte !== ESC) : bytes;
    for (const byte of kept) passed.push(byte);
  }
}

/** The modes of `CSI ? … h` that switch to the alternate screen and back. */
const ALTERNATE_SCREEN = new Set(['47', '1047', '1049']);

/** Modes that do something at once when they are set, or that hold the output back: not set again. */
const MODES_THAT_ACT = new Set(['3', '1048', '2026', '2048']);

const HOME = /^0*1?(?:;0*1?)?[Hf]$/;

/**
 * The part of a terminal's output that makes the screen as it is now: from the switch to the alternate screen, if the
 * program is in it; else from the last clear of the whole screen. Before that come the modes that were set until then (keys,
 * mouse, cursor …). Without a clear: all.
 * @param output the last bytes of the output.
 * @param isCut whether there was more before it: then, without a clear, a part of a line at the beginning is left out.
 */
export function screenOf(output: Buffer, isCut: boolean): Buffer {
  const finder = new ScreenFinder(isCut);
  const parser = new EscapeParser();
  let held: number[] = [];
  for (let at = 0; at < output.length; at++) {
    const plain = parser.plainLength(output, at);
    if (plain > 0) finder.text();
    at += plain;
    if (at === output.length) break;
    const byte = output[at] ?? 0;
    let role = parser.next(byte);
    if (role === 'before') {
      finder.sequence(parser.kind, held, at - held.length);
      held = [];
      role = parser.next(byte);
    }
    if (role === 'alone') finder.text();
    else held.push(byte);
    if (role !== 'end') continue;
    finder.sequence(parser.kind, held, at + 1 - held.length);
    held = [];
  }
  const begin = finder.begin ?? (isCut ? output.indexOf('\n') + 1 : 0);
  return Buffer.concat([Buffer.from(finder.modes), output.subarray(begin)]);
}

class ScreenFinder {
  /** Whether the output may begin on the alternate screen. */
  #mayBeAlternate: boolean;
  /** Where the last clear of the main screen begins. */
  #main: number | undefined;
  /** Where the switch to the alternate screen is, while the program is in it. */
  #alternate: number | undefined;
  /** Where the clears and moves to the top left corner begin that have nothing printed since. */
  #run: number | undefined;
  #isHome = false;
  #modes = new Map<string, string>();
  #modesAtMain = '';
  #modesAtAlternate = '';

  constructor(isCut: boolean) {
    this.#mayBeAlternate = isCut;
  }

  get begin(): number | undefined {
    return this.#alternate ?? this.#main;
  }

  /** What sets the modes that were set before `begin`. */
  get modes(): string {
    return this.#alternate === undefined ? this.#modesAtMain : this.#modesAtAlternate;
  }

  text(): void {
    this.#run = undefined;
    this.#isHome = false;
  }

  sequence(kind: SequenceKind, bytes: readonly number[], at: number): void {
    if (kind !== 'esc' && kind !== 'csi') return;
    const text = sequenceText(kind, bytes);
    if (kind === 'esc') {
      if (text === 'c') this.#reset(at);
      return;
    }
    const modes = /^\?([\d;]+)([hl])$/.exec(text);
    if (modes !== null) for (const mode of (modes[1] ?? '').split(';')) this.#setMode(mode, modes[2] ?? '', at);
    else if (HOME.test(text)) this.#goHome(at);
    else if (/^0*[23]J$/.test(text) || (this.#isHome && /^0*J$/.test(text))) this.#clear(at);
    else if (!text.endsWith('m')) this.text();
  }

  #goHome(at: number): void {
    this.#run ??= at;
    this.#isHome = true;
  }

  #clear(at: number): void {
    this.#run ??= at;
    if (this.#alternate !== undefined) return;
    this.#begin(this.#run);
  }

  #begin(at: number): void {
    this.#main = at;
    this.#modesAtMain = this.#setModes();
  }

  #reset(at: number): void {
    this.#alternate = undefined;
    this.#mayBeAlternate = false;
    this.#modes.clear();
    this.#begin(at);
    this.#run = at;
    this.#isHome = true;
  }

  #setMode(mode: string, how: string, at: number): void {
    if (!ALTERNATE_SCREEN.has(mode)) {
      if (!MODES_THAT_ACT.has(mode)) this.#modes.set(mode, how);
      return;
    }
    if (how === 'h') {
      if (this.#alternate === undefined) this.#modesAtAlternate = this.#setModes();
      this.#alternate ??= at;
    } else {
      // The switch to it was before the beginning: what was cleared since was the alternate screen.
      if (this.#mayBeAlternate) this.#begin(at);
      this.#alternate = undefined;
    }
    this.#mayBeAlternate = false;
    this.text();
  }

  #setModes(): string {
    return [...this.#modes].map(([mode, how]) => `\x1b[?${mode}${how}`).join('');
  }
}
