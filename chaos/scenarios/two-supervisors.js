/**
 * Two supervisors and the harness work on the same few ids at once, also with objects whose container was deleted and made
 * anew since. A supervisor may be killed at a random call, or stopped for a moment. No process may be ended but by its
 * own plan, or by an operation on its very container; every operation comes to an end, with a documented code if it fails.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Container } from '../../dist/index.js';
import { isGone } from '../../test/support/proc.js';
import { Crowd, keyOf } from '../crowd.js';
import { Finding, attempt, check, until, within } from '../failures.js';
import { Random } from '../random.js';
import { SupervisorDied } from '../supervisor.js';

const TIMEOUT_MS = 8000;
const OPERATION_LIMIT_MS = 30_000;
const IDS = 2;
const LANES = 2;
/** The number of calls into file system and addon after which an armed supervisor is killed, at most. */
const CALLS = 400;
/** The number of operations before a failure that are told. */
const TOLD = 40;

const GONE = /^ERR_(CONTAINER_NOT_FOUND|PROCESS_EXITED|CONTAINER_EXITED|INVALID_STATE)$/;
const ANY = 'CONTAINER_NOT_FOUND|CONTAINER_BUSY|INVALID_STATE';
/** The codes with which each operation may fail. @type {Record<string, RegExp>} */
const CODES = {
  crowdCreate: /^ERR_CONTAINER_EXISTS$/,
  crowdLoad: /^ERR_CONTAINER_NOT_FOUND$/,
  crowdStart: new RegExp(`^ERR_(${ANY})$`),
  crowdPrepare: new RegExp(`^ERR_(${ANY})$`),
  // The first process may be ended by a signal while the runtime is at it.
  crowdLetRun: new RegExp(`^ERR_(${ANY}|PROCESS_EXITED|OCI_RUNTIME)$`),
  crowdExec: new RegExp(`^ERR_(${ANY}|CONTAINER_NOT_STARTED|CONTAINER_EXITED|OCI_RUNTIME)$`),
  crowdRemove: new RegExp(`^ERR_(${ANY}|PROCESS_NOT_EXITED)$`),
  crowdDelete: new RegExp(`^ERR_(${ANY}|PROCESS_NOT_EXITED)$`),
  crowdKillAll: new RegExp(`^ERR_(${ANY}|CONTAINER_NOT_STARTED|CONTAINER_EXITED)$`),
  crowdSignal: /^ERR_(PROCESS_EXITED|INVALID_STATE|CONTAINER_NOT_STARTED)$/,
};

/** What a lane does next, each as often as it stands here. */
const STEPS = [
  ...['create', 'create', 'create', 'load', 'load', 'load', 'loadAll', 'start', 'start', 'start', 'start', 'prepare'],
  ...['letRun', 'letRun', 'exec', 'exec', 'exec', 'remove', 'remove', 'delete', 'delete', 'mildDelete', 'killAll'],
  ...['signal', 'signal', 'processes', 'state', 'cleanUp', 'close', 'arm', 'stop'],
];

/**
 * @typedef {object} Job a process that a start or exec reported
 * @property {string} key its process's key
 * @property {string} processId
 * @property {number} pid
 * @property {number | undefined} code how it ends by itself; undefined: it runs until it is ended
 * @property {string | undefined} output where it writes "end" before it ends by itself
 * @property {boolean} wasEnded an operation to end this very process was begun
 *
 * @typedef {object} Known a container that was once seen
 * @property {string} key
 * @property {string} id
 * @property {number | undefined} code how its first process ends by itself
 * @property {Job[]} jobs
 * @property {boolean} wasEnded an operation to end all of it was begun
 * @property {boolean} isDeleted a delete of it has succeeded
 *
 * @typedef {import('../crowd.js').Told} Told
 */

/** @type {import('./index.js').Scenario} */
export default {
  name: 'two-supervisors',
  weight: 40,
  limitMs: 180_000,
  async run(round) {
    const crowd = new Play(round);
    round.atEnd(() => crowd.close());
    await crowd.run();
  },
};

/** One who works on the containers: a supervisor, or the harness itself. */
class Actor {
  /** @type {Told[]} */
  containers = [];
  /** @type {(Told & { containerKey: string })[]} */
  processes = [];

  /**
   * @param {string} name
   * @param {(operation: string, args: object) => Promise<any>} ask
   * @param {import('../supervisor.js').Supervisor | undefined} supervisor
   */
  constructor(name, ask, supervisor) {
    this.name = name;
    this.ask = ask;
    this.supervisor = supervisor;
  }
}

