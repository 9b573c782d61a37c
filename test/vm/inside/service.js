/** Supervisors that are services of systemd: under which manager, and with which job. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { processesOf } from '../../support/proc.js';
import { nothingLeft, until } from './check.js';

/**
 * @typedef {object} ServiceOptions what service-supervisor.js reads
 * @property {string} dir
 * @property {string} id of its container
 * @property {string} script what its job does
 * @property {import('./check.js').Runtime} [runtime] default `host`
 * @property {'none' | 'systemd'} [scope]
 * @property {import('outlive').HostResources} [resources] the limits of its job
 * @property {string} [subgroup] the cgroup below its own to which it moves first
 * @property {number} [execs] how many further processes it starts, one after the other
 * @property {boolean} [keep] whether it leaves the ended job as it is
 */

/**
 * @typedef {object} Manager
 * @property {number} uid as whom a service runs
 * @property {boolean} isUsers whether a service belongs to the manager of that user
 * @property {Record<string, string>} properties of each service
 */

/** @typedef {'restart' | 'stop' | 'kill'} Action what is done to the service */

const supervisor = fileURLToPath(new URL('service-supervisor.js', import.meta.url));
/** A stop that takes longer hangs; systemd itself would wait for 90 s before it kills. */
const STOP_LIMIT_MS = 80_000;
const USER = 'job';

const idOf = (/** @type {string} */ user) => Number(execFileSync('id', ['-u', user], { encoding: 'utf8' }));

/** The system's manager. @type {() => Manager} */
export const asRoot = () => ({ uid: 0, isUsers: false, properties: {} });
/** The manager of a user who lingers: it runs without a session. @type {() => Manager} */
export const ofUser = () => ({ uid: idOf(USER), isUsers: true, properties: {} });
/** The system's manager, for a service that runs as that user. @type {() => Manager} */
export const asUser = () => ({ uid: idOf(USER), isUsers: false, properties: { User: USER } });
/** Likewise, for a user who has no manager. @type {() => Manager} */
export const asNobody = () => ({ uid: idOf('nobody'), isUsers: false, properties: { User: 'nobody' } });

/** Runs a command, with the user's manager as its own. @type {(manager: Manager, file: string, ...args: string[]) => string} */
function command({ uid, isUsers }, file, ...args) {
  if (!isUsers) return execFileSync(file, args, { encoding: 'utf8' });
  const as = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--', file, '--user'];
  const env = { ...process.env, HOME: `/home/${USER}`, XDG_RUNTIME_DIR: `/run/user/${uid}` };
  return execFileSync('setpriv', [...as, ...args], { encoding: 'utf8', env });
}

/** A supervisor's service with a job. */
export class Service {
  #starts = 0;
  #manager;
  #unit;
  #options;

  constructor(
    /** @type {Manager} */ manager,
    /** Of a transient unit; or the text of a unit file. @type {Record<string, string> | string} */ unit,
    /** @type {Partial<ServiceOptions>} */ options = {},
  ) {
    this.#manager = manager;
    this.#unit = unit;
    this.dir = mkdtempSync('/var/tmp/outlive-vm-');
    chownSync(this.dir, manager.uid, manager.uid);
    this.marker = this.dir.slice('/var/tmp/'.length);
    this.unit = `${this.marker}.service`;
    // The job waits for a line: one that looked around would take half of the emulated processor.
    this.#options = { dir: this.dir, id: this.marker, script: 'read line; exit 7', ...options };
  }

