/**
 * Runs the tests of every runtime again in two other settings: as an unprivileged user (host runtime and rootless runc),
 * and with crun, which fails on a machine with both cgroup v1 and v2 unless v2 is hidden from it. Each setting is another
 * test runner in its own mount namespace.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { installed, isRoot, succeeds, want, wantRight } from '../support/strict.js';

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const isInner = process.env.OUTLIVE_TEST_RUNTIMES !== undefined;
const NOBODY = '65534';
/** Gives the user subordinate ids, for containers with more users than root; in this mount namespace only. */
const SUBORDINATE_IDS = `
      echo ${NOBODY}:100000:65536 > "$HOME/subordinate-ids"
      mount --bind "$HOME/subordinate-ids" /etc/subuid
      mount --bind "$HOME/subordinate-ids" /etc/subgid`;

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  testResults: { assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[];
}

/** The test files that run on each runtime. */
const FILES = [
  'lifecycle',
  'operations',
  'two-phase',
  'exec',
  'log',
  'limits',
  'terminal',
  'user-namespace',
  'output-log',
  'errors',
  'unrunnable',
].map((name) => `test/integration/${name}.test.ts`);

/** Runs them below `prepare`, a shell script that ends with `exec "$@"`. */
async function runElsewhere(prepare: string, runtimes: string): Promise<Report> {
  const home = mkdtempSync(join(tmpdir(), 'outlive-elsewhere-'));
  const at = join(home, 'repository');
  mkdirSync(at);
  chmodSync(home, 0o777);
  const report = join(home, 'report.json');
  const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--configLoader', 'runner'];
  const files = [...FILES, '--reporter=json', `--outputFile=${report}`];
  try {
    const child = spawn('unshare', ['--mount', 'sh', '-ec', prepare, 'sh', ...vitest, ...files], {
      env: {
        ...process.env,
        OUTLIVE_TEST_RUNTIMES: runtimes,
        AT: at,
        REPOSITORY: repository,
        HOME: home,
        XDG_RUNTIME_DIR: home,
        TMPDIR: home,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    await once(child, 'close');
    try {
      return JSON.parse(readFileSync(report, 'utf8')) as Report;
    } catch (cause) {
      throw new Error(`no report: ${(await output).join('\n')}`, { cause });
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function expectAllPassed(report: Report): void {
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const notPassed = results.filter(({ status }) => status !== 'passed');
  expect(notPassed.map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join('\n')}`)).toEqual([]);
  expect(report.numPassedTests).toBeGreaterThanOrEqual(42);
}

describe.runIf(!isInner && wantRight('root, to run the tests as another user', isRoot))('elsewhere', () => {
  const canSwitchUser = want('unshare and setpriv (Debian: util-linux)', installed('unshare') && installed('setpriv'));
  const hasSubordinateIds = want(
    'newuidmap (Debian: uidmap), /etc/subuid and /etc/subgid',
    installed('newuidmap') && existsSync('/etc/subuid') && existsSync('/etc/subgid'),
  );
  const hasRunc = want('runc and busybox (Debian: busybox-static)', installed('runc') && installed('busybox'));
  const hasCrun = want('crun and busybox (Debian: busybox-static)', installed('crun') && installed('busybox'));

  test.skipIf(!canSwitchUser || !hasRunc)(
    'all of them pass as an unprivileged user, on the host runtime and rootless runc',
    { timeout: 480_000 },
    async () => {
      // That user may be unable to enter the repository's directory, so it is mounted where it can.
      const prepare = `
      mount --bind "$REPOSITORY" "$AT"
      ${hasSubordinateIds ? SUBORDINATE_IDS : ''}
      cd "$AT"
      exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups "$@"`;
      expectAllPassed(await runElsewhere(prepare, 'host,runc'));
    },
  );

  test.skipIf(!hasCrun)('all of them pass on crun', { timeout: 480_000 }, async () => {
    const hybrid = succeeds('mountpoint', ['-q', '/sys/fs/cgroup/unified']);
    const prepare = `
      ${hybrid ? 'umount /sys/fs/cgroup/unified' : ''}
      cd "$REPOSITORY"
      exec "$@"`;
    expectAllPassed(await runElsewhere(prepare, 'crun'));
  });
});
