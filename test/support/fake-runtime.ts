/** Containers on the fake runtimes of test/fixtures, and their shims seen from outside. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Container, ContainerOptions, ProcessSpec } from '../../src/index.js';
import { processesWith, shimIn } from './proc.js';
import type { Scratch } from './scratch.js';
import { until } from './until.js';

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

/** The pid of the shim that serves the process of this directory. */
export function shimPid(dir: string): number {
  const found = shimIn(dir);
  if (found === undefined) throw new Error(`no shim in ${dir}`);
  return found;
}

/** Resolves when no process of the container is there any more. */
export async function noProcessLeft(container: Container): Promise<void> {
  await until(
    () => `no process of ${container.id} is left: ${processesWith(container.id).join(' ')}`,
    () => processesWith(container.id).length === 0,
  );
}

/** After a failed start: no process, no directory, no other file in the container. A clean-up that is late goes on after the error. */
export async function expectNothingLeft(scratch: Scratch, container: Container): Promise<void> {
  await until('the process is gone', () => container.processes().length === 0);
  await until('its directory is gone', () => !existsSync(processDir(scratch, container)));
  expect(readdirSync(join(scratch.root, container.id))).toEqual(['.lock', 'state.json']);
  await noProcessLeft(container);
}

/** Starts it: that fails with this error; or the process was there for a moment, and its end is lost. */
export async function expectNoStart(container: Container, error: object): Promise<void> {
  const exit = await container.start().then(
    (started) => started.wait(),
    (reason: unknown) => reason,
  );
  if (exit instanceof Error) expect(exit).toMatchObject(error);
  else expect(exit).toMatchObject({ status: undefined });
}
