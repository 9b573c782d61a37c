/** Under OUTLIVE_STRICT=1 (CI) a test that can't run for want of a tool is a failure; elsewhere a visible skip. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { test } from 'vitest';

export const strict = process.env.OUTLIVE_STRICT === '1';

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
 * What a group of tests needs that this machine lacks, or undefined when it lacks nothing. In strict mode a want is a
 * failing test of its own.
 */
export function want(what: string, available: boolean): boolean {
  if (!available && strict) {
    test(`needs ${what}`, () => {
      throw new Error(`${what} is not available here, and OUTLIVE_STRICT=1 allows no skip`);
    });
  }
  return available;
}
