/**
 * Operations on a few containers that several programs work on at once. Each program keeps every object that it ever got,
 * by number, also of containers and processes that were deleted since. They run in a supervisor (remote.js) and in the
 * harness itself.
 */
import { Container } from '../dist/index.js';

/** @typedef {{ handle: number, key: string, id: string, bundle?: string, pid?: number }} Told an object that was kept; which one it is */

export class Crowd {
  /** @type {any[]} */
  #kept = [];

  /** @returns {Told} */
  #keep(/** @type {any} */ object) {
    const known = this.#kept.indexOf(object);
    const handle = known >= 0 ? known : this.#kept.push(object) - 1;
    return { handle, key: keyOf(object), id: object.id, bundle: object.bundle };
  }

  #keepProcess(/** @type {import('../dist/index.js').Process} */ process) {
    return { ...this.#keep(process), pid: process.systemPid };
  }

  /** @type {Record<string, (args: any) => unknown>} */
  operations = {
    crowdCreate: async ({ options }) => this.#keep(await Container.create(options)),
    crowdLoad: async ({ root, id, timeoutMs }) => this.#keep(await Container.load(root, id, { timeoutMs })),
    crowdLoadAll: async ({ root, timeoutMs }) => {
      const { containers, failures } = await Container.loadAll(root, { timeoutMs });
      const codes = failures.map(({ error }) => /** @type {any} */ (error).code ?? String(error));
      return { containers: containers.map((one) => this.#keep(one)), codes };
    },
    crowdCleanUp: ({ root, graceMs }) => Container.cleanUp(root, { graceMs }),
    crowdProcesses: ({ handle }) =>
      this.#kept[handle].processes().map((/** @type {any} */ one) => this.#keepProcess(one)),
    crowdState: ({ handle }) => this.#kept[handle].state(),
    crowdStart: async ({ handle, stdio }) => this.#keepProcess(await this.#kept[handle].start({ stdio })),
    crowdPrepare: async ({ handle, stdio }) => this.#keepProcess(await this.#kept[handle].create({ stdio })),
    crowdLetRun: async ({ handle }) => this.#keepProcess(await this.#kept[handle].start()),
    crowdExec: async ({ handle, processId, spec, stdio }) =>
      this.#keepProcess(await this.#kept[handle].exec(processId, spec, { stdio })),
    crowdRemove: ({ handle, processId }) => this.#kept[handle].removeProcess(processId),
    crowdDelete: ({ handle, force }) => this.#kept[handle].delete({ force }),
    crowdKillAll: ({ handle }) => this.#kept[handle].killAll(),
    crowdSignal: ({ handle }) => this.#kept[handle].signal('SIGKILL'),
    crowdClose: ({ handle }) => this.#kept[handle].close(),
  };

  /** Frees all descriptors. */
  close() {
    for (const object of this.#kept) object.close();
  }
}

/** Which container or process an object is, whatever its path holds by now. It is not public. */
export function keyOf(/** @type {any} */ object) {
  return /** @type {string} */ (object.key ?? object.lifecycle.key);
}
