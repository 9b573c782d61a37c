/** The life of a container on each runtime, from its creation to its removal. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Container } from 'outlive';
import { changeProcess, until, withPlace } from '../inside/check.js';

const supervisor = fileURLToPath(new URL('../inside/killed-supervisor.js', import.meta.url));

/** @type {(runtime: import('../inside/check.js').Runtime) => import('../inside/check.js').Check[]} */
const checks = (runtime) => [
  {
    name: `${runtime}: start, output, exec, exact status, delete`,
    run: () =>
      withPlace(runtime, async (place) => {
        const container = await place.container('echo out; echo err >&2; read line; echo "got $line"; exit 7');
        const init = await container.start({ stdio: place.stdio() });
        const output = [text(init.openStdout()), text(init.openStderr())];
        assert.equal(container.state(), 'running');

        const spec = { args: ['sh', '-c', 'echo executed; kill -TERM $$'] };
        const other = await container.exec('other', spec, { stdio: place.stdio() });
        assert.equal(await text(other.openStdout()), 'executed\n');
        assert.equal((await other.wait()).status, 128 + 15);

        init.openStdin().write('line\n');
        assert.equal((await init.wait()).status, 7);
        assert.deepEqual(await Promise.all(output), ['out\ngot line\n', 'err\n']);
        await container.delete();
      }),
  },
  {
    name: `${runtime}: create, then start`,
    run: () =>
      withPlace(runtime, async (place) => {
        const container = await place.container('echo runs; exit 3');
        const init = await container.create({ stdio: place.stdio() });
        assert.equal(container.state(), 'created');
        assert.equal(await container.status(), 'created');
        await container.start();
        assert.equal(await text(init.openStdout()), 'runs\n');
        assert.equal((await init.wait()).status, 3);
      }),
  },
  {
    name: `${runtime}: a terminal`,
    run: () =>
      withPlace(runtime, async (place) => {
        const options = await place.options('stty -echo; read line; stty size; exit 4');
        changeProcess(options.bundle, { terminal: true });
        const container = place.keep(await Container.create(options));
        const init = await container.start({ stdio: place.stdio(true) });
        const output = text(init.openStdout());
        init.resize(132, 43);
        init.openStdin().write('\n');
        assert.equal((await init.wait()).status, 4);
        assert.match(await output, /43 132\r\n$/);
      }),
  },
  {
    name: `${runtime}: the supervisor is killed, another one re-attaches`,
    run: () =>
      withPlace(runtime, async (place) => {
        const options = await place.options('echo before; read line; echo after; exit 9');
        const argument = JSON.stringify({ options, start: { stdio: place.stdio() } });
        const first = spawn(process.execPath, [supervisor, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
        const [pid] = await once(first.stdout, 'data');
        first.kill('SIGKILL');
        await once(first, 'exit');

        const container = place.keep(await Container.load(place.root, options.id));
        const [init] = container.processes();
        assert.ok(init);
        assert.equal(init.systemPid, Number(pid));
        assert.equal(container.state(), 'running');
        const output = text(init.openStdout());
        init.openStdin().write('\n');
        assert.equal((await init.wait()).status, 9);
        assert.equal(await output, 'before\nafter\n');
      }),
  },
  {
    name: `${runtime}: killAll, and delete of what runs`,
    run: () =>
      withPlace(runtime, async (place) => {
        const killed = await place.container('sleep 1000 & sleep 1000; exit 0');
        const init = await killed.start();
        await until('three processes', async () => (await killed.pids()).length === 3);
        await killed.killAll('SIGKILL');
        assert.equal((await init.wait()).status, 128 + 9);

        const deleted = await place.container('sleep 1000 & sleep 1000');
        await deleted.start();
        await deleted.delete();
      }),
  },
];

export default [...checks('host'), ...checks('runc'), ...checks('crun')];