class Play {
  /** @type {string[]} */
  #trace = [];
  #began = performance.now();
  #serial = 0;
  #local = new Crowd();
  /** By key. @type {Map<string, Known>} */
  #known = new Map();
  /** How the first process of a bundle ends by itself. @type {Map<string, number | undefined>} */
  #codes = new Map();
  /** @type {Promise<Actor>[]} */
  #actors = [];
  #failed = false;

  constructor(/** @type {import('../round.js').Round} */ round) {
    this.round = round;
    this.ids = Array.from({ length: IDS }, () => round.name('c'));
  }

  close() {
    this.#local.close();
  }

  async run() {
    const { random } = this.round;
    const ask = (/** @type {string} */ operation, /** @type {object} */ args) =>
      within(
        operation,
        Promise.resolve().then(() => this.#local.operations[operation]?.(args)),
        OPERATION_LIMIT_MS,
      );
    this.#actors = [
      Promise.resolve(new Actor('harness', ask, undefined)),
      this.#supervisor('a'),
      this.#supervisor('b'),
    ];
    await Promise.all(this.#actors);
    const steps = this.round.runtime === 'host' ? random.int(5, 25) : random.int(4, 12);
    const lanes = this.#actors.flatMap((_, which) =>
      Array.from({ length: LANES }, () => this.#lane(which, steps, new Random(random.int(0, 2 ** 30)))),
    );
    const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === 'rejected');
    try {
      if (failed !== undefined) throw /** @type {PromiseRejectedResult} */ (failed).reason;
      await this.round.killSupervisors();
      await this.#settle();
    } catch (error) {
      if (error instanceof Error) error.message += `\n  ${this.#trace.slice(-TOLD).join('\n  ')}\n`;
      throw error;
    }
  }

