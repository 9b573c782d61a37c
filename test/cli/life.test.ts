/** A script that a person would write goes through a whole life of jobs, by `sh -e`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { main, test } from './command.js';

const script = fileURLToPath(new URL('life.sh', import.meta.url));

test('life.sh runs to its end', async ({ jobs, scratch }) => {
  const bin = scratch.mkdir('bin');
  writeFileSync(join(bin, 'outlive'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
  // Its trace says which line failed.
  const child = spawn('sh', ['-ex', script], {
    cwd: scratch.mkdir('work'),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, OUTLIVE_ROOT: jobs.root },
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  expect(child.exitCode, stderr).toBe(0);
  expect(stdout).toMatch(/done\n$/);
}, 120_000);
