/** The terminal that this program runs on: raw while a process's terminal is shown on it, and as it was afterwards. */
import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { TerminalModes } from './modes.js';

/** Ctrl-\, as a terminal sends it; and as it does with kitty's and xterm's protocols of keys, if the process switched them on. */
const LEAVE = ['\x1c', '\x1b[92;5u', '\x1b[27;5;92~'];

/** Whether input and output are one's terminal. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

/**
 * When Node.js exits it gives the terminals of its standard streams their settings back, and aborts if one of them has been hung
 * up since (EIO: a window was closed, a connection lost). What is closed by then it leaves alone.
 */
export function letGoOfLostTerminals(): void {
  const terminals = [0, 1, 2].filter(isatty);
  // Nobody is there to be told.
  if (terminals.includes(2)) process.stderr.on('error', () => undefined);
  process.on('exit', () => {
    for (const fd of terminals.filter((each) => !isatty(each))) closeSync(fd);
  });
}

/** Whether we had a terminal, and it was hung up. */
export function isTerminalLost(): boolean {
  return process.stdin.isTTY && !isatty(0);
}

/** Columns and rows of our terminal; undefined if there is none, or it does not tell. */
export function terminalSize(): { columns: number; rows: number } | undefined {
  const [columns, rows] = process.stdout.isTTY ? process.stdout.getWindowSize() : [0, 0];
  return columns > 0 && rows > 0 ? { columns, rows } : undefined;
}

/** What was typed, up to the key that leaves. */
export function readKeys(chunk: Buffer): { keys: Buffer; leaves: boolean } {
  const places = LEAVE.map((key) => chunk.indexOf(key, 0, 'latin1')).filter((at) => at >= 0);
  return places.length === 0
    ? { keys: chunk, leaves: false }
    : { keys: chunk.subarray(0, Math.min(...places)), leaves: true };
}

/** Our terminal in raw mode. Whatever ends this program but SIGKILL, the terminal is restored. */
export class RawTerminal {
  readonly #modes = new TerminalModes();
  #isRaw = false;

  constructor() {
    process.on('exit', this.restore);
    // Stopped (SIGSTOP, SIGTSTP), the shell has taken the terminal back.
    process.on('SIGCONT', this.#makeRaw);
    this.#makeRaw();
  }

  /** To be called with all that is written to it. */
  note(data: Uint8Array): void {
    this.#modes.note(data);
  }

  readonly restore = (): void => {
    if (!this.#isRaw) return;
    this.#isRaw = false;
    process.off('exit', this.restore);
    process.off('SIGCONT', this.#makeRaw);
    // Before the mode: a program's full screen is left while the terminal does not yet echo.
    if (isatty(1)) process.stdout.write(this.#modes.undo());
    if (isatty(0)) process.stdin.setRawMode(false);
  };

  readonly #makeRaw = (): void => {
    // Node.js does nothing if it believes the terminal to be raw.
    if (this.#isRaw) process.stdin.setRawMode(false);
    process.stdin.setRawMode(true);
    this.#isRaw = true;
    // Node.js has the terminal turn \n into \r\n, which moves the cursor of programs that use \n to go down. Its own record of
    // how the terminal was is older than this.
    spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  };
}
