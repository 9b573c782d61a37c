/**
 * Tests that cannot run everywhere. Under OUTLIVE_STRICT=1 (CI) a missing tool is a failure, elsewhere a visible skip. A
 * test that needs root is a visible skip for every other user.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { test } from 'vitest';

export const strict = process.env.OUTLIVE_STRICT === '1';

export const isRoot = process.geteuid?.() === 0;

/** Whether a program is on PATH. */
export function installed(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((dir) => {
    try {
      accessSync(`${dir}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Whether a command succeeds. */
export function succeeds(file: string, args: string[]): boolean {
  try {
    execFileSync(file, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a group of tests can run here. If not, that is a test of its own with the reason: skipped, or under
 * OUTLIVE_STRICT=1 failing.
 * @param what the tool or kernel feature that the group needs, as the reason says it
 */
export function want(what: string, available: boolean): boolean {
  if (available) return true;
  if (!strict) test.skip(`needs ${what}`);
  else {
    test(`needs ${what}`, () => {
      throw new Error(`${what} is not available here, and OUTLIVE_STRICT=1 allows no skip`);
    });
  }
  return false;
}

/**
 * As want(), for a right that root has and another user may lack. Without root a lack is a visible skip under
 * OUTLIVE_STRICT=1, too: CI runs all tests as root and as an unprivileged user, so the other run has the group.
 */
export function wantRight(what: string, available: boolean): boolean {
  if (available || isRoot) return want(what, available);
  test.skip(`not for an unprivileged user: needs ${what}`);
  return false;
}
