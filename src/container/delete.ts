/**
 * Deletes a container, or removes one ended process of it. The caller holds the container's lock and has refreshed the
 * processes. Owns the order of the steps. Behaviour: docs/protocol.md, "Removing".
 */
import { Deadline } from '../base/deadline.js';
import { OutliveError, hasCode } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { killChildrenOfShimsIn, killRuntimesWriting } from '../kernel/find.js';
import type { RuntimeTarget } from '../runtime/call.js';
import { isShimListening, releaseShim } from '../shim/control.js';
import { drainOutput } from '../shim/drain.js';
import type { Process, ProcessOwner } from './process.js';
import type { ContainerProcesses } from './processes.js';

/**
 * How long removeProcess() waits for the shim to leave, in milliseconds. Usually the shim leaves at once. If an exec'ed
 * process left children running, its shim stays until those have ended or the container is deleted.
 */
const RELEASE_LIMIT_MS = 500;

/** What the shims have at least to leave, in milliseconds, if the runtime took all of the time. */
const LEAVE_LIMIT_MS = 600;

/** How often delete() looks for what a shim waits for, in milliseconds. */
const ORPHANS_POLL_MS = 100;

/** What is deleted. */
export interface Doomed<Owner extends ProcessOwner> {
  readonly processes: ContainerProcesses<Owner>;
  readonly target: RuntimeTarget;
}

/**
 * As `Container.delete()`. Waits at most `timeoutMs` for starts that are under way. All that comes after has `timeoutMs`
 * together.
 */
export async function deleteContainer<O extends ProcessOwner>(doomed: Doomed<O>, force: boolean): Promise<void> {
  const { processes, target } = doomed;
  const isAlive = (process: Process<O>): boolean => !process.hasEnded;
  const mustEnd = (): void => {
    if (force || !processes.all().some(isAlive)) return;
    throw new OutliveError('ERR_PROCESS_NOT_EXITED', `container ${target.id} still runs: stop it first, or use force`);
  };
  mustEnd();
  const areOver = await processes.startsOver(target.timeoutMs);
  const deadline = new Deadline(target.timeoutMs);
  if (!areOver) {
    await processes.abandonStarts();
    if (!(await processes.startsOver(deadline.leftMs))) throw stillStarting(doomed);
  }
  mustEnd();
  // Watch processes that were closed, too: the end of each is waited for below.
  for (const process of processes.all()) process.lifecycle.reopen();
  const rest = await endAll(doomed, processes.all().filter(isAlive), deadline);
  for (const process of processes.all()) await shimLeaves(doomed, process, rest);
  await ownTurn();
  for (const process of processes.all()) processes.forget(process);
  await target.dir.remove();
  // Many removals may end in one turn; who follows the container does more then.
  await ownTurn();
}

/** Returns the time limit of what is to be done after it. */
async function endAll<O extends ProcessOwner>(
  doomed: Doomed<O>,
  alive: Process<O>[],
  deadline: Deadline,
): Promise<Deadline> {
  const { processes } = doomed;
  const stopDraining = processes.all().map((process) => drainOutput(process.stdio, process.lifecycle.hasOwnShim));
  try {
    for (const process of processes.all()) {
      if (!alive.includes(process)) await shimCleanedUp(doomed, process, deadline);
    }
    const missing = await deleteFromRuntime(processes, alive.length > 0, deadline);
    const rest = deadline.orAtLeast(LEAVE_LIMIT_MS);
    for (const process of alive) await shimCleanedUp(doomed, process, rest);
    if (missing instanceof Error && processes.init?.lifecycle.endedCleanly !== true) throw missing;
    return rest;
  } finally {
    for (const stop of stopDraining) stop();
  }
}

/**
 * Makes the runtime kill and delete the container, unless the shim is known to have deleted it. Kills what still runs then.
 * @returns the error if the runtime is not installed any more (an upgrade has removed its directory) and a shim is there:
 *   that holds the runtime's file and deletes the container itself, after the first process has ended.
 */
async function deleteFromRuntime<O extends ProcessOwner>(
  processes: ContainerProcesses<O>,
  running: boolean,
  deadline: Deadline,
): Promise<unknown> {
  const { init } = processes;
  if (init?.lifecycle.endedCleanly !== false) {
    processes.kill();
    return undefined;
  }
  try {
    await processes.deleteFromRuntime({ running, interrupted: init.lifecycle.wasInterrupted }, deadline);
    return undefined;
  } catch (error) {
    if (!hasCode(error, 'ERR_NOT_INSTALLED', 'ERR_NATIVE_LOAD') || !isShimListening(init.lifecycle.dir)) throw error;
    processes.kill();
    return error;
  }
}

async function shimCleanedUp<O extends ProcessOwner>(
  doomed: Doomed<O>,
  process: Process<O>,
  deadline: Deadline,
): Promise<void> {
  const { lifecycle } = process;
  // Half of the time: the other half is for what comes of the kill.
  if (await lifecycle.shimCleanedUp(deadline.leftMs / 2)) return;
  // Its runtime made the process and then did not end: the shim waits for that, and nobody else need be there to end it.
  await killRuntimesWriting(lifecycle.dir.pidFile);
  if (await lifecycle.shimCleanedUp(deadline.leftMs)) return;
  throw shimStays(doomed, process);
}

/**
 * Waits until the shim has left. It stays as long as it has children: what the process left running. The runtime has ended
 * that, unless it has forgotten the container.
 */
async function shimLeaves<O extends ProcessOwner>(
  doomed: Doomed<O>,
  process: Process<O>,
  deadline: Deadline,
): Promise<void> {
  const { dir, hasOwnShim } = process.lifecycle;
  do {
    const limitMs = hasOwnShim ? Math.min(deadline.leftMs, ORPHANS_POLL_MS) : deadline.leftMs;
    if (await releaseShim(dir, limitMs)) return;
    if (hasOwnShim) await killChildrenOfShimsIn(dir.path, doomed.target.id);
  } while (!deadline.isOver);
  throw shimStays(doomed, process);
}

/** As `Container.removeProcess()`. */
export async function removeProcess<O extends ProcessOwner>(
  { processes }: Doomed<O>,
  process: Process<O>,
): Promise<void> {
  const { lifecycle } = process;
  if (!lifecycle.hasEnded) throw new OutliveError('ERR_PROCESS_NOT_EXITED', `${lifecycle.dir.what} has not exited`);
  if (lifecycle.exit?.lost !== undefined) await processes.endRemains(process).catch(() => undefined);
  await releaseShim(lifecycle.dir, RELEASE_LIMIT_MS);
  await ownTurn();
  processes.forget(process);
  await lifecycle.dir.remove();
}

function shimStays<O extends ProcessOwner>({ target }: Doomed<O>, { id }: Process<O>): OutliveError {
  return new OutliveError('ERR_SHIM', `the shim of process ${id} did not leave in ${target.timeoutMs} ms`);
}

function stillStarting<O extends ProcessOwner>({ target }: Doomed<O>): OutliveError {
  const message = `a start in container ${target.id} could not be ended in ${target.timeoutMs} ms`;
  return new OutliveError('ERR_SHIM', message);
}
