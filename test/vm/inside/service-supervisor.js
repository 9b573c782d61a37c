/**
 * The supervisor of the checks of systemd: each start of it brings back the job of its state root, or starts one if there is
 * none. When the job has ended, it deletes it and starts another. It writes what it finds to a file for each start,
 * `<dir>/report-<n>.jsonl`, and its warnings to `<dir>/warnings.jsonl`. It stays until it is ended.
 * Argument: a file with a ServiceOptions (service.js) as JSON.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setInterval } from 'node:timers';
import { Container, makeStdioFifos } from 'outlive';
import { writeBundle } from './check.js';

/** @type {import('./service.js').ServiceOptions} */
const options = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const { dir, id, runtime = 'host', scope, script, resources, subgroup, keep = false, execs = 0 } = options;
const root = join(dir, 'state');

let serial = 1;
while (existsSync(join(dir, `report-${serial}.jsonl`))) serial++;
const report = (/** @type {object} */ message) =>
  appendFileSync(join(dir, `report-${serial}.jsonl`), `${JSON.stringify(message)}\n`);
process.on('warning', (/** @type {Error & { code?: string }} */ { code, message }) =>
  appendFileSync(join(dir, 'warnings.jsonl'), `${JSON.stringify({ serial, code, message })}\n`),
);

async function start(/** @type {typeof scope} */ where, /** @type {typeof resources} */ limits = {}) {
  for (const name of ['stdio', 'bundle']) rmSync(join(dir, name), { recursive: true, force: true });
  mkdirSync(join(dir, 'stdio'), { mode: 0o700 });
  const bundle = await writeBundle(join(dir, 'bundle'), runtime, script, limits);
  const given = where === undefined ? {} : { scope: where };
  const container = await Container.create({ root, id, bundle, runtime, ...given });
  try {
    await container.start({ stdio: makeStdioFifos(join(dir, 'stdio')) });
  } catch (error) {
    await container.delete();
    throw error;
  }
  return container;
}

if (subgroup !== undefined) {
  const own = join('/sys/fs/cgroup', readFileSync('/proc/self/cgroup', 'utf8').trim().slice('0::'.length));
  mkdirSync(join(own, subgroup));
  writeFileSync(join(own, subgroup, 'cgroup.procs'), '0');
}
if (!existsSync(root)) mkdirSync(root, { mode: 0o700 });
do {
  const container = existsSync(join(root, id))
    ? await Container.load(root, id)
    : await start(scope, resources).catch((/** @type {any} */ { code, message }) => {
        report({ code, message });
        return start('none');
      });
  for (let i = 0; i < execs; i++) await (await container.exec(`exec-${i}`, { args: ['true'] })).wait();
  const job = container.processes().find((process) => process.id === 'init');
  report({ state: job?.state(), pid: job?.systemPid });
  if (process.env.NOTIFY_SOCKET !== undefined) execFileSync('systemd-notify', ['--ready']);
  const end = await job?.wait();
  report({ status: end?.status, lost: end?.lost });
  if (keep) break;
  await container.delete();
  report({ deleted: true });
} while (!existsSync(join(dir, 'end')));
setInterval(() => undefined, 1 << 30);
