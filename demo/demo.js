/**
 * `npm run demo`: a shell outlives the program that started it. This process is the narrator: it starts supervisors,
 * kills one, reads /proc, and prints and checks each step. It exits with 0 only if every check holds, within a minute, and
 * leaves no process and no file.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { clearTimeout, setTimeout } from 'node:timers';
import { Container } from '../dist/index.js';
import { hostBundle, missingForRunc, runcBundle } from './bundles.js';
import { Narrator } from './narrator.js';
import { playScene } from './scene.js';

const LIMIT_MS = 60_000;
const CLEAN_UP_LIMIT_MS = 15_000;
const strict = process.env.OUTLIVE_STRICT === '1';

const narrator = new Narrator();
const dir = realpathSync(mkdtempSync(join(tmpdir(), 'outlive-demo-')));
const stateRoot = join(dir, 'state');
/** @type {import('./scene.js').Stage} */
const stage = { narrator, dir, stateRoot, actors: [], containerIds: [] };

/** Says why a scene cannot be played on this machine; in strict mode (CI) that is a failure. */
function skip(/** @type {string} */ reason) {
  narrator.line(reason);
  if (strict) throw new Error('scene 2 was not played, and OUTLIVE_STRICT=1 allows no skip');
}

async function play() {
  mkdirSync(stateRoot, { mode: 0o700 });

  narrator.title('Scene 1: a shell on this machine (the host runtime that comes with outlive)');
  await playScene(stage, { name: 'host', ...(await hostBundle(dir)) });

  narrator.title('Scene 2: the same in a busybox container (runc)');
  const missing = missingForRunc();
  if (missing !== undefined) {
    skip(`Not played: ${missing}. On Debian: apt-get install -y runc busybox-static`);
    return;
  }
  try {
    await playScene(stage, { name: 'runc', ...runcBundle(dir) });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_OCI_RUNTIME')) throw error;
    const who = process.geteuid?.() === 0 ? '' : ' for an unprivileged user; as root it may';
    skip(`Not played: runc can start no container here${who}. It says: ${error.message}`);
  }
}

/** Rejects after the time limit, or on a signal that ends this program. */
function interruption() {
  const { promise, reject } = withResolvers();
  const timer = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  const onSignal = (/** @type {string} */ signal) => reject(new Error(`ended by ${signal}`));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
  return { promise, stop: () => clearTimeout(timer) };
}

/** @returns {{ promise: Promise<never>, reject: (reason: Error) => void }} */
function withResolvers() {
  /** @type {(reason: Error) => void} */
  let reject = () => undefined;
  /** @type {Promise<never>} */
  const promise = new Promise((_resolve, rej) => {
    reject = rej;
  });
  promise.catch(() => undefined);
  return { promise, reject };
}

/** Ends and removes everything that the demo started. */
async function cleanUp() {
  const limit = setTimeout(() => {
    narrator.complain(new Error(`clean-up is not done after ${CLEAN_UP_LIMIT_MS / 1000} s; see ${dir}`));
    process.exit(1);
  }, CLEAN_UP_LIMIT_MS);
  for (const actor of stage.actors) await actor.kill();
  for (const id of stage.containerIds) {
    const container = await Container.load(stateRoot, id, { timeoutMs: 10_000 }).catch(() => undefined);
    await container?.delete();
  }
  rmSync(dir, { recursive: true, force: true });
  clearTimeout(limit);
}

const interrupted = interruption();
try {
  await Promise.race([play(), interrupted.promise]);
} catch (error) {
  narrator.complain(error);
  process.exitCode = 1;
} finally {
  interrupted.stop();
  try {
    await cleanUp();
  } catch (error) {
    narrator.complain(error);
    process.exitCode = 1;
  }
}
if (!process.exitCode) narrator.title('All of it was checked while it was told. Nothing is left running.');
process.exit();
