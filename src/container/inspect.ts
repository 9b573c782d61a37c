/**
 * Describes a container as one object for people and programs: what `Container.inspect()` returns. Reads files only. Names of
 * environment variables are told, values never.
 */
import { statSync } from 'node:fs';
import { readBundle } from '../oci/bundle.js';
import type { LinuxResources, User } from '../oci/types.js';
import type { ContainerDir } from '../state/container.js';
import type { Exit } from '../state/exit.js';
import type { Stdio } from '../stdio/stdio.js';
import type { State } from './lifecycle.js';
import type { Process, ProcessOwner } from './process.js';

/** What `Container.inspect()` returns. Times are in UTC, as `2026-07-26T10:15:00.123Z`. */
export interface ContainerDescription {
  readonly id: string;
  readonly root: string;
  readonly bundle: string;
  readonly runtime: string;
  readonly runtimeArgs: readonly string[];
  readonly shim: string;
  readonly durable: boolean;
  readonly labels: readonly string[];
  readonly state: State;
  /** When it was made. Undefined if its state.json is gone. */
  readonly createdAt: string | undefined;
  /** `linux.resources` of its bundle, as they are now; undefined if there are none, or if the bundle can't be read. */
  readonly limits: LinuxResources | undefined;
  readonly processes: readonly ProcessDescription[];
}

export interface ProcessDescription {
  readonly id: string;
  /** Why the rest is not known, if its process.json is broken. */
  readonly problem?: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  /** Undefined: the supervisor's own on the host runtime, else user 0. */
  readonly user: User | undefined;
  /** The names of its environment variables. */
  readonly env: readonly string[];
  readonly terminal: boolean;
  readonly stdio: Stdio;
  readonly log: { readonly dir: string; readonly maxBytes: number; readonly segmentBytes: number } | undefined;
  readonly labels: readonly string[];
  readonly state: State;
  /** On the host; 0 if it has none (yet). */
  readonly pid: number;
  readonly shimVersion: string | undefined;
  /** When its start began. Undefined if its process.json is gone. */
  readonly startedAt: string | undefined;
  /** When its shim reaped it. Undefined while it runs, and if nobody recorded that. */
  readonly endedAt: string | undefined;
  /** Its end; undefined while it runs. */
  readonly exit: Exit | undefined;
}

/** The part of a container that is described. */
type Described = ProcessOwner &
  Pick<ContainerDescription, 'runtime' | 'runtimeArgs' | 'shim' | 'durable' | 'labels'> & { state(): State };

/** As `Container.inspect()`. */
export function describeContainer<Owner extends ProcessOwner>(
  container: Described,
  dir: ContainerDir,
  processes: readonly Process<Owner>[],
): ContainerDescription {
  const { id, bundle, runtime, runtimeArgs, shim, durable, labels } = container;
  return {
    ...{ id, root: dir.root, bundle, runtime, runtimeArgs, shim, durable, labels },
    state: container.state(),
    createdAt: writtenAt(dir.stateFile),
    limits: limitsOf(bundle),
    processes: processes.map(describeProcess),
  };
}

function describeProcess<Owner extends ProcessOwner>(process: Process<Owner>): ProcessDescription {
  const { id, problem, spec, stdio, log, labels, systemPid: pid, shimVersion, lifecycle } = process;
  const { exit } = lifecycle;
  const { args, cwd, user, env = [], terminal = false } = spec;
  return {
    ...{ id, ...(problem === undefined ? {} : { problem }), args, cwd, user, terminal, stdio, log, labels },
    env: env.map((entry) => entry.split('=', 1)[0] ?? ''),
    ...{ state: process.state(), pid, shimVersion },
    startedAt: writtenAt(lifecycle.dir.processFile),
    endedAt: exit?.record && new Date(exit.record.endedAtMs).toISOString(),
    exit,
  };
}

/** When a file was written that is written once. */
function writtenAt(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtime.toISOString();
}

function limitsOf(bundle: string): LinuxResources | undefined {
  try {
    return readBundle(bundle).linux?.resources;
  } catch {
    // Ignore: the bundle is the caller's, who may have removed it since.
    return undefined;
  }
}
