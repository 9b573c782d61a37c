/** The peers, measured if they are installed: conmon (a shim of the same kind) and node-pty (a terminal). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync, watch } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';

function isOnPath(/** @type {string} */ name) {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export const hasConmon = isOnPath('conmon');

/** node-pty, if `npm install --no-save node-pty` has installed it. */
export function loadNodePty() {
  try {
    return createRequire(import.meta.url)('node-pty');
  } catch {
    return undefined;
  }
}

/** One process under conmon, on the do-nothing runtime, started as podman does. */
export class ConmonProcess {
  #dir;
  #exits;
  #id;
  #pid = 0;
  /** @type {import('node:stream').Readable | undefined} */
  #sync;

  constructor(/** @type {import('./world.js').World} */ world, /** @type {string | undefined} */ parent = undefined) {
    this.#dir = world.dir(parent);
    this.#exits = world.dir();
    this.#id = world.name();
  }

  /** Where its files are, its k8s-file log among them. */
  get dir() {
    return this.#dir;
  }

  /** Resolves when conmon has told the pid, as our start() does. `maxBytes` bounds its log. */
  async start(/** @type {import('./world.js').World} */ world, /** @type {string} */ bundle, { maxBytes = 0 } = {}) {
    const at = (/** @type {string} */ name) => join(this.#dir, name);
    const args = ['-c', this.#id, '-n', this.#id, '-u', this.#id, '-r', world.bin('runtime'), '-b', bundle];
    args.push('-p', at('pid'), '-P', at('conmon-pid'), '-l', `k8s-file:${at('log')}`);
    if (maxBytes > 0) args.push('--log-size-max', String(maxBytes));
    args.push('--exit-dir', this.#exits, '--socket-dir-path', this.#dir);
    const env = { ...process.env, _OCI_SYNCPIPE: '3' };
    const child = spawn('conmon', args, { env, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const sync = /** @type {import('node:stream').Readable} */ (child.stdio[3]);
    this.#sync = sync;
    const [line] = await once(sync, 'data');
    this.#pid = JSON.parse(line).pid;
    world.stray(this.#pid);
  }

  /** conmon's own pid. */
  get shim() {
    return Number(readFileSync(join(this.#dir, 'conmon-pid'), 'utf8'));
  }

  /** Kills the process; resolves when conmon has written down how it ended. */
  async kill(/** @type {import('./world.js').World} */ world) {
    const ended = this.ended(world);
    process.kill(this.#pid, 'SIGKILL');
    await ended;
  }

  /** Resolves when conmon has written down how the process ended. */
  async ended(/** @type {import('./world.js').World} */ world) {
    const changes = watch(this.#exits);
    while (!existsSync(join(this.#exits, this.#id))) await once(changes, 'change');
    changes.close();
    world.stray(this.#pid, false);
    // Not earlier: if this closes, conmon ends the process itself.
    this.#sync?.destroy();
  }
}
