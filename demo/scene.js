/** One scene: a shell is started, its supervisor killed, and a new supervisor carries on. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Actor } from './actor.js';
import { isGone, statOf } from '../test/support/proc.js';
import { adoptedBy, goesAway } from './adoption.js';

/**
 * What the scenes share, and what must be ended if one of them fails.
 * @typedef {object} Stage
 * @property {import('./narrator.js').Narrator} narrator
 * @property {string} dir
 * @property {string} stateRoot
 * @property {Actor[]} actors
 * @property {string[]} containerIds
 */

/**
 * @typedef {object} Cast
 * @property {string} name of the runtime
 * @property {string} bundle
 * @property {string[]} runtimeArgs
 * @property {string} shell what it is called in the story
 */

const COLUMNS = 132;
const ROWS = 43;
const ANSWER = 42;
const UNREAD = 'nobody was reading when I printed this';
const LINE = 'stty size; echo "pid $$"; exit $answer';

/** @param {Stage} stage @param {string} script @param {object} role */
function enter(stage, script, role) {
  const actor = new Actor(script, role);
  stage.actors.push(actor);
  return actor;
}

/** @param {Stage} stage @param {Cast} cast */
export async function playScene(stage, cast) {
  const { narrator } = stage;
  const id = `outlive-demo-${process.pid}-${cast.name}`;
  const { pid, shim } = await start(stage, cast, id);
  const before = statOf(pid);

  const first = stage.actors.at(-1);
  const killed = await first?.kill();
  narrator.check('the supervisor was killed by SIGKILL', killed?.signal, 'SIGKILL');
  narrator.step(
    `The narrator sends SIGKILL to the supervisor, pid ${first?.pid}. It is dead; it could tidy up nothing.`,
  );

  const after = statOf(pid);
  narrator.check(`pid ${pid} still runs`, isGone(pid), false);
  narrator.check(`pid ${pid} is still the same process`, after?.startTimeTicks, before?.startTimeTicks);
  narrator.check('its parent is still the shim', after?.parent, shim);
  narrator.step(`The shell, pid ${pid}, still runs. Its parent is the shim, pid ${shim}: so says /proc/${pid}/stat.`);

  await carryOn(stage, cast, id, pid);
  narrator.check(`pid ${pid} is gone`, await goesAway(pid), true);
  narrator.check(`the shim, pid ${shim}, is gone`, await goesAway(shim), true);
  narrator.check('the state directory is empty', readdirSync(stage.stateRoot).join(), '');
  narrator.step('It deletes the container: no shell, no shim, no file of it is left.');
}

/** @param {Stage} stage @param {Cast} cast @param {string} id */
async function start(stage, { name, bundle, runtimeArgs, shell }, id) {
  const { narrator } = stage;
  const options = { root: stage.stateRoot, id, bundle, runtime: name, runtimeArgs };
  const lines = { read: `answer=${ANSWER}`, unread: `echo "${UNREAD}"` };
  stage.containerIds.push(id);
  const supervisor = enter(stage, 'supervisor.js', { options, stdioDir: join(stage.dir, `${name}-stdio`), lines });
  const { pid } = await supervisor.hear('started');
  const shim = (await adoptedBy(pid)) ?? 0;
  narrator.check(`the parent of pid ${pid} is the shim`, statOf(shim)?.name, 'outlive-shim');
  narrator.step(
    `The narrator, pid ${process.pid}, starts a supervisor: a Node.js program of its own, pid ${supervisor.pid}.`,
  );
  narrator.step(
    `The supervisor starts an interactive shell (${shell}) on a terminal: pid ${pid}, under the shim, pid ${shim}.`,
    `Into the shell it types: ${lines.read}`,
    `Then it stops reading, and types: ${lines.unread}`,
  );
  return { pid, shim };
}

/** @param {Stage} stage @param {Cast} cast @param {string} id @param {number} pid */
async function carryOn(stage, cast, id, pid) {
  const { narrator } = stage;
  const role = { root: stage.stateRoot, id, unread: UNREAD, columns: COLUMNS, rows: ROWS, line: LINE };
  const second = enter(stage, 'second-supervisor.js', role);

  const attached = await second.hear('attached');
  narrator.check('the container that was loaded holds the same shell', attached.pid, pid);
  narrator.check('it runs', attached.state, 'running');
  narrator.step(
    `A new Node.js process, pid ${second.pid}, loads the container "${id}" from its state directory.`,
    `It is attached again to the shell, pid ${attached.pid}, state "${attached.state}".`,
  );

  const meanwhile = (await second.hear('printed meanwhile')).lines;
  narrator.check('what nobody had read was kept', meanwhile.includes(UNREAD), true);
  narrator.step('It opens the output, and finds what the shell printed when nobody was reading:');
  narrator.quote(meanwhile);

  const { lines } = await second.hear('printed');
  narrator.step(`It sets the terminal to ${COLUMNS} columns and ${ROWS} rows, and types: ${LINE}`);
  narrator.quote(lines);
  narrator.check('the shell sees the new size', lines.includes(`${ROWS} ${COLUMNS}`), true);
  // In a container the shell has pid 1; with the host runtime it has the pid that we know.
  narrator.check('it is the same shell', lines.includes(`pid ${cast.name === 'host' ? pid : 1}`), true);

  const { status, exitStatus, lost } = await second.hear('ended');
  narrator.check(`the exit status is known (${lost ?? 'it is'})`, status, ANSWER);
  narrator.check('exitStatus() says the same', exitStatus, ANSWER);
  narrator.step(`It waits for the end. Exit status: ${status}, the answer that the first supervisor had typed.`);

  await second.hear('deleted');
  narrator.check('the second supervisor ended well', (await second.end()).code, 0);
}
