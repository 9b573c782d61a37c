/** Real terminals: panes of a tmux server of the test's own, each with a shell in which the command is typed. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isGone } from '../support/proc.js';
import { until } from '../support/until.js';
import type { Scratch } from '../support/scratch.js';
import { type Jobs, main, test as base } from './command.js';

let serial = 0;

/** A terminal with a shell. `outlive …` in what is typed is the built command. */
export class Terminal {
  constructor(
    readonly tmux: (...args: string[]) => Promise<string>,
    readonly pane: string,
    readonly dir: string,
  ) {}

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.tmux('send-keys', '-t', this.pane, '-l', '--', line);
    await this.keys('Enter');
  }

  /** Presses keys, by tmux's names: `C-c`, `Escape`. */
  async keys(...names: string[]): Promise<void> {
    await this.tmux('send-keys', '-t', this.pane, '--', ...names);
  }

  /** What is on its screen. */
  async screen(): Promise<string> {
    return this.tmux('capture-pane', '-p', '-t', this.pane);
  }

  /** Waits until its screen is so. */
  async shows(what: RegExp): Promise<string> {
    let last = '';
    return until(
      () => `the screen shows ${String(what)}: ${last}`,
      async () => what.test((last = await this.screen())) && last,
    );
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.tmux('resize-window', '-t', this.pane, '-x', String(columns), '-y', String(rows));
  }

  /** One of tmux's facts on it: `alternate_on`, `cursor_flag`, `pane_pid`. */
  async fact(name: string): Promise<string> {
    return (await this.tmux('display-message', '-p', '-t', this.pane, `#{${name}}`)).trim();
  }

  /** The terminal's settings, as its shell sees them now. */
  async settings(): Promise<string> {
    const file = join(this.dir, `settings-${serial++}`);
    await this.type(`stty -g > ${file}.part; mv ${file}.part ${file}`);
    await until('the settings are written', () => existsSync(file));
    return readFileSync(file, 'utf8');
  }
}

export class Terminals {
  readonly #socket = `outlive-test-${process.pid}-${serial++}`;
  readonly #scratch: Scratch;
  readonly #env: NodeJS.ProcessEnv;
  #isStarted = false;

  constructor(scratch: Scratch, jobs: Jobs) {
    this.#scratch = scratch;
    this.#env = {
      ...{ PATH: process.env.PATH, SHELL: '/bin/sh', HOME: scratch.dir, LANG: 'C.UTF-8', TMUX_TMPDIR: scratch.dir },
      ...{ OUTLIVE_ROOT: jobs.root, OUTLIVE: `${process.execPath} ${main}`, ENV: join(scratch.dir, 'rc') },
    };
    // An interactive shell reads it. A shell of root does not take PS1 from its environment.
    writeFileSync(join(scratch.dir, 'rc'), 'JOB="job> "; PS1="${PROMPT:-> }"; outlive() { $OUTLIVE "$@"; }');
    scratch.atEnd(() => this.#end());
  }

  /** A new terminal with a shell that waits for a line. */
  async open(columns = 80, rows = 24): Promise<Terminal> {
    const size = ['-x', String(columns), '-y', String(rows)];
    const first = ['new-session', '-d', ...size, '-P', '-F', '#{pane_id}', 'exec sh'];
    const pane = (await this.#tmux(...first)).trim();
    const isFirst = !this.#isStarted;
    this.#isStarted = true;
    if (isFirst) await this.#tmux('set-option', '-g', 'status', 'off');
    const terminal = new Terminal((...args) => this.#tmux(...args), pane, this.#scratch.dir);
    await terminal.resize(columns, rows);
    await terminal.shows(/^>/);
    return terminal;
  }

  readonly #tmux = async (...args: string[]): Promise<string> => {
    const all = ['-L', this.#socket, '-f', '/dev/null', '-u', ...args];
    return (await promisify(execFile)('tmux', all, { env: this.#env })).stdout;
  };

  /** Ends the server with all its terminals. */
  async #end(): Promise<void> {
    if (!this.#isStarted) return;
    const pid = Number(await this.#tmux('display-message', '-p', '#{pid}'));
    await this.#tmux('kill-server');
    await until('the tmux server has ended', () => isGone(pid));
  }
}

export const test = base.extend<{ terminals: Terminals }>({
  terminals: async ({ scratch, jobs }, use) => use(new Terminals(scratch, jobs)),
});
