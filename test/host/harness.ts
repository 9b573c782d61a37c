// Runs outlive-host without the library, under outlive-test-reaper, which adopts and reaps processes as the shim does.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach } from 'vitest';
import { isGone, statOf } from '../support/proc.js';
import { endRemains } from '../support/remains.js';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';

export interface Exit {
  code?: number;
  signal?: number;
}

export interface Outcome {
  status: number;
  /** The messages in the log, as readers of runc's log find them. */
  errors: string[];
  stdout: string;
}

export interface HostOptions {
  /** Tell the runtime that the reaper adopts, as the shim does. Default true. */
  adopter?: boolean;
  /** Run everything as this user and group. */
  uid?: number;
}

const release = resolve(import.meta.dirname, '../../build/Release');
const hostPath = process.env.OUTLIVE_HOST ?? join(release, 'outlive-host');
const reaperPath = process.env.OUTLIVE_TEST_REAPER ?? join(release, 'outlive-test-reaper');

export const defaultProcess = { cwd: '/', env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] };

/** A shell command as the process object of a config. */
export function shell(script: string, more: object = {}): object {
  return { ...defaultProcess, args: ['/bin/sh', '-c', script], ...more };
}

/** Whether the process runs; a zombie does not. */
export const runs = (pid: number): boolean => !isGone(pid);

/** The kernel's letter for what a process does: R, S, T … */
export const processState = (pid: number): string => statOf(pid)?.state ?? '';

/** Who calls the runtime. A user who may make no cgroup has the members of a container found by /proc. */
export const callers: [string, HostOptions][] = [
  ['the caller', {}],
  ...(isRoot ? [['a user without a cgroup', { uid: 65534 }] satisfies [string, HostOptions]] : []),
];

/** Those that nobody has disposed of yet. */
const living = new Set<Host>();

/** Hands each test a Host of its own, and afterwards ends whatever that started, and each other Host that the test made. */
export function eachWithHost(use: (host: Host) => void, options: HostOptions = {}): void {
  beforeEach(() => use(new Host(options)));
  afterEach(async () => {
    for (const host of living) await host[Symbol.asyncDispose]();
  });
}

export class Host {
  readonly dir: string;
  readonly root: string;
  readonly binary: string;
  #uid: number | undefined;
  #reaper: ChildProcess;
  #lines: (() => void)[] = [];
  #started: number[] = [];
  /** With the number of commands that were launched before. */
  #exits = new Map<number, { exit: Exit; launched: number }>();
  #count = 0;
  #gone = false;

