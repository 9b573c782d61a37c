/** The runtime or the shim is killed during a start: start() fails with a code and leaves nothing, or succeeds. */
import { existsSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { posix } from '../../dist/index.js';
import { processesOf } from '../../test/support/proc.js';
import { attempt, check, until, within } from '../failures.js';
import { cgroupsOf } from '../leftovers.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'runtime-killed',
  weight: 6,
  async run(round) {
    const { random } = round;
    const real = round.runtime === 'host' ? posix.nativeExecutable('outlive-host') : round.runtime;
    const runtime = join(round.dir, 'slow-runtime');
    const delay = (random.next() * 0.03).toFixed(4);
    writeFileSync(runtime, `#!/bin/sh\ncase "$*" in *--pid-file*) sleep ${delay} ;; esac\nexec ${real} "$@"\n`, {
      mode: 0o700,
    });
    const runtimeArgs = round.runtime === 'host' ? ['--root', join(round.dir, 'runtime')] : [];
    const container = await round.create('exec sleep 1000', { runtime, runtimeArgs, bundleFor: round.runtime });
    const pidFile = round.file(container.id, 'pid');
    let isOver = false;
    const starting = attempt('start', () => container.start()).finally(() => (isOver = true));
    const find = random.chance(0.7) ? () => processesOf(pidFile)[0]?.pid : () => round.shimOf(container.id);
    const victim = await until('the one to be killed', () => find() ?? isOver);
    await new Promise((resolve) => setTimeout(resolve, random.next() * (round.runtime === 'host' ? 40 : 250)));
    try {
      if (typeof victim === 'number' && !isOver) process.kill(victim, 'SIGKILL');
    } catch {
      // It has ended already.
    }
    const started = await starting;
    if ('code' in started) {
      check(/^ERR_(OCI_RUNTIME|CONTAINER_NOT_STARTED|SHIM)$/.test(started.code ?? ''), `start: ${started.code}`);
      check(!existsSync(join(round.root, container.id, 'init')), 'the process directory was left');
      const again = await within('start again', container.start(), 20_000);
      again.signal('SIGKILL');
      await round.expectEnd(again, 137);
    } else {
      const running = /** @type {import('../../dist/index.js').Process} */ (started.value);
      const sent = await attempt('signal', () => running.signal('SIGKILL'));
      check(
        !('code' in sent) || sent.code === 'ERR_PROCESS_EXITED' || sent.code === 'ERR_INVALID_STATE',
        `${sent.code}`,
      );
      const exit = await within('the end', running.wait());
      check(exit.status === 137 || exit.lost, `told was ${JSON.stringify(exit)}`);
    }
    await within('delete', container.delete(), 20_000);
    // A killed runc leaves empty cgroups that it has not recorded; its next run with this id uses them.
    if (round.runtime === 'runc') for (const path of cgroupsOf(container.id)) rmdirSync(path);
  },
};
