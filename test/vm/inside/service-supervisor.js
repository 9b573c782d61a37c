/**
 * The supervisor of the checks of systemd: each start of it brings back the jobs of its state root, or starts one if there
 * is none. It writes what it finds to a file for each start, `<dir>/report-<n>.jsonl`, and stays until it is ended.
 * Argument: its directory, which exists.
 */
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setInterval } from 'node:timers';
import { Container, makeStdioFifos, writeHostBundle } from 'outlive';

const [dir = ''] = process.argv.slice(2);
const root = join(dir, 'state');
const id = 'job';

let serial = 1;
while (existsSync(join(dir, `report-${serial}.jsonl`))) serial++;
const report = (/** @type {object} */ message) =>
  appendFileSync(join(dir, `report-${serial}.jsonl`), `${JSON.stringify(message)}\n`);

async function start() {
  mkdirSync(join(dir, 'stdio'), { mode: 0o700 });
  // It ends with 7 when the file `end` appears.
  const args = ['sh', '-c', `until [ -e '${dir}/end' ]; do sleep 0.1; done; exit 7`];
  const bundle = await writeHostBundle(join(dir, 'bundle'), { args, env: [`PATH=${process.env.PATH}`] });
  const container = await Container.create({ root, id, bundle });
  await container.start({ stdio: makeStdioFifos(join(dir, 'stdio')) });
  return container;
}

const isNew = !existsSync(root);
if (isNew) mkdirSync(root, { mode: 0o700 });
const container = isNew ? await start() : await Container.load(root, id);
const [job] = container.processes();
report({ state: job?.state(), pid: job?.systemPid, pids: [process.pid] });

const end = await job?.wait();
report({ status: end?.status, lost: end?.lost });
await container.delete();
report({ deleted: true });
setInterval(() => undefined, 1 << 30);
