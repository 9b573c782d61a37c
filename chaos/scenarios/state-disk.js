/** The disk with the state is full, read-only or gone, at the start or at the exit: an error with a code, a definite exit. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, rmSync, rmdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Container } from '../../dist/index.js';
import { attempt, check, until, within } from '../failures.js';
import { cgroupsOf, removeWhileUsed } from '../leftovers.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'state-disk',
  weight: 6,
  needs: ({ isRoot, has }) => (isRoot && has('mount') ? undefined : 'root, to mount a small tmpfs'),
  async run(round) {
    const { random, root } = round;
    mount(['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'outlive-chaos', root]);
    const script = random.chance(0.5) ? 'read x; exit 9' : 'read x; kill -9 $$';
    // Pid 1 of a container cannot kill itself: it continues, and exits with 0.
    const status = script.includes('exit') ? 9 : round.runtime === 'host' ? 137 : 0;
    const options = await round.options(script);
    if (random.chance(0.5)) {
      await atStart(round, options, random.pick([full, readOnly, gone])(root));
    } else {
      await atExit(round, options, random.pick([full, gone, ...(round.has('chattr') ? [sealed] : [])])(root), status);
    }
    await Container.cleanUp(root, { graceMs: 0 });
    await round.reuse(options.id);
    check(readdirSync(root).length === 0, `in the state root: ${readdirSync(root).join(', ')}`);
    // A process closes its descriptors, by which we see its exit, before it releases its working directory.
    await until('nobody has the disk', () => isUnmounted(root), { kind: 'left' });
  },
};

function isUnmounted(/** @type {string} */ root) {
  try {
    mount([root], 'umount');
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes('busy')) return false;
    throw error;
  }
}

/** @typedef {{ name: string, begin: (id: string) => void, end: () => void, errors: RegExp }} Fault */

/** @returns {Fault} */
function full(/** @type {string} */ root) {
  return {
    name: 'full',
    begin: () => fill(join(root, '.filler')),
    end: () => rmSync(join(root, '.filler')),
    errors: /^(ENOSPC|ERR_SHIM|ERR_OCI_RUNTIME|ERR_CONTAINER_NOT_STARTED)$/,
  };
}

/** @returns {Fault} */
function readOnly(/** @type {string} */ root) {
  return {
    name: 'read-only',
    begin: () => mount(['-o', 'remount,ro', root]),
    end: () => mount(['-o', 'remount,rw', root]),
    errors: /^EROFS$/,
  };
}

/**
 * What takes the place of a read-only disk under a running shim, whose open log forbids the remount.
 * @returns {Fault}
 */
function sealed(/** @type {string} */ root) {
  let dirs = '';
  return {
    name: 'sealed',
    begin: (id) => {
      dirs = join(root, id);
      mount(['+i', join(dirs, 'init'), dirs], 'chattr');
    },
    end: () => mount(['-i', dirs, join(dirs, 'init')], 'chattr'),
    errors: /^EPERM$/,
  };
}

/** @returns {Fault} */
function gone(/** @type {string} */ root) {
  return {
    name: 'gone',
    begin: (id) => removeWhileUsed(join(root, id)),
    end: () => undefined,
    errors: /^ERR_CONTAINER_NOT_FOUND$/,
  };
}

async function atStart(
  /** @type {import('../round.js').Round} */ round,
  /** @type {any} */ options,
  /** @type {Fault} */ fault,
) {
  const container = round.keep(await Container.create(options));
  round.note(`${fault.name} at the start`);
  fault.begin(container.id);
  const started = await attempt('start', () => container.start({ stdio: round.fifos() }));
  if ('code' in started) check(fault.errors.test(started.code ?? ''), `start, ${fault.name}: ${started.code}`);
  else check(fault.name === 'full', `start succeeded, though the disk was ${fault.name}`);
  fault.end();
  if ('code' in started && fault.name !== 'gone') {
    const entries = readdirSync(join(round.root, container.id)).sort();
    check(entries.join() === '.lock,state.json', `a failed start left ${entries.join()}`);
  }
  await deleteAfter(fault, container);
}

/**
 * @param {import('../round.js').Round} round
 * @param {any} options
 * @param {Fault} fault
 * @param {number} status
 */
async function atExit(round, options, fault, status) {
  const container = round.keep(await Container.create(options));
  const process = await container.start({ stdio: round.fifos() });
  round.note(`${fault.name} at the exit`);
  await until('the shim has recorded all', () => existsSync(round.file(container.id, 'identity.json')));
  // Before the fault: without its files it counts as removed, and nothing is opened for it any more.
  const stdin = process.openStdin();
  fault.begin(container.id);
  stdin.end('\n');
  const exit = await within('the end', process.wait(), 15_000);
  check(
    exit.status === status || (exit.status === undefined && exit.lost),
    `told was ${JSON.stringify(exit)}, not ${status}`,
  );
  fault.end();
  await deleteAfter(fault, container);
  // The only record of its cgroup was in the state that is gone.
  if (fault.name === 'gone') for (const path of cgroupsOf(container.id)) rmdirSync(path);
}

/** Without its directory it is no container any more: the delete says so. */
async function deleteAfter(/** @type {Fault} */ fault, /** @type {Container} */ container) {
  const deleted = await attempt('delete', () => container.delete());
  const expected = fault.name === 'gone' ? 'ERR_CONTAINER_NOT_FOUND' : undefined;
  const code = 'code' in deleted ? deleted.code : undefined;
  check(code === expected, `delete, ${fault.name}: ${code}`);
}

function mount(/** @type {string[]} */ args, command = 'mount') {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  check(status === 0, `${command} ${args.join(' ')}: ${stderr}`);
}

/** Fills the disk to the last byte. */
function fill(/** @type {string} */ path) {
  const fd = openSync(path, 'w', 0o600);
  try {
    for (const size of [4096, 1]) {
      for (;;) writeAll(fd, size);
    }
  } catch (error) {
    if (/** @type {any} */ (error).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(fd);
  }
}

function writeAll(/** @type {number} */ fd, /** @type {number} */ size) {
  writeSync(fd, Buffer.alloc(size));
}
