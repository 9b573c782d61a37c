/** A file of the state is broken or replaced: no crash, no hang, no signal to another process, and all can be removed. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { posix } from '../../dist/index.js';
import { readIfThere } from '../../test/support/proc.js';
import { attempt, check, until, within } from '../failures.js';
import { Decoy } from './decoy.js';

const FILES = ['process.json', 'exit', 'control', 'pid', 'identity.json', 'exitStatus', 'shim-log.json', 'log.json'];
const FIRST = '0'.repeat(20);
const LOG_FILES = ['log', 'log/key', 'log/writer', `log/${FIRST}.idx`, `log/${FIRST}.raw`];

/** @type {import('./index.js').Scenario} */
export default {
  name: 'state-files',
  weight: 14,
  async run(round) {
    const { random } = round;
    const decoy = new Decoy(round);
    await decoy.grownOld();
    const isLogged = random.chance(0.5);
    // The bytes in a FIFO that nobody reads would keep the shim.
    const container = await round.create(`${isLogged ? 'echo out; ' : ''}exec sleep 1000`);
    const { id } = container;
    const stdio = isLogged ? /** @type {const} */ ({ stdin: 'pipe', stdout: 'log', stderr: 'log' }) : round.fifos();
    const process = await container.start({ stdio });
    const files = isLogged ? [...FILES, ...LOG_FILES] : FILES;
    const { systemPid } = process;
    await until('the shim has recorded all', () => readable(round.file(id, 'identity.json')));
    // runc reports the start before the process has called execve(2): until then the marker is not in its environment.
    await until('the program itself', () => isOurs(round, systemPid));
    const ended = random.chance(0.4);
    if (ended) {
      process.signal('SIGKILL');
      await round.expectEnd(process, 137);
    }
    container.close();
    for (let i = random.int(1, 2); i > 0; i--) {
      const path = random.chance(0.15) ? join(round.root, id, 'state.json') : round.file(id, random.pick(files));
      // An earlier damage may have taken its directory.
      if (!existsDir(dirname(path))) continue;
      round.note(`${basename(path)}: way ${damage(path, random, decoy)}, ${ended ? 'ended' : 'running'}`);
    }
    const loaded = await attempt('load', () => round.load(id, { timeoutMs: 1500 }));
    round.note(`load: ${'code' in loaded ? loaded.code : 'well'}`);
    if ('code' in loaded) {
      check(/^(ERR_INVALID_STATE|E[A-Z]+)$/.test(loaded.code ?? ''), `load: ${loaded.code}`);
    } else {
      const again = /** @type {import('../../dist/index.js').Container} */ (loaded.value);
      for (const one of again.processes()) {
        await poke(one);
        if (ended) await within('the end', one.wait());
      }
      const deleted = await attempt('delete', () => again.delete());
      round.note(`delete: ${'code' in deleted ? deleted.code : 'well'}`);
      if ('code' in deleted) check(/^(ERR_|E)[A-Z_]+$/.test(deleted.code ?? ''), `delete: ${deleted.code}`);
    }
    decoy.check();
    await endByHand(round, id, systemPid);
  },
};

/** None of these may hang, crash or signal another process. */
async function poke(/** @type {import('../../dist/index.js').Process} */ process) {
  await attempt('state', () => process.state());
  await attempt('resize', () => process.resize(80, 24));
  await attempt('exitStatus', () => process.exitStatus());
  await attempt('signal', () => process.signal('SIGUSR2'));
  // Without an end, a follower waits.
  for (const follow of [false, true]) {
    await attempt('output', () => drain(process.output({ follow, signal: AbortSignal.timeout(50) })).catch(toCode));
  }
  await attempt('wait', () => process.wait({ signal: AbortSignal.timeout(5) }).catch(toCode));
}

async function drain(/** @type {AsyncIterable<import('../../dist/index.js').OutputItem>} */ items) {
  for await (const item of items) check(item.cursor !== '', 'an item without a cursor');
}

function toCode(/** @type {unknown} */ error) {
  if (error instanceof DOMException) return;
  throw error;
}

function readable(/** @type {string} */ path) {
  try {
    const stat = lstatSync(path);
    return stat.isFile() && stat.size > 0;
  } catch {
    return false;
  }
}

/** Ends what the library could not: with broken files it may not know the process, or may have refused to delete. */
async function endByHand(
  /** @type {import('../round.js').Round} */ round,
  /** @type {string} */ id,
  /** @type {number} */ pid,
) {
  const dir = join(round.root, id);
  if (!existsDir(dir)) {
    await until('the end of the process, its container deleted', () => !isOurs(round, pid), { kind: 'left' });
    return;
  }
  await until('the end of the process and its shim', () => {
    // Each time: its environment can't be read for a moment while it calls execve(2).
    if (isOurs(round, pid)) process.kill(pid, 'SIGKILL');
    return !isOurs(round, pid) && round.shimOf(id) === undefined;
  });
  const host = [posix.nativeExecutable('outlive-host'), '--root', join(dir, '.runtime')];
  const [runtime = '', ...args] = round.runtime === 'host' ? host : [round.runtime];
  spawnSync(runtime, [...args, 'delete', '--force', id]);
  await within('rm', Promise.resolve(rmSync(dir, { recursive: true, force: true })));
}

function existsDir(/** @type {string} */ path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isOurs(/** @type {import('../round.js').Round} */ round, /** @type {number} */ pid) {
  return readIfThere(`/proc/${pid}/environ`).includes(round.marker);
}

/** Damages a file in a random way; gives the number of the way. */
function damage(
  /** @type {string} */ path,
  /** @type {import('../random.js').Random} */ random,
  /** @type {Decoy} */ decoy,
) {
  // An earlier damage may have made it huge.
  const text = readable(path) && lstatSync(path).size < 1 << 20 ? readFileSync(path, 'utf8') : '';
  const aimed = path.endsWith('pid') || path.endsWith('identity.json');
  const replace = (/** @type {() => void} */ make) => () => {
    for (;;) {
      rmSync(path, { recursive: true, force: true });
      try {
        return make();
      } catch (/** @type {any} */ error) {
        // Shim or runtime has made it anew since, as it does with its log.
        if (error.code !== 'EEXIST') throw error;
      }
    }
  };
  const write = (/** @type {string | Buffer} */ bytes) => replace(() => writeFileSync(path, bytes, { mode: 0o600 }));
  const ways = [
    replace(() => undefined),
    write(''),
    write(text.slice(0, random.int(0, text.length))),
    write(random.bytes(random.int(1, 600))),
    write('['.repeat(20_000)),
    write(JSON.stringify({ args: [1], pid: '7', bundle: 5, level: {} })),
    replace(() => spawnSync('mkfifo', [path])),
    replace(() => symlinkSync('/etc/hostname', path)),
    replace(() => symlinkSync(path, path)),
    replace(() => mkdirSync(path)),
    replace(() => {
      writeFileSync(path, text);
      truncateSync(path, 2 ** 40);
    }),
    write('-1'),
    write('99999999999999999999'),
    write('256'),
  ];
  const decoys = [
    write(String(decoy.pid)),
    write(JSON.stringify({ ...parsed(text), pid: decoy.pid })),
    write(JSON.stringify({ pid: decoy.pid, startTimeTicks: decoy.startTimeTicks, bootId: 'another' })),
  ];
  const choice = aimed ? [...ways, ...decoys, ...decoys] : ways;
  const way = random.int(0, choice.length - 1);
  choice[way]?.();
  return way;
}

function parsed(/** @type {string} */ text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
