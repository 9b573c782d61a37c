/**
 * A supervisor that is a service of systemd, and what becomes of its job when the service is restarted, stopped or killed:
 * with each KillMode, of the system's manager and of a user's.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { statOf } from '../../support/proc.js';
import { nothingLeft, until } from '../inside/check.js';

const supervisor = fileURLToPath(new URL('../inside/service-supervisor.js', import.meta.url));
const USER = 'job';
/** A stop that takes longer hangs; systemd itself would wait for 90 s before it kills. */
const STOP_LIMIT_MS = 20_000;

/** @typedef {'control-group' | 'mixed' | 'process'} KillMode */
/** @typedef {'restart' | 'stop' | 'kill'} Action what is done to the service; `stop` is followed by a start */
/** @typedef {{ name: string, uid: number, unitDir: string, systemctl: (...args: string[]) => string }} Manager */

/** The system's manager. @returns {Manager} */
function systemManager() {
  return {
    name: 'system',
    uid: 0,
    unitDir: '/run/systemd/system',
    systemctl: (...args) => execFileSync('systemctl', args, { encoding: 'utf8' }),
  };
}

/** The manager of a user that lingers: it runs without a session. @returns {Manager} */
function userManager() {
  const uid = Number(execFileSync('id', ['-u', USER], { encoding: 'utf8' }));
  const env = { ...process.env, HOME: `/home/${USER}`, XDG_RUNTIME_DIR: `/run/user/${uid}` };
  const as = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--'];
  return {
    name: 'user',
    uid,
    unitDir: `/run/user/${uid}/systemd/user`,
    systemctl: (...args) => execFileSync('setpriv', [...as, 'systemctl', '--user', ...args], { encoding: 'utf8', env }),
  };
}

/** A supervisor's service with a job in it. */
class Service {
  #starts = 0;

  constructor(/** @type {Manager} */ manager, /** @type {KillMode} */ killMode) {
    this.manager = manager;
    this.dir = mkdtempSync('/var/tmp/outlive-vm-');
    chownSync(this.dir, manager.uid, manager.uid);
    this.marker = this.dir.slice('/var/tmp/'.length);
    this.unit = `${this.marker}.service`;
    this.unitFile = join(manager.unitDir, this.unit);
    mkdirSync(manager.unitDir, { recursive: true });
    writeFileSync(
      this.unitFile,
      `[Service]
ExecStart=${process.execPath} ${supervisor} ${this.dir}
KillMode=${killMode}
Restart=on-failure
RestartSec=0
StandardOutput=journal
`,
    );
    manager.systemctl('daemon-reload');
  }

  /** What the latest start of the supervisor reports: first its job's state, then its end, then that it is deleted. */
  async #reported(/** @type {number} */ count) {
    const file = join(this.dir, `report-${this.#starts}.jsonl`);
    return until(`${count} lines in ${file}`, () => {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
      return lines.length >= count && lines.map((line) => JSON.parse(line));
    });
  }

  async start() {
    this.manager.systemctl('start', this.unit);
    return this.started();
  }

  /** Waits for the next start of the supervisor. @returns {Promise<{ state: string, pid: number }>} its job */
  async started() {
    this.#starts++;
    return (await this.#reported(1))[0];
  }

  /** @returns {Promise<{ status?: number, lost?: string }>} how the job ended, to the latest start of the supervisor */
  async ended() {
    return (await this.#reported(3))[1];
  }

  /** Does it, and waits for the next start. @returns the job that it finds */
  async disturb(/** @type {Action} */ action) {
    const { systemctl } = this.manager;
    const began = performance.now();
    if (action === 'kill') systemctl('kill', '--kill-who=main', '--signal=KILL', this.unit);
    else systemctl(action, this.unit);
    assert.ok(performance.now() - began < STOP_LIMIT_MS, `${action} hangs`);
    if (action === 'stop') systemctl('start', this.unit);
    return this.started();
  }

  /** Lets the job end by itself. */
  letEnd() {
    writeFileSync(join(this.dir, 'end'), '');
  }

  async end() {
    const began = performance.now();
    this.manager.systemctl('stop', this.unit);
    assert.ok(performance.now() - began < STOP_LIMIT_MS, 'stop hangs');
    rmSync(this.unitFile);
    this.manager.systemctl('daemon-reload');
    await nothingLeft(this.marker);
    rmSync(this.dir, { recursive: true });
  }
}

/**
 * What becomes of the job, with a scope of its own or without.
 * @type {Record<'none', Record<KillMode, (found: { pid: number }, job: { pid: number }, service: Service) => Promise<void>>>}
 */
const expected = {
  none: {
    // Every process of the cgroup gets SIGTERM. The shim outlives that until it has recorded the end.
    'control-group': async (_found, _job, service) => {
      assert.deepEqual(await service.ended(), { status: 128 + 15 });
    },
    // The supervisor gets SIGTERM; when it has ended, everything else gets SIGKILL, the shim too.
    mixed: async (_found, job, service) => {
      const { status, lost } = await service.ended();
      assert.ok(lost !== undefined || status === 128 + 9, `lost or killed: ${status}`);
      assert.equal(statOf(job.pid), undefined);
    },
    // Nobody but the supervisor is signalled.
    process: async (found, job, service) => {
      assert.deepEqual(found, job);
      service.letEnd();
      assert.deepEqual(await service.ended(), { status: 7 });
    },
  },
};

/** @type {(makeManager: () => Manager, scope: keyof typeof expected) => import('../inside/check.js').Check[]} */
const checks = (makeManager, scope) =>
  /** @type {KillMode[]} */ (['control-group', 'mixed', 'process']).flatMap((killMode) =>
    /** @type {Action[]} */ (['restart', 'stop', 'kill']).map((action) => ({
      name: `systemd, ${makeManager === userManager ? 'user' : 'system'}: ${action} with KillMode=${killMode}`,
      run: async () => {
        const service = new Service(makeManager(), killMode);
        const { state, pid } = await service.start();
        assert.equal(state, 'running');
        const found = await service.disturb(action);
        await expected[scope][killMode]({ pid: found.pid }, { pid }, service);
        await service.end();
      },
    })),
  );

export default [...checks(systemManager, 'none'), ...checks(userManager, 'none')];
