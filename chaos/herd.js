/** Operations of a supervisor (remote.js) on many containers: start, follow, load and delete all of its share. */
import { Container } from '../dist/index.js';

/** The number of starts, loads or deletes at once. */
const AT_ONCE = 16;

/** @type {import('../dist/index.js').Container[]} */
const containers = [];
/** @type {Promise<void>[]} */
const waits = [];
/** Each exit that was reported, in order. @type {{ id: string, status?: number | undefined, lost?: string | undefined }[]} */
const told = [];

/** @template T */
async function forEach(/** @type {T[]} */ items, /** @type {(item: T) => Promise<void>} */ action) {
  let next = 0;
  const work = async () => {
    while (next < items.length) await action(/** @type {T} */ (items[next++]));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

function follow(/** @type {import('../dist/index.js').Process} */ process) {
  const { id } = process.container;
  const tell = (/** @type {import('../dist/index.js').Exit} */ { status, lost }) =>
    void told.push({ id, status, lost });
  waits.push(process.wait().then(tell));
}

/** The exits that were reported, once all were or the limit has passed. */
async function ends(/** @type {number} */ limitMs) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, limitMs)));
  await Promise.race([Promise.all(waits), late]);
  clearTimeout(timer);
  return told;
}

/** @type {Record<string, (args: any) => unknown>} */
export const herd = {
  /** @returns their pids */
  startMany: async ({ root, jobs, timeoutMs }) => {
    /** @type {number[]} */
    const pids = [];
    await forEach(jobs, async (/** @type {{ id: string, bundle: string }} */ { id, bundle }) => {
      const container = await Container.create({ root, id, bundle, timeoutMs });
      containers.push(container);
      const process = await container.start();
      pids.push(process.systemPid);
      follow(process);
    });
    return pids;
  },
  endsOfMany: ({ limitMs }) => ends(limitMs),
  loadMany: async ({ root, ids, limitMs }) => {
    await forEach(ids, async (/** @type {string} */ id) => {
      const container = await Container.load(root, id);
      containers.push(container);
      for (const process of container.processes()) follow(process);
    });
    return ends(limitMs);
  },
  deleteMany: () => forEach(containers.splice(0), (container) => container.delete()),
};
