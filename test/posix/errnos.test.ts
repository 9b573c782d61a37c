// Every errno that can be provoked, each with the call that gives it. The table is fixtures/errno-table.js.
import { constants } from 'node:os';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemError } from '../../src/posix/errors.js';
import { isRoot, wantRight } from '../support/strict.js';
import { canRun, fixture, run } from './helpers.js';

interface Row {
  syscall: string;
  code: string;
  when: string;
  got: { code: string; errno: number; syscall: string; path?: string; message: string };
}

const canMount = isRoot && (await canRun('unshare', '-m', 'mount', '-t', 'tmpfs', 'outlive-test', '/mnt'));
const canLimit = await canRun('prlimit', '--nofile=64', 'true');

// ELIBBAD is not in Node's list.
const numbers: Record<string, number> = { ...constants.errno, ELIBBAD: 80 };

/** Runs the table as this user. Root mounts file systems for it, in a mount namespace that ends with the process. */
async function runTable(user: 'root' | 'nobody' | 'me'): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'outlive-errno-'));
  try {
    const command = [process.execPath, fixture('errno-runner.js'), user, directory];
    if (user !== 'me') command.unshift('unshare', '-m');
    const finished = await run(command[0] ?? '', command.slice(1));
    if (finished.code !== 0) throw new Error(JSON.stringify(finished));
    return JSON.parse(finished.stdout) as Row[];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const users = canMount ? (['root', 'nobody'] as const) : (['me'] as const);

for (const user of users) {
  const rows = await runTable(user);
  describe(`errnos as ${user}`, () => {
    it.each(rows)('$syscall fails with $code: $when', ({ syscall, code, got }) => {
      expect(got).toMatchObject({ code, syscall });
      expect(got.errno).toBe(-(numbers[code] ?? 0));
      const { message } = systemError(got.errno, syscall, got.path === undefined ? {} : { path: got.path });
      expect(got.message).toBe(message);
    });
  });
}

describe('errnos that need privileges to be set up', () => {
  it.runIf(wantRight('root and unshare, to mount file systems', canMount))(
    'were tried as root and as an unprivileged user',
    () => {
      expect(users).toEqual(['root', 'nobody']);
    },
  );

  it.runIf(wantRight('root and prlimit', canLimit && isRoot))(
    'EMFILE and EAGAIN: the limits of a process and of a user',
    async () => {
      const finished = await run('prlimit', [
        '--nofile=64:64',
        '--nproc=1:1',
        process.execPath,
        fixture('errno-limits.js'),
      ]);
      expect(finished).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(finished.stdout)).toEqual({
        open: 'EMFILE open',
        pidfdOpen: 'EMFILE pidfd_open',
        'spawn, duplicating stdio': 'EMFILE spawn',
        'spawn, making the pidfd': 'EMFILE spawn',
        'spawn, one process too many': 'EAGAIN spawn',
      });
    },
  );
});
