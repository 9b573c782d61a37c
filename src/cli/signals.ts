/** The signals that this program gets while it works for a process in the foreground. */

/** What a caller, a terminal or a service manager sends. SIGWINCH is the terminal's matter (terminal.ts). */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
export type PassedOn = (typeof PASSED_ON)[number];

/** Catches signals from its making on, and keeps them until there is someone to take them. */
export class Signals {
  readonly #waiting: PassedOn[] = [];
  #take: ((signal: PassedOn) => void) | undefined;

  constructor() {
    for (const name of PASSED_ON) process.on(name, this.#caught);
  }

  /** Has `take` get those that came, and those that come. */
  passTo(take: (signal: PassedOn) => void): void {
    this.#take = take;
    for (const signal of this.#waiting.splice(0)) take(signal);
  }

  /** From now on they do what they do by default. */
  close(): void {
    for (const name of PASSED_ON) process.off(name, this.#caught);
  }

  readonly #caught = (signal: NodeJS.Signals): void => {
    if (this.#take === undefined) this.#waiting.push(signal as PassedOn);
    else this.#take(signal as PassedOn);
  };
}