  constructor({ adopter = true, uid }: HostOptions = {}) {
    for (const file of [hostPath, reaperPath]) if (!existsSync(file)) throw new Error(`not built: ${file}`);
    this.dir = mkdtempSync(join(tmpdir(), 'outlive-host-'));
    this.root = join(this.dir, 'root');
    this.#uid = uid;
    this.binary = join(this.dir, 'outlive-host');
    const reaper = join(this.dir, 'outlive-test-reaper');
    // Copies, since another user may be unable to enter the repository.
    copyFileSync(hostPath, this.binary);
    copyFileSync(reaperPath, reaper);
    chmodSync(this.dir, 0o755);
    if (uid !== undefined) chownSync(this.dir, uid, uid);
    this.#reaper = spawn(reaper, adopter ? [] : ['--no-adopter'], {
      cwd: '/',
      stdio: ['pipe', 'pipe', 'inherit'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const { stdout } = this.#reaper;
    if (stdout === null) throw new Error('the reaper has no stdout');
    createInterface(stdout).on('line', (line) => {
      this.#take(line);
    });
    this.#reaper.on('exit', () => {
      this.#gone = true;
      this.#wake();
    });
    living.add(this);
  }

  #wake(): void {
    for (const wake of this.#lines.splice(0)) wake();
  }

  #take(line: string): void {
    const [first = '', second = '', third = ''] = line.split(' ');
    if (first === 'started') {
      this.#started.push(Number(second));
      this.#exits.delete(Number(second));
    } else {
      const exit = second === 'exit' ? { code: Number(third) } : { signal: Number(third) };
      this.#exits.set(Number(first), { exit, launched: this.#count });
    }
    this.#wake();
  }

  async #until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#gone) throw new Error('the reaper has ended, so no exit status can come');
      await new Promise<void>((wake) => this.#lines.push(wake));
    }
  }

  /** Waits for the exit of a process that the reaper has made or adopted. */
  async exit(pid: number): Promise<Exit> {
    return this.#until(() => this.#exits.get(pid)?.exit);
  }

  /** Starts a command under the reaper and gives its pid. `words` may begin with redirections: `>file`, `2>file`. */
  async launch(words: string[]): Promise<number> {
    const index = this.#count++;
    this.#reaper.stdin?.write(`${words.join('\t')}\n`);
    const pid = await this.#until(() => this.#started[index]);
    if (pid < 0) throw new Error(`the reaper cannot make a process for ${words.join(' ')}`);
    return pid;
  }

  get reaperPid(): number | undefined {
    return this.#reaper.pid;
  }

  /** A path in the test's directory. */
  path(name: string): string {
    return join(this.dir, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** The pid that a process writes to a file, once the whole line is there. */
  async pidIn(name: string): Promise<number> {
    return until(`a pid in ${name}`, () => {
      const text = existsSync(this.path(name)) ? this.read(name) : '';
      return text.endsWith('\n') && Number(text);
    });
  }

  /** Writes a file that the host's user owns. */
  write(name: string, text: string): string {
    writeFileSync(this.path(name), text, { mode: 0o644 });
    if (this.#uid !== undefined) chownSync(this.path(name), this.#uid, this.#uid);
    return this.path(name);
  }

  /** Writes a bundle: its path. */
  bundle(name: string, config: object | string): string {
    const dir = this.path(`bundle-${name}`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
    return dir;
  }

  /** Starts outlive-host; gives its pid and the path of its log. */
  async begin(args: string[], redirects: string[] = []): Promise<{ pid: number; log: string }> {
    const log = this.path(`log-${this.#count}.json`);
    const words = [...redirects, this.binary, '--log', log, '--log-format', 'json', '--root', this.root, ...args];
    return { pid: await this.launch(words), log };
  }

  /** Redirects stdout and stderr of a process to new files. */
  #outputs(name: string): string[] {
    const files = [this.path(`out-${name}`), this.path(`err-${name}`)];
    for (const file of files) rmSync(file, { force: true });
    return [`>${files.join('\t2>')}`];
  }

  /** Runs outlive-host to its end. */
  async command(args: string[], redirects: string[] = []): Promise<Outcome> {
    const out = this.path(`stdout-${this.#count}`);
    const { pid, log } = await this.begin(args, redirects.length > 0 ? redirects : [`>${out}`]);
    const { code, signal } = await this.exit(pid);
    const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [];
    const errors = lines.filter((line) => line !== '').map((line) => (JSON.parse(line) as { msg: string }).msg);
    // Neither success nor an error of the command: it crashed or was killed.
    if (code !== 0 && code !== 1) errors.push(`ended by ${code === undefined ? `signal ${signal}` : `status ${code}`}`);
    return { status: code ?? -1, errors, stdout: existsSync(out) ? readFileSync(out, 'utf8') : '' };
  }

  /** `run -d` of a process object, or of an existing bundle by its path. The process's stdout goes to out-<id>. */
  async tryRun(id: string, what: object | string, args: string[] = []): Promise<Outcome> {
    return this.#begin(['run', '-d'], id, what, args);
  }

  /** The same; throws if it fails. Gives the pid. */
  async run(id: string, what: object | string, args: string[] = []): Promise<number> {
    return this.#pidBy(id, () => this.tryRun(id, what, args));
  }

  /** `create`, with the arguments of tryRun(). */
  async tryCreate(id: string, what: object | string, args: string[] = []): Promise<Outcome> {
    return this.#begin(['create'], id, what, args);
  }

  /** The same; throws if it fails. Gives the pid. */
  async create(id: string, what: object | string, args: string[] = []): Promise<number> {
    return this.#pidBy(id, () => this.tryCreate(id, what, args));
  }

  #begin(command: string[], id: string, what: object | string, args: string[]): Promise<Outcome> {
    const bundle = typeof what === 'string' ? what : this.bundle(id, { ociVersion: '1.0.2', process: what });
    const words = [...command, '--bundle', bundle, '--pid-file', this.path(`pid-${id}`), ...args, id];
    return this.command(words, this.#outputs(id));
  }

  /** The pid of the process that a command makes. What is known of an older process with that pid is forgotten. */
  async #pidBy(name: string, command: () => Promise<Outcome>): Promise<number> {
    const launched = this.#count;
    const outcome = await command();
    if (outcome.status !== 0) throw new Error(outcome.errors.join('; '));
    const pid = Number(this.read(`pid-${name}`));
    if ((this.#exits.get(pid)?.launched ?? Infinity) <= launched) this.#exits.delete(pid);
    return pid;
  }

  async tryExec(id: string, name: string, what: object, args: string[] = []): Promise<Outcome> {
    const file = this.write(`process-${name}.json`, JSON.stringify(what));
    const words = ['exec', '-d', '--process', file, '--pid-file', this.path(`pid-${name}`), ...args, id];
    return this.command(words, this.#outputs(name));
  }

  async exec(id: string, name: string, what: object): Promise<number> {
    return this.#pidBy(name, () => this.tryExec(id, name, what));
  }

  async delete(id: string, ...flags: string[]): Promise<Outcome> {
    return this.command(['delete', ...flags, id]);
  }

  /** Runs a process to its end and deletes the container; gives exit and stdout. */
  async output(id: string, what: object): Promise<{ exit: Exit; stdout: string }> {
    const exit = await this.exit(await this.run(id, what));
    const { status, errors } = await this.delete(id);
    if (status !== 0) throw new Error(errors.join('; '));
    return { exit, stdout: this.read(`out-${id}`) };
  }

  /** Calls outlive-host without the reaper. */
  #call(args: string[]): { status: number | null; stdout: string; stderr: string } {
    const user = this.#uid === undefined ? {} : { uid: this.#uid, gid: this.#uid };
    return spawnSync(this.binary, ['--root', this.root, ...args], { encoding: 'utf8', ...user });
  }

  state(id: string): { status: string; pid: number } & Record<string, unknown> {
    const { status, stdout, stderr } = this.#call(['state', id]);
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as { status: string; pid: number };
  }

  /**
   * Ends what is left: first the reaper, so that no new process is adopted, then each container. Throws if something outlives
   * that; it is ended all the same.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    living.delete(this);
    const ended = once(this.#reaper, 'exit');
    this.#reaper.stdin?.end();
    if (!this.#gone) await ended;
    for (const id of existsSync(this.root) ? readdirSync(this.root) : []) {
      this.#call(['delete', '--force', id]);
    }
    const left = await endRemains([this.dir]);
    rmSync(this.dir, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`the test left processes behind: ${left.join('; ')}`);
  }
}