  async #supervisor(/** @type {string} */ name) {
    const supervisor = await this.round.supervisor();
    const ask = (/** @type {string} */ operation, /** @type {object} */ args) =>
      supervisor.ask(operation, args, OPERATION_LIMIT_MS);
    return new Actor(name, ask, supervisor);
  }

  async #lane(/** @type {number} */ which, /** @type {number} */ steps, /** @type {Random} */ random) {
    for (let i = 0; i < steps && !this.#failed; i++) {
      const current = this.#actors[which];
      const actor = await /** @type {Promise<Actor>} */ (current);
      try {
        await this.#step(actor, random);
      } catch (error) {
        if (!(error instanceof SupervisorDied)) {
          this.#failed = true;
          throw error;
        }
        // The other lane may have seen it first.
        if (this.#actors[which] !== current) continue;
        const next = this.#supervisor(`${actor.name}'`);
        // The round may be over before it is there.
        next.catch(() => undefined);
        this.#actors[which] = next;
      }
    }
  }

  async #step(/** @type {Actor} */ actor, /** @type {Random} */ random) {
    const { root } = this.round;
    const step = random.pick(STEPS);
    if (step === 'arm' || step === 'stop') return this.#trouble(step, actor, random);
    if (step === 'create') return this.#create(actor, random);
    if (step === 'load') {
      const told = await this.#ask(actor, 'crowdLoad', { root, id: random.pick(this.ids), timeoutMs: TIMEOUT_MS });
      if (told !== undefined) this.#see(actor, told);
      return;
    }
    if (step === 'loadAll') {
      const { containers, codes } = await this.#ask(actor, 'crowdLoadAll', { root, timeoutMs: TIMEOUT_MS });
      for (const told of containers) this.#see(actor, told);
      check(codes.length === 0, `loadAll: ${codes.join()}`);
      return;
    }
    if (step === 'cleanUp') return void (await this.#ask(actor, 'crowdCleanUp', { root, graceMs: 0 }));
    if (step === 'signal') return this.#signal(actor, random);
    if (actor.containers.length === 0) return;
    // Mostly the newest that it has of an id, at times one from before.
    const recent = actor.containers.slice(-IDS);
    return this.#work(actor, random.pick(random.chance(0.6) ? recent : actor.containers), step, random);
  }

  async #create(/** @type {Actor} */ actor, /** @type {Random} */ random) {
    const id = random.pick(this.ids);
    const code = random.chance(0.35) ? random.int(0, 255) : undefined;
    const options = await this.round.options(script(code, random), { id });
    this.#codes.set(options.bundle, code);
    const told = await this.#ask(actor, 'crowdCreate', { options });
    if (told !== undefined) this.#see(actor, told);
  }

  /** A supervisor is to be killed at a random call, or is stopped for a moment. */
  async #trouble(/** @type {string} */ step, /** @type {Actor} */ actor, /** @type {Random} */ random) {
    const { supervisor } = actor;
    if (supervisor === undefined) return;
    this.#tell(`${actor.name}: ${step}`);
    if (step === 'arm') {
      await actor.ask('arm', { left: random.int(1, CALLS), after: random.chance(0.5) });
      return;
    }
    const signal = (/** @type {NodeJS.Signals} */ name) => {
      try {
        process.kill(supervisor.pid, name);
      } catch {
        // It was killed meanwhile.
      }
    };
    signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, random.int(1, 300)));
    signal('SIGCONT');
  }

  async #signal(/** @type {Actor} */ actor, /** @type {Random} */ random) {
    if (actor.processes.length === 0) return;
    const { handle, key, containerKey } = random.pick(actor.processes);
    const container = this.#known.get(containerKey);
    const job = container?.jobs.find((one) => one.key === key);
    // One whose start nobody reported may be signalled, too.
    const isGone = container?.isDeleted === true;
    if (container !== undefined && job?.processId !== 'init') this.#checkRunning(container);
    if (container !== undefined && (job === undefined || job.processId === 'init')) this.#end(container);
    if (job !== undefined) job.wasEnded = true;
    const sent = await this.#ask(actor, 'crowdSignal', { handle }, `${container?.id} ${short(key)}`, isGone);
    void sent;
  }

  /** An operation on a container object. */
  async #work(
    /** @type {Actor} */ actor,
    /** @type {Told} */ { handle, key, id },
    /** @type {string} */ step,
    /** @type {Random} */ random,
  ) {
    const container = this.#containerOf(key, id);
    const isDeleted = container.isDeleted;
    const what = `${id.slice(-2)} ${short(key)}`;
    const ask = (/** @type {string} */ operation, /** @type {object} */ args = {}) =>
      this.#ask(actor, operation, { handle, ...args }, what, isDeleted);
    switch (step) {
      case 'start':
      case 'prepare':
      case 'letRun': {
        const output = step === 'letRun' ? undefined : this.#output();
        const operation = { start: 'crowdStart', prepare: 'crowdPrepare', letRun: 'crowdLetRun' }[step];
        const told = await ask(operation, output === undefined ? {} : { stdio: { stdout: output } });
        if (told !== undefined) this.#started(actor, container, told, container.code, output);
        return;
      }
      case 'exec': {
        const code = random.chance(0.5) ? random.int(0, 255) : undefined;
        const output = this.#output();
        const spec = { args: ['sh', '-c', script(code, random)] };
        const processId = random.pick(['x', 'y']);
        const told = await ask('crowdExec', { processId, spec, stdio: { stdout: output } });
        if (told !== undefined) this.#started(actor, container, told, code, output);
        return;
      }
      case 'remove':
        return void (await ask('crowdRemove', { processId: random.pick(['init', 'x', 'y']) }));
      case 'delete':
      case 'mildDelete': {
        const force = step === 'delete';
        if (force) this.#end(container);
        if ((await ask('crowdDelete', { force })) !== undefined) container.isDeleted = true;
        return;
      }
      case 'killAll':
        this.#end(container);
        return void (await ask('crowdKillAll'));
      case 'processes': {
        const told = await this.#ask(actor, 'crowdProcesses', { handle }, what);
        check(!isDeleted || told.length === 0, `${what}: a deleted container has processes`);
        for (const one of told) if (one.key !== '') actor.processes.push({ ...one, containerKey: key });
        return;
      }
      case 'state': {
        const state = await this.#ask(actor, 'crowdState', { handle }, what);
        check(!isDeleted || state === 'stopped', `${what}: a deleted container is ${state}`);
        return;
      }
      case 'close':
        await this.#ask(actor, 'crowdClose', { handle }, what);
    }
  }

  /**
   * Has an actor do it; an error with another than a documented code is a finding, and so is a success where the container
   * had been deleted before.
   * @returns {Promise<any>} undefined if it failed
   */
  async #ask(
    /** @type {Actor} */ actor,
    /** @type {string} */ operation,
    /** @type {object} */ args,
    what = '',
    isDeleted = false,
  ) {
    const label = `${actor.name} ${operation.slice(5)} ${what}${'processId' in args ? ` ${String(args.processId)}` : ''}`;
    this.#tell(`${label} …`);
    try {
      const value = (await actor.ask(operation, args)) ?? null;
      this.#tell(`${label}: well${isDeleted ? ', though it was deleted' : ''}`);
      if (isDeleted) throw new Finding('another', `${label}: succeeded after its container was deleted`);
      return value;
    } catch (error) {
      if (error instanceof Finding || error instanceof SupervisorDied) {
        this.#tell(`${label}: ${error.message}`);
        throw error;
      }
      const { code, message } = /** @type {any} */ (error);
      this.#tell(`${label}: ${code ?? message}`);
      // A process whose start failed may be signalled too: that it was not started stays true after the delete.
      const isExpected = isDeleted
        ? GONE.test(code) || (operation === 'crowdSignal' && code === 'ERR_CONTAINER_NOT_STARTED')
        : CODES[operation]?.test(code);
      if (typeof code === 'string' && isExpected) return undefined;
      throw new Finding('wrong', `${label}: ${code ?? 'no code'}: ${message}`, { cause: error });
    }
  }

  #see(/** @type {Actor} */ actor, /** @type {Told} */ told) {
    actor.containers.push(told);
    const container = this.#containerOf(told.key, told.id);
    if (told.bundle !== undefined) container.code = this.#codes.get(told.bundle);
  }

  #containerOf(/** @type {string} */ key, /** @type {string} */ id) {
    /** @type {Known} */
    const container = this.#known.get(key) ?? { key, id, code: undefined, jobs: [], wasEnded: false, isDeleted: false };
    this.#known.set(key, container);
    return container;
  }

  #started(
    /** @type {Actor} */ actor,
    /** @type {Known} */ container,
    /** @type {Told} */ { handle, key, id, pid = 0 },
    /** @type {number | undefined} */ code,
    /** @type {string | undefined} */ output,
  ) {
    actor.processes.push({ handle, key, id, containerKey: container.key });
    // A created one, which was let run now, is known already.
    if (container.jobs.some((job) => job.key === key)) return;
    container.jobs.push({ key, processId: id, pid, code, output, wasEnded: false });
  }

  /** All of a container is about to be ended: until now nobody may have done so. */
  #end(/** @type {Known} */ container) {
    this.#checkRunning(container);
    container.wasEnded = true;
  }

  /** Processes that nobody was to end, and that do not end by themselves, run. */
  #checkRunning(/** @type {Known} */ container) {
    for (const job of unended(container)) {
      if (job.code !== undefined || !isGone(job.pid)) continue;
      const message = `${container.id} ${short(container.key)} ${job.processId} ${short(job.key)} (${job.pid}): was ended`;
      this.#tell(message);
      throw new Finding('another', message);
    }
  }

  /** Nobody works any more: each process has ended as it should, or runs. Then all is deleted. */
  async #settle() {
    const { containers, failures } = await Container.loadAll(this.round.root, { timeoutMs: TIMEOUT_MS });
    for (const container of containers) this.round.keep(container);
    check(failures.length === 0, `loadAll: ${failures.map(({ error }) => error.message).join()}`);
    for (const container of this.#known.values()) {
      this.#checkRunning(container);
      const loaded = containers.find((one) => keyOf(one) === container.key);
      for (const job of unended(container)) await this.#settleJob(container, job, loaded);
    }
    for (const container of containers) {
      const deleted = await attempt(`delete ${container.id}`, () => container.delete());
      check(!('code' in deleted), `the last delete: ${deleted.error?.message ?? ''}`);
    }
    await Container.cleanUp(this.round.root, { graceMs: 0 });
  }

  async #settleJob(
    /** @type {Known} */ container,
    /** @type {Job} */ { key, processId, code, output, pid },
    /** @type {Container | undefined} */ loaded,
  ) {
    if (code === undefined) return;
    const what = `${container.id} ${short(container.key)} ${processId} ${short(key)} (${pid})`;
    const process = loaded?.processes().find((one) => keyOf(one) === key);
    if (process?.state() === 'created') return;
    if (output !== undefined) {
      const hasEnded = () => readFileSync(output, 'utf8').includes('end');
      await until(`the end of ${what}`, hasEnded, { kind: 'another' });
    }
    if (process === undefined) return;
    const exit = await within(`the end of ${what}`, process.wait());
    if (exit.lost !== undefined) throw new Finding('lost', `${what}: ${exit.lost}`);
    if (exit.status !== code) throw new Finding('another', `${what}: ended with ${exit.status}, not ${code}`);
  }

  #output() {
    return join(this.round.dir, `output${this.#serial++}`);
  }

  #tell(/** @type {string} */ text) {
    this.#trace.push(`${(performance.now() - this.#began).toFixed(1)} ${text}`);
  }
}

/** The processes that nobody was to end. The end of the first one ends the others, too. */
function unended(/** @type {Known} */ { jobs, wasEnded, code }) {
  if (wasEnded) return [];
  return jobs.filter((job) => !job.wasEnded && (job.processId === 'init' || code === undefined));
}

function script(/** @type {number | undefined} */ code, /** @type {Random} */ random) {
  return code === undefined ? 'exec sleep 1000' : `sleep ${random.pick([0, 0, 0.05, 0.2])}; echo end; exit ${code}`;
}

function short(/** @type {string} */ key) {
  return key.slice(0, 8);
}
