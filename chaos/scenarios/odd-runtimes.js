/** Runtimes that hang, print a lot, write the pid in two halves, or succeed without a pid. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { posix } from '../../dist/index.js';
import { check, codeOf, within } from '../failures.js';

/** Writes the pid in two halves. Like every `body` it runs before, or instead of, the real runtime; see the script below. */
const HALVES = `
real "$@" || exit $?
pid=$(cat "$pid_file") && rest=\${pid#?}
: >"$pid_file.part" && printf %s "\${pid%"$rest"}" >"$pid_file.part" && mv "$pid_file.part" "$pid_file"
sleep 0.05
printf %s "$rest" >>"$pid_file"
exit 0`;
const TIMED_OUT = 'ERR_CONTAINER_START_TIMEOUT';
const WAYS = [
  { name: 'hangs', body: 'sleep 1000', code: TIMED_OUT },
  { name: 'hangs with children', body: 'sleep 1000 & setsid sleep 1000 & sleep 1000', code: TIMED_OUT },
  { name: 'no pid', body: 'exit 0', code: 'ERR_SHIM' },
  { name: 'fails', body: 'exit 3', code: 'ERR_CONTAINER_NOT_STARTED' },
  { name: 'noisy', body: "head -c 1048576 /dev/zero | tr '\\0' x >&2" },
  { name: 'halves', body: HALVES },
];

/** @type {import('./index.js').Scenario} */
export default {
  name: 'odd-runtimes',
  weight: 6,
  async run(round) {
    const { random } = round;
    const way = random.pick(WAYS);
    const runtime = join(round.dir, 'odd-runtime');
    const script = `#!/bin/sh
real() { ${posix.nativeExecutable('outlive-host')} "$@"; }
pid_file= previous=
for word; do [ "$previous" = --pid-file ] && pid_file=$word; previous=$word; done
if [ -n "$pid_file" ]; then
${way.body}
fi
real "$@"
`;
    writeFileSync(runtime, script, { mode: 0o700 });
    const runtimeArgs = ['--root', join(round.dir, 'runtime')];
    const code = random.int(0, 255);
    const options = { runtime, runtimeArgs, bundleFor: 'host', timeoutMs: way.name.startsWith('hangs') ? 300 : 8000 };
    const container = await round.create(`sleep 0.1; exit ${code}`, options);
    if (way.code === undefined) {
      const process = await within('start', container.start());
      await round.expectEnd(process, code);
    } else {
      const got = await codeOf(`start, runtime ${way.name}`, () => container.start());
      check(got === way.code, `start, runtime ${way.name}: ${got}`);
      check(!existsSync(join(round.root, container.id, 'init')), 'the process directory was left');
    }
    await within('delete', container.delete(), 20_000);
  },
};
