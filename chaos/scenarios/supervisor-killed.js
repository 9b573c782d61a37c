/** A supervisor is killed at a random instant of create, start, exec or delete; the next one must find the true state. */
import { Container } from '../../dist/index.js';
import { Finding, attempt, check, until, within } from '../failures.js';
import { SupervisorDied } from '../supervisor.js';

/** About how many calls into file system and addon each operation makes; with a larger n it is killed after the operation. */
const CALLS = { create: 30, start: 110, exec: 120, delete: 130, run: 180 };
const TRACED = 'mkdir,mknodat,mknod,chmod,fchmod,rename,openat,write,unlink,rmdir,clone,vfork,clone3,inotify_add_watch';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'supervisor-killed',
  weight: 30,
  async run(round) {
    const { random } = round;
    const operation = random.pick(/** @type {const} */ (['create', 'start', 'exec', 'delete']));
    const code = random.chance(0.4) ? random.int(0, 255) : undefined;
    const script = code === undefined ? 'exec sleep 1000' : `exit ${code}`;
    const options = await round.options(operation === 'exec' || code === undefined ? 'exec sleep 1000' : script);
    const { id } = options;
    if (operation !== 'create') {
      const container = round.keep(await Container.create(options));
      if (operation !== 'start') await container.start({ stdio: round.fifos() });
      if (random.chance(0.7)) container.close();
    }
    const stdio = round.fifos();
    const spec = { args: ['sh', '-c', script] };
    await runUntilKilled(round, operation, {
      create: { options },
      start: { id, options: { stdio } },
      exec: { id, processId: 'second', spec, options: { stdio } },
      delete: { id },
    });
    const loaded = await attempt('load', () => round.load(id));
    if ('code' in loaded) {
      const gone = loaded.code === 'ERR_CONTAINER_NOT_FOUND' && (operation === 'create' || operation === 'delete');
      check(gone, `load after a cut off ${operation}: ${loaded.code}: ${loaded.error?.message ?? ''}`);
    } else {
      const container = /** @type {Container} */ (loaded.value);
      for (const process of container.processes()) {
        const cut = process.id === (operation === 'exec' ? 'second' : 'init') ? operation : 'none';
        await bringToItsEnd(round, process, cut, process.id === 'init' && operation === 'exec' ? undefined : code);
      }
      check(container.state() !== 'paused', 'the container is paused');
      await within('delete', container.delete(), 20_000);
    }
    await Container.cleanUp(round.root, { graceMs: 0 });
    await round.reuse(id);
  },
};

/**
 * Runs an operation in a supervisor, and kills that in one of three ways.
 * @param {import('../round.js').Round} round
 * @param {keyof typeof CALLS} operation
 * @param {Partial<Record<keyof typeof CALLS, any>>} args of the operation, and of `delete` unless that makes the container.
 */
export async function runUntilKilled(round, operation, args) {
  const { random } = round;
  const way = random.pick(['call', 'call', 'call', 'time', 'system call']);
  const nth = random.int(1, CALLS[operation]);
  round.note(`${operation}, by ${way} ${nth}`);
  const traced = way === 'system call' && round.has('strace');
  // Its own start takes some hundred calls, so strace is attached, or the counter armed, only after it.
  const supervisor = await round.supervisor();
  if (args.delete !== undefined && operation !== 'create') {
    await supervisor.ask('load', { root: round.root, id: args.delete.id });
  }
  if (traced) await supervisor.trace(TRACED, nth);
  if (way === 'call') await supervisor.ask('arm', { left: nth, after: random.chance(0.5) });
  const done = supervisor.ask(operation, args[operation]).catch((/** @type {unknown} */ error) => {
    if (!(error instanceof SupervisorDied)) throw error;
  });
  if (way === 'time') setTimeout(() => void supervisor.kill(), random.next() * 25);
  await done;
  await supervisor.kill();
}

/**
 * Checks what a process is after the kill: it runs and can be ended, it was never started, or its exit is exact.
 * @param {import('../round.js').Round} round
 * @param {import('../../dist/index.js').Process} process
 * @param {string} cut the operation on it that was interrupted, or 'none'
 * @param {number | undefined} code its exit code; undefined if it runs until it is killed
 */
async function bringToItsEnd(round, process, cut, code) {
  await until(
    `${process.id} runs, or has ended`,
    () => process.hasEnded || (process.systemPid > 0 && process.state() === 'running'),
  );
  if (!process.hasEnded && code === undefined) await kill(process);
  const exit = await within(`the end of ${process.id}`, process.wait());
  if (exit.lost !== undefined) {
    const mayBe = cut === 'start' || cut === 'exec';
    if (mayBe && exit.lost.startsWith('the process was never started')) return;
    throw new Finding('lost', `${process.id}: ${exit.lost}`);
  }
  const killed = exit.status === 137 && (code === undefined || cut === 'delete');
  if (!killed && exit.status !== code) throw new Finding('lost', `${process.id}: status ${exit.status}, not ${code}`);
}

/** Kills it as soon as its identity is recorded. */
async function kill(/** @type {import('../../dist/index.js').Process} */ process) {
  await until('a signal reaches it', async () => {
    const sent = await attempt('signal', () => process.signal('SIGKILL'));
    if (!('code' in sent) || sent.code === 'ERR_PROCESS_EXITED') return true;
    check(sent.code === 'ERR_INVALID_STATE', `signal: ${sent.code}`);
    return false;
  });
}
