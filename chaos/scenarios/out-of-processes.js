/** A supervisor and its shims may make no further process: operations fail with a code, no exit is missed, later all works. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processesOf } from '../../test/support/proc.js';
import { attempt, check, until, within } from '../failures.js';

const ERRORS = /^(EAGAIN|ERR_SHIM|ERR_OCI_RUNTIME|ERR_CONTAINER_NOT_STARTED|ERR_CONTAINER_START_TIMEOUT)$/;

/** The cgroup hierarchy with the pids controller; undefined if there is none. */
function pidsHierarchy() {
  const roots = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'];
  return roots.find(
    (root) => (root.endsWith('pids') && existsSync(join(root, 'tasks'))) || /\bpids\b/.test(controllers(root)),
  );
}

function controllers(/** @type {string} */ root) {
  try {
    return readFileSync(join(root, 'cgroup.subtree_control'), 'utf8');
  } catch {
    return '';
  }
}

/** @type {import('./index.js').Scenario} */
export default {
  name: 'out-of-processes',
  weight: 4,
  needs: ({ isRoot }) => (isRoot && pidsHierarchy() !== undefined ? undefined : 'root and a pids cgroup'),
  async run(round) {
    const { random } = round;
    const code = random.int(0, 255);
    // Not runc: it moves its processes into another pids cgroup.
    const options = await round.options(`read x; exit ${code}`, { runtime: 'host' });
    const { id } = options;
    const cgroup = join(/** @type {string} */ (pidsHierarchy()), round.name('pids'));
    mkdirSync(cgroup);
    round.atEnd(() => removeCgroup(round, cgroup));
    const supervisor = await round.supervisor();
    writeFileSync(join(cgroup, 'cgroup.procs'), String(supervisor.pid));
    await supervisor.ask('create', { options });
    const stdio = round.fifos();
    await supervisor.ask('start', { id, options: { stdio } });
    const ended = supervisor.ask('wait', { id });
    ended.catch(() => undefined);
    await until('the shim has recorded all', () => existsSync(round.file(id, 'identity.json')));

    // From no new process at all to enough for shim, runtime and process.
    const spare = random.int(0, 5);
    const now = Number(readFileSync(join(cgroup, 'pids.current'), 'utf8'));
    writeFileSync(join(cgroup, 'pids.max'), String(now + spare));
    round.note(`${spare} to spare`);
    const second = random.int(0, 255);
    const spec = { args: ['sh', '-c', `exit ${second}`] };
    const exec = await attempt('exec', () => supervisor.ask('exec', { id, processId: 'second', spec }));
    round.note(`exec: ${exec.code ?? 'well'}`);
    check(exec.code === undefined || ERRORS.test(exec.code), `exec: ${exec.code}`);
    if (exec.code !== undefined) check(!existsSync(round.file(id, '', 'second')), 'a failed exec left its directory');
    else await expectStatus('the end of second', supervisor.ask('wait', { id, processId: 'second' }), second);

    // The shim may be unable to run the runtime's delete; delete() does it later.
    writeFileSync(stdio.stdin, '\n');
    await expectStatus('the end, with no process to spare', ended, code);
    writeFileSync(join(cgroup, 'pids.max'), 'max');
    await supervisor.ask('delete', { id });
    await round.reuse(id, 'host');
  },
};

async function expectStatus(
  /** @type {string} */ what,
  /** @type {Promise<any>} */ told,
  /** @type {number} */ status,
) {
  const exit = await within(what, told, 15_000);
  check(exit.status === status, `${what}: told was ${JSON.stringify(exit)}, not ${status}`);
}

/** Removes a cgroup once its processes have ended; before that rmdir(2) fails with EBUSY. */
async function removeCgroup(/** @type {import('../round.js').Round} */ round, /** @type {string} */ cgroup) {
  await round.killSupervisors();
  const isEmpty = () => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8') === '';
  const empty = await until('an empty cgroup', isEmpty).catch(() => false);
  if (!empty) for (const { pid } of processesOf(round.marker)) process.kill(pid, 'SIGKILL');
  await until('an empty cgroup', isEmpty);
  rmdirSync(cgroup);
}
