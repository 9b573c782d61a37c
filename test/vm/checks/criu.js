/** Checkpoint and restore, by criu. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Container } from 'outlive';
import { until, withPlace } from '../inside/check.js';

const COUNTER = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done';

/** @type {import('../inside/check.js').Check[]} */
export default [
  {
    name: 'criu check',
    run: async () => {
      execFileSync('criu', ['check'], { stdio: 'inherit' });
      return Promise.resolve();
    },
  },
  {
    name: 'runc: checkpoint and restore of a counter, its output goes on',
    run: () =>
      withPlace('runc', async (place) => {
        // A file that the container itself can see.
        const options = { ...(await place.options(`(${COUNTER}) >/out`)), timeoutMs: 60_000 };
        const numbers = () =>
          readFileSync(join(options.bundle, 'rootfs/out'), 'utf8').split('\n').slice(0, -1).map(Number);
        const container = await Container.create(options);
        const init = await container.start();
        await until('output', () => numbers().length > 3);
        await container.checkpoint({ name: 'point', exit: true });
        assert.equal((await init.wait()).status, 128 + 9);
        const before = numbers();
        await container.delete();

        const again = place.keep(await Container.create(options));
        assert.deepEqual(
          (await again.checkpoints()).map(({ name }) => name),
          ['point'],
        );
        const restored = await again.start({ checkpoint: 'point' });
        await until('more output', () => numbers().length > before.length + 3);
        // One look: the counter goes on.
        const all = numbers();
        assert.deepEqual(
          all,
          all.map((_, index) => index + 1),
          'none is missing, none is twice',
        );
        assert.equal(again.state(), 'running');
        restored.signal('SIGKILL');
        assert.equal((await restored.wait()).status, 128 + 9);
        await again.deleteCheckpoint('point');
      }),
  },
  {
    // The FIFO is in none of the container's mounts. So criu cannot save it.
    name: 'runc: a container with FIFOs as stdio is not checkpointed, and goes on',
    run: () =>
      withPlace('runc', async (place) => {
        const container = place.keep(await Container.create({ ...(await place.options(COUNTER)), timeoutMs: 60_000 }));
        const init = await container.start({ stdio: place.stdio() });
        await assert.rejects(container.checkpoint({ name: 'point', exit: true }), (/** @type {any} */ error) => {
          assert.equal(error.code, 'ERR_OCI_RUNTIME');
          assert.match(error.message, /Can't lookup mount/);
          return true;
        });
        assert.deepEqual(await container.checkpoints(), []);
        assert.equal(container.state(), 'running');
        const output = init.openStdout();
        let bytes = 0;
        output.on('data', (chunk) => (bytes += chunk.length));
        await until('output', () => bytes > 0);
        await container.delete();
        output.destroy();
      }),
  },
];
