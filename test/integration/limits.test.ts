/** What a process inherits from its supervisor: the limit of open descriptors, and on the host the umask. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { type Spec, posix } from '../../src/index.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';

/** This program's limit: Node raises the soft one to the hard one at its start. */
const hardLimit = (() => {
  const [, hard = ''] = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(hard);
})();

/** Go, up to 1.19.8, raises the soft limit at a program's start, and what runc starts inherits that. */
function raisesTheLimit(runtime: string): boolean {
  if (runtime !== 'runc') return false;
  const [, major, minor, patch = '0'] =
    /go1?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?/.exec(execFileSync('runc', ['--version'], { encoding: 'utf8' })) ?? [];
  return major === '1' && minor === '19' && Number(patch) < 9;
}

const script = 'ulimit -Sn; ulimit -Hn; umask';

/** What the first process of a container and another one print. */
async function seen(scratch: Scratch, runtime: string, how: 'start' | 'create', process: Partial<Spec['process']>) {
  const args = ['sh', '-c', `${script}; read x`];
  const container = await scratch.container(runtime, { rlimits: [], ...process, args });
  const [stdio, execStdio] = [scratch.fifos(), scratch.fifos()];
  const init = await container[how]({ stdio });
  const output = text(init.openStdout());
  if (how === 'create') await init.start();
  const exec = await container.exec('second', { args: ['sh', '-c', script] }, { stdio: execStdio });
  const execOutput = await text(exec.openStdout());
  init.closeStdin();
  const numbers = (printed: string): string[] => printed.trim().split('\n');
  return { init: numbers(await output), exec: numbers(execOutput) };
}

describe.each(runtimes)('%s', (runtime) => {
  for (const how of ['start', 'create'] as const) {
    test(`${how}, exec: 1024 descriptors, unless the limit is lower`, async ({ scratch }) => {
      const expected = [raisesTheLimit(runtime) ? hardLimit : Math.min(1024, hardLimit), hardLimit].map(String);
      const { init, exec } = await seen(scratch, runtime, how, {});
      expect({ init: init.slice(0, 2), exec: exec.slice(0, 2) }).toEqual({ init: expected, exec: expected });
    });

    test(`${how}, exec: as many descriptors as rlimits says`, async ({ scratch }) => {
      const rlimits = [{ type: 'RLIMIT_NOFILE' as const, soft: 1025, hard: 1026 }];
      const { init, exec } = await seen(scratch, runtime, how, { rlimits });
      expect(init.slice(0, 2)).toEqual(['1025', '1026']);
      // Such a runc may set the limit of an additional process before Go raises it.
      const allowed = raisesTheLimit(runtime) ? ['1025', '1026'] : ['1025'];
      expect(allowed).toContain(exec[0]);
      expect(exec[1]).toBe('1026');
    });

    test(`${how}, exec: the umask`, async ({ scratch }) => {
      const before = process.umask(0o027);
      try {
        const { init, exec } = await seen(scratch, runtime, how, {});
        // A container has a umask of its own; but runc 1.1 does not set it for an additional process.
        expect([init[2], exec[2]]).toEqual(
          { host: ['0027', '0027'], runc: ['0022', '0027'] }[runtime] ?? ['0022', '0022'],
        );
        const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, umask: 0o071 };
        const asked = await seen(scratch, 'host', how, { user });
        expect([asked.init[2], asked.exec[2]]).toEqual(['0071', '0071']);
      } finally {
        process.umask(before);
      }
    });
  }
});

test('the runtime has the lower limit, whichever it is, and so has its delete', async ({ scratch }) => {
  const seenLimits = join(scratch.dir, 'limits');
  const runtime = join(scratch.dir, 'runtime');
  const host = posix.nativeExecutable('outlive-host');
  writeFileSync(runtime, `#!/bin/sh\nulimit -Sn >> ${seenLimits}\nexec ${host} "$@"\n`, { mode: 0o755 });
  const runtimeArgs = ['--root', join(scratch.dir, 'runtime-root')];
  const container = await scratch.container('host', { args: ['true'] }, { runtime, runtimeArgs });
  const init = await container.start();
  await init.wait();
  await container.delete();
  const limits = readFileSync(seenLimits, 'utf8').trim().split('\n');
  expect(limits.slice(0, 2)).toEqual(Array.from({ length: 2 }, () => String(Math.min(1024, hardLimit))));
});
