// For the posix tests: temporary directories, fixture programs, open descriptors.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { descriptorsOf } from '../support/proc.js';

/** A directory for one test, removed afterwards. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'outlive-posix-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** What this process has open: `fd → what it is`. */
export function openDescriptors(): string[] {
  return Object.entries(descriptorsOf())
    .map(([fd, target]) => `${fd} → ${target}`)
    .sort();
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, or kills it when `signal` aborts, by default after a minute. */
export function run(
  file: string,
  args: readonly string[],
  signal: AbortSignal = AbortSignal.timeout(60_000),
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { signal, killSignal: 'SIGKILL', maxBuffer: 16 << 20 }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr });
    });
  });
}

/** The path of a fixture program. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

/**
 * Runs a fixture under this Node; it must succeed. Returns what it printed, parsed as JSON. How long it may take is the test's
 * own limit: at its end the fixture is killed.
 */
export async function runFixture(name: string, ...args: string[]): Promise<unknown> {
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const finished = await run(process.execPath, ['--expose-gc', fixture(name), ...args], over.signal);
  if (finished.code !== 0) throw new Error(`${name}: ${JSON.stringify(finished)}`);
  return JSON.parse(finished.stdout) as unknown;
}

/** Whether a program can be run here. */
export async function canRun(file: string, ...args: string[]): Promise<boolean> {
  return (await run(file, args)).code === 0;
}

/** A child that waits to be killed; killed and reaped after the test. */
export async function sleeper(options?: posix.SpawnOptions): Promise<posix.Spawned> {
  const child = await posix.spawn('sleep', ['60'], options);
  onTestFinished(async () => {
    if (child.pidfd !== -1) child.kill('SIGKILL');
    await child.exited.catch(() => undefined);
  });
  return child;
}

/**
 * How much more memory a process may have after that many spawns than after the first tenth of them, in KiB: less than
 * one page a spawn. For few spawns it varies with the heap. AddressSanitizer keeps freed memory, and the rise that it
 * causes gets smaller with more spawns: 14 MiB after 2,000, 3 MiB after 12,000.
 */
export function memoryLimitKiB(spawns: number): number {
  return Math.max(spawns * 2, process.env.ASAN_OPTIONS === undefined ? 8 << 10 : 24 << 10);
}
