/**
 * A supervisor in another process. It runs the operations that the harness sends (a JSON object a line on stdin, the
 * answer on stdout), and can be armed to kill itself at the n-th call into the file system or the addon.
 */
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { createInterface } from 'node:readline';

/** @type {{ left: number, after: boolean } | undefined} */
let trap;
let calls = 0;

const die = () => process.kill(process.pid, 'SIGKILL');

/** Wraps a function with a counter; at the n-th call the process kills itself, before or after it. */
function wrap(/** @type {any} */ holder, /** @type {string} */ name) {
  const original = holder[name];
  if (typeof original !== 'function') return;
  holder[name] = function (/** @type {any[]} */ ...args) {
    calls++;
    const now = trap !== undefined && --trap.left === 0 ? trap : undefined;
    if (now?.after === false) die();
    const result = original.apply(this, args);
    if (now !== undefined) die();
    return result;
  };
  // realpathSync.native
  Object.assign(holder[name], original);
  if (typeof original.native === 'function') wrap(holder[name], 'native');
}

for (const name of Object.keys(fs)) if (name.endsWith('Sync')) wrap(fs, name);
wrap(fs, 'watch');
wrap(fs.promises, 'rm');
syncBuiltinESMExports();
const addon = createRequire(import.meta.url)('../build/Release/outlive.node');
for (const name of Object.keys(addon)) wrap(addon, name);

const { Container, run } = await import('../dist/index.js');
const { Crowd } = await import('./crowd.js');
const { herd } = await import('./herd.js');

/** @type {Map<string, import('../dist/index.js').Container>} */
const containers = new Map();

function container(/** @type {string} */ id) {
  const found = containers.get(id);
  if (found === undefined) throw new Error(`no container ${id} here`);
  return found;
}

function processOf(/** @type {any} */ { id, processId = 'init' }) {
  const found = container(id)
    .processes()
    .find((one) => one.id === processId);
  if (found === undefined) throw new Error(`no process ${processId} here`);
  return found;
}

/** @type {Record<string, (args: any) => unknown>} */
const operations = {
  ...herd,
  ...new Crowd().operations,
  hello: () => true,
  arm: ({ left, after }) => {
    trap = { left, after };
    calls = 0;
  },
  calls: () => calls,
  descriptors: () => fs.readdirSync('/proc/self/fd').length - 1,
  highestDescriptor: () => Math.max(...fs.readdirSync('/proc/self/fd').map(Number)),
  create: async ({ options }) => {
    const made = await Container.create(options);
    containers.set(made.id, made);
  },
  run: async ({ args, options }) => (await run(args, options)).systemPid,
  load: async ({ root, id, options }) => {
    containers.set(id, await Container.load(root, id, options));
  },
  start: async ({ id, options }) => (await container(id).start(options)).systemPid,
  exec: async ({ id, processId, spec, options }) => (await container(id).exec(processId, spec, options)).systemPid,
  wait: (args) => processOf(args).wait(),
  state: (args) => processOf(args).state(),
  exitStatus: (args) => processOf(args).exitStatus(),
  signal: (args) => processOf(args).signal(args.signal),
  removeProcess: ({ id, processId }) => container(id).removeProcess(processId),
  delete: async ({ id }) => {
    await container(id).delete();
    containers.delete(id);
  },
};

createInterface(process.stdin)
  .on('line', (line) => {
    const { call, operation, args } = JSON.parse(line);
    Promise.resolve()
      .then(() => operations[operation]?.(args))
      .then(
        (value) => ({ call, value }),
        (error) => ({ call, failed: { message: String(error?.message), code: error?.code } }),
      )
      .then((answer) => process.stdout.write(JSON.stringify(answer) + '\n'));
  })
  .on('close', () => process.exit());
