/** `node --permission`: with file system, addons, child processes and workers granted, everything works. */
import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { Container } from '../../src/index.js';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('../fixtures/permission.mjs', import.meta.url));
// Node 20 has the older name only.
const FLAG = ['--permission', '--experimental-permission'].find((name) =>
  process.allowedNodeEnvironmentFlags.has(name),
);
const grants = ['--allow-addons', '--allow-child-process', '--allow-worker'];

test.each(['*', 'the state only'])('start, exec, pause, re-attach and delete, with writes to %s', async (writes) => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'outlive-test-')));
  try {
    const files = ['--allow-fs-read=*', `--allow-fs-write=${writes === '*' ? '*' : `${dir}/*`}`];
    const { stdout } = await run(process.execPath, ['--no-warnings', FLAG ?? '', ...files, ...grants, PROGRAM, dir]);
    const ended = { status: 7, output: 'said\n', left: [] };
    expect(JSON.parse(stdout)).toEqual({ exec: 0, ended, permission: writes === '*' });
  } finally {
    // There are none left, unless the program failed.
    const { containers } = await Container.loadAll(join(dir, 'state')).catch(() => ({ containers: [] }));
    for (const container of containers) await container.delete();
    rmSync(dir, { recursive: true });
  }
});
