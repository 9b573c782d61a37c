/** Containers on the fake runtimes of test/fixtures, and looking at their shims from outside. */
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Container, ContainerOptions, ProcessSpec } from '../../src/index.js';
import { childPids, processesWith } from '../support/leaks.js';
import type { Scratch } from '../support/scratch.js';
import { until } from '../support/until.js';

export const runtime = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/runtimes/${name}`, import.meta.url));
export const shim = (name: string): string => fileURLToPath(new URL(`../fixtures/shims/${name}`, import.meta.url));

/** A container on a fake runtime, whose process is this shell script. */
export function fakeContainer(
  scratch: Scratch,
  name: string,
  script = 'exit 0',
  options: Partial<ContainerOptions> = {},
  spec: Partial<ProcessSpec> = {},
): Promise<Container> {
  return scratch.container(
    runtime(name),
    { args: ['unused'], ...spec },
    { runtimeArgs: ['--script', script], ...options },
  );
}

export function processDir(scratch: Scratch, container: Container, id = 'init'): string {
  return join(scratch.root, container.id, id);
}

/** The shim of a process that this program started: the child whose working directory is the process's. */
export function shimPid(dir: string): number {
  const found = childPids().find((pid) => cwdOf(pid) === dir);
  if (found === undefined) throw new Error(`no shim in ${dir}`);
  return found;
}

function cwdOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** The pids of a process's children, zombies too. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** What the descriptors of a process refer to, by number. */
export function descriptorsOf(pid: number): Record<number, string> {
  const entries = readdirSync(`/proc/${pid}/fd`).map((fd) => [fd, readlinkSync(`/proc/${pid}/fd/${fd}`)] as const);
  return Object.fromEntries(entries);
}

/** Resolves when no process of the container is there any more. */
export async function noProcessLeft(container: Container): Promise<void> {
  await until(
    () => `no process of ${container.id}; there are ${processesWith(container.id).join(' ')}`,
    () => processesWith(container.id).length === 0,
  );
}

/** After a failed start: no process, no directory, no other file in the container. */
export async function expectNothingLeft(scratch: Scratch, container: Container): Promise<void> {
  expect(container.processes()).toEqual([]);
  expect(existsSync(processDir(scratch, container))).toBe(false);
  expect(readdirSync(join(scratch.root, container.id))).toEqual(['state.json']);
  await noProcessLeft(container);
}
