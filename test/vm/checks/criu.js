/** Checkpoint and restore, by criu. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Container } from 'outlive';
import { withPlace } from '../inside/check.js';

/** The numbers that a process prints. @returns {AsyncIterator<number>} */
async function* numbers(/** @type {import('outlive').Process} */ process) {
  for await (const line of createInterface({ input: process.openStdout() })) yield Number(line);
}

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
        const options = await place.options('i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done');
        const container = await Container.create(options);
        const init = await container.start({ stdio: place.stdio() });
        const before = numbers(init);
        assert.equal((await before.next()).value, 1);
        const checkpoint = await container.checkpoint({ name: 'point', exit: true });
        assert.equal(checkpoint.name, 'point');
        let last = 1;
        for (let next = await before.next(); next.done !== true; next = await before.next()) last = next.value;
        assert.equal((await init.wait()).status, 128 + 9);
        await container.delete();

        const again = place.keep(await Container.create(options));
        assert.deepEqual(
          (await again.checkpoints()).map(({ name }) => name),
          ['point'],
        );
        const restored = await again.start({ checkpoint: 'point', stdio: place.stdio() });
        const after = numbers(restored);
        const first = (await after.next()).value;
        assert.ok(first === last + 1 || first === last, `${first} follows ${last}`);
        assert.equal((await after.next()).value, first + 1);
        assert.equal(again.state(), 'running');
        restored.signal('SIGTERM');
        restored.signal('SIGKILL');
        await restored.wait();
        await again.deleteCheckpoint('point');
      }),
  },
];