  /** Starts it, best as a transient unit: to read a unit file, systemd takes seconds here. */
  begin() {
    // In a file: systemd 252 escapes the `;` of an argument of a transient unit when it stores that, and does not read it
    // back as it was after a daemon-reload, which other checks cause.
    const options = join(this.dir, 'options.json');
    writeFileSync(options, JSON.stringify(this.#options));
    const argv = [process.execPath, supervisor, options];
    if (typeof this.#unit === 'string') {
      const dir = this.#manager.isUsers ? `/run/user/${this.#manager.uid}/systemd/user` : '/run/systemd/system';
      mkdirSync(dir, { recursive: true });
      const command = argv.map((word) => `'${word}'`).join(' ');
      writeFileSync(join(dir, this.unit), this.#unit.replace(/^ExecStart=.*$/m, `ExecStart=${command}`));
      this.systemctl('daemon-reload');
      this.systemctl('start', this.unit);
      return;
    }
    const all = { Restart: 'on-failure', RestartSec: '0', ...this.#manager.properties, ...this.#unit };
    const properties = Object.entries(all).map(([name, value]) => `--property=${name}=${value}`);
    command(this.#manager, 'systemd-run', '--quiet', '--collect', `--unit=${this.unit}`, ...properties, ...argv);
  }

  systemctl(/** @type {string[]} */ ...args) {
    return command(this.#manager, 'systemctl', ...args);
  }

  /** Line `number` of what the latest start of the supervisor reports. */
  async reported(/** @type {number} */ number) {
    const file = join(this.dir, `report-${this.#starts}.jsonl`);
    return until(`line ${number} in ${file}`, () => {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
      return lines.length >= number && JSON.parse(lines[number - 1] ?? '');
    });
  }

  /** Runs a check of this service; if it fails, its error says what systemd, the files and the kernel say. */
  async explained(/** @type {() => Promise<void>} */ check) {
    await check().catch((/** @type {unknown} */ cause) => {
      throw new Error(`${String(cause)}\n${this.#condition()}`, { cause });
    });
  }

  #condition() {
    const of = this.#manager.isUsers ? '--user-unit' : '--unit';
    const files = readdirSync(this.dir, { recursive: true, encoding: 'utf8' }).map((name) => {
      const path = join(this.dir, name);
      return statSync(path).isFile() && statSync(path).size < 2000 ? `${name}: ${readFileSync(path, 'utf8')}` : name;
    });
    const processes = processesOf(this.marker).map(({ pid, what }) => {
      const [stack, status] = ['stack', 'syscall'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'));
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      return `${pid}: ${what}\n${status}${stack}${open.join('\n')}`;
    });
    const run = (/** @type {string} */ file, /** @type {string[]} */ ...args) =>
      spawnSync(file, args, { encoding: 'utf8' }).stdout;
    return [
      ...files,
      ...processes,
      run('systemctl', 'list-jobs', '--no-pager'),
      run('journalctl', '--no-pager', '--lines=200', of, this.unit),
    ].join('\n');
  }

  async start() {
    this.begin();
    return this.started();
  }

  /** Waits for the next start of the supervisor. @returns {Promise<{ state: string, pid: number }>} the job that it finds */
  async started() {
    this.#starts++;
    return this.reported(1);
  }

  /** Does it, and checks that it does not hang. */
  disturb(/** @type {Action} */ action) {
    const began = performance.now();
    if (action === 'kill') this.systemctl('kill', '--kill-who=main', '--signal=KILL', this.unit);
    else this.systemctl(action, this.unit);
    assert.ok(performance.now() - began < STOP_LIMIT_MS, `${action} hangs`);
  }

  /** Lets the job end by itself, with status 7, and the supervisor start no other. */
  letEnd() {
    writeFileSync(join(this.dir, 'end'), '');
    writeFileSync(join(this.dir, 'stdio/stdin'), '\n');
  }

  /** What is in the state directory of the job; undefined if there is no such file. */
  read(/** @type {string} */ name) {
    const path = join(this.dir, 'state', this.marker, 'init', name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  /** The warnings of all starts of the supervisor. @returns {{ serial: number, code: string, message: string }[]} */
  warnings() {
    const file = join(this.dir, 'warnings.jsonl');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** The cgroup that systemd made for the service. */
  cgroup() {
    return join('/sys/fs/cgroup', this.systemctl('show', '--property=ControlGroup', '--value', this.unit).trim());
  }

  /** Stops it, checks that nothing is left, and removes its directory. */
  async end() {
    const state = this.systemctl('show', '--property=LoadState', '--value', this.unit).trim();
    if (state !== 'not-found') this.disturb('stop');
    await nothingLeft(this.marker);
    rmSync(this.dir, { recursive: true });
  }
}

/** The directories below a cgroup. */
export function cgroupsBelow(/** @type {string} */ cgroup) {
  return readdirSync(cgroup, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}
