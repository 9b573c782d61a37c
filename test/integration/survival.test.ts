/**
 * The supervisor is ended as real tools end it: with its tree of children, its session, its terminal, or everything that
 * has a variable in its environment. The job goes on, and the next supervisor gets its exact exit status.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import treeKill from 'tree-kill';
import { describe, expect } from 'vitest';
import { writeTestBundle } from '../support/bundles.js';
import { allPids, isGone, processesWith, readIfThere, shimIn, statOf } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, want } from '../support/strict.js';
import { until } from '../support/until.js';

const PROGRAM = fileURLToPath(new URL('../fixtures/service.mjs', import.meta.url));
const require = createRequire(import.meta.url);

/** What the fixture reports. */
interface Step {
  readonly supervisor: number;
  readonly started?: number;
  readonly attached?: number;
  readonly ended?: number;
}

/** A job, and the supervisors that come and go. */
class Service {
  /** The command line of a supervisor. */
  readonly command: readonly [string, string, string];
  readonly #scratch: Scratch;
  readonly #report: string;
  readonly #stdin: string;
  readonly #id: string;
  #seen = 0;

  private constructor(scratch: Scratch, bundle: string) {
    this.#scratch = scratch;
    this.#id = scratch.newId();
    this.#report = join(scratch.dir, 'report');
    const stdio = scratch.fifos();
    this.#stdin = stdio.stdin;
    const options = { root: scratch.root, id: this.#id, bundle };
    this.command = [process.execPath, PROGRAM, JSON.stringify({ options, start: { stdio }, report: this.#report })];
  }

  static async make(scratch: Scratch): Promise<Service> {
    return new Service(scratch, await writeTestBundle(scratch.mkdir('bundle'), 'host', JOB));
  }

  /** Starts a supervisor as a child of the test. It is ended at the end of the test at the latest. */
  spawn(
    command: readonly string[] = this.command,
    options: object = {},
    signal: NodeJS.Signals = 'SIGKILL',
  ): ChildProcess {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { stdio: 'ignore', ...options });
    this.#scratch.atEnd(() => ended(child, signal));
    return child;
  }

  /** Waits for the next step that a supervisor reports. */
  async next(): Promise<Step> {
    const line = await until(
      () => `step ${this.#seen + 1}; so far:\n${readIfThere(this.#report)}`,
      () => readIfThere(this.#report).split('\n').slice(0, -1)[this.#seen],
    );
    this.#seen++;
    return JSON.parse(line) as Step;
  }

  /** The job and its shim, and the supervisor that has just started them. */
  async started(): Promise<{ supervisor: number; job: number; shim: number }> {
    // What a test that fails may leave: a supervisor that nobody else ends.
    this.#scratch.atEnd(() => {
      for (const pid of processesWith(this.#report)) process.kill(pid, 'SIGKILL');
      return Promise.resolve();
    });
    const { supervisor, started } = await this.next();
    const shim = shimIn(join(this.#scratch.root, this.#id, 'init'));
    expect(started).toBeGreaterThan(0);
    expect(shim).toBeDefined();
    return { supervisor, job: started ?? 0, shim: shim ?? 0 };
  }

  /** Lets the job end, and returns what the supervisor reports of that. */
  async finish(): Promise<Step> {
    writeFileSync(this.#stdin, '\n');
    return this.next();
  }
}

const JOB = { args: ['sh', '-c', 'read line; exit 7'] };

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

/** Ends the supervisor by `end`; then the job runs on, and a new supervisor has it. */
async function survives(
  service: Service,
  end: (supervisor: number) => unknown,
  restart: () => unknown = () => service.spawn(),
): Promise<void> {
  const { supervisor, job, shim } = await service.started();
  await end(supervisor);
  await until('the supervisor is gone', () => isGone(supervisor));
  await restart();
  const step = await service.next();
  expect(step).toEqual({ supervisor: step.supervisor, attached: job });
  expect(step.supervisor).not.toBe(supervisor);
  expect([isGone(job), isGone(shim)]).toEqual([false, false]);
  expect(await service.finish()).toEqual({ supervisor: step.supervisor, ended: 7 });
}

const run = (file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string =>
  execFileSync(file, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

describe('pm2', { timeout: 120_000 }, () => {
  /** Starts a supervisor under a pm2 daemon of the test's own. Returns the command `pm2`. */
  function pm2For(scratch: Scratch, service: Service): (...args: string[]) => string {
    const env = { ...process.env, PM2_HOME: join(scratch.dir, 'pm2'), PM2_DISABLE_VERSION_CHECK: 'true' };
    const program = require.resolve('pm2/bin/pm2');
    const pm2 = (...args: string[]): string => run(process.execPath, [program, ...args], env);
    scratch.atEnd(async () => {
      const daemon = Number(readIfThere(join(env.PM2_HOME, 'pm2.pid')));
      pm2('kill');
      await until('the daemon is gone', () => daemon === 0 || isGone(daemon));
    });
    const [, script, args] = service.command;
    pm2('start', script, '--name', 'service', '--', args);
    return pm2;
  }

  test('pm2 restart', async ({ scratch }) => {
    const service = await Service.make(scratch);
    const pm2 = pm2For(scratch, service);
    await survives(
      service,
      () => pm2('restart', 'service'),
      () => undefined,
    );
  });

  test('pm2 delete', async ({ scratch }) => {
    const service = await Service.make(scratch);
    const pm2 = pm2For(scratch, service);
    await survives(service, () => pm2('delete', 'service'));
  });
});

describe.runIf(want('ps (Debian: procps)', installed('ps')))('by the tree of children', () => {
  test('nodemon restarts the supervisor when a file changes', async ({ scratch }) => {
    const service = await Service.make(scratch);
    const watched = join(scratch.mkdir('watched'), 'file.js');
    writeFileSync(watched, '');
    const nodemon = require.resolve('nodemon/bin/nodemon.js');
    const command = [
      process.execPath,
      nodemon,
      '--verbose',
      '--no-stdin',
      '--watch',
      watched,
      ...service.command.slice(1),
    ];
    // SIGINT: nodemon then ends its child. If it were killed itself, the child would stay.
    const child = service.spawn(command, { stdio: ['ignore', 'pipe', 'inherit'], cwd: scratch.dir }, 'SIGINT');
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until('nodemon watches the file', () => /watching \d+ file/.test(said));
    await survives(
      service,
      () => writeFileSync(watched, '// changed\n'),
      () => undefined,
    );
  });

  test('tree-kill, of a shell that runs the supervisor', async ({ scratch }) => {
    const service = await Service.make(scratch);
    const shell = service.spawn(['sh', '-c', '"$@"; exit', 'sh', ...service.command]);
    await survives(service, () => promisify<number, string>(treeKill)(shell.pid ?? 0, 'SIGKILL'));
    expect(isGone(shell.pid ?? 0)).toBe(true);
  });
});

describe.runIf(want('tmux', installed('tmux')))('by the terminal', () => {
  test('tmux kill-server', async ({ scratch }) => {
    const service = await Service.make(scratch);
    const env = { ...process.env, TMUX: undefined, TMUX_TMPDIR: scratch.mkdir('tmux'), SHELL: '/bin/sh' };
    const tmux = (...args: string[]): string => run('tmux', ['-L', 'outlive', '-f', '/dev/null', ...args], env);
    let isThere = true;
    const killServer = (): void => {
      if (isThere) tmux('kill-server');
      isThere = false;
    };
    tmux('new-session', '-d', ...service.command);
    scratch.atEnd(() => {
      killServer();
      return Promise.resolve();
    });
    await survives(service, killServer);
  });
});

describe.runIf(want('pkill (Debian: procps)', installed('pkill')))('by the session', () => {
  test('pkill -s', async ({ scratch }) => {
    const service = await Service.make(scratch);
    // In a session of its own, which has the supervisor's pid as its id.
    service.spawn(service.command, { detached: true });
    await survives(service, (supervisor) => run('pkill', ['-KILL', '-s', String(supervisor)]));
  });
});

test.for(['JENKINS_NODE_COOKIE', 'RUNNER_TRACKING_ID'])(
  'a sweep over all processes that have %s in their environment, as CI agents do it',
  async (name, { scratch }) => {
    const service = await Service.make(scratch);
    const variable = `${name}=${randomUUID()}`;
    const [, value] = variable.split('=');
    const shell = ['sh', '-c', '"$@"; exit', 'sh', ...service.command];
    const child = service.spawn(shell, { env: { ...process.env, [name]: value } });
    await survives(service, (supervisor) => {
      const marked = allPids().filter((pid) => readIfThere(`/proc/${pid}/environ`).split('\0').includes(variable));
      expect(marked.sort()).toEqual([child.pid ?? 0, supervisor].sort());
      for (const pid of marked) process.kill(pid, 'SIGKILL');
    });
    expect(statOf(child.pid ?? 0)?.state ?? 'Z').toBe('Z');
  },
);
