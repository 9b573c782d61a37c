/**
 * Ends a start that failed or took too long: the runtime, what it had begun, and the shim. Owns the order. Does not own
 * how the processes are found (kernel/find.ts).
 * Source: `Start` of containerd's `process.go` (June 2016), which killed only the shim.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode, isShortage } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { killRuntimesWriting, killSession, killShimsIn } from '../kernel/find.js';
import { type Identity, killIfRunning } from '../kernel/identity.js';
import { within } from '../base/promises.js';
import type { ProcessDir } from '../state/process.js';

/**
 * After its runtime was killed, the shim has this long, in milliseconds, to end what that left. Then it is killed too.
 */
const END_LIMIT_MS = 2000;

/** How often to try again while descriptors or memory are short, in milliseconds. */
const SHORT_MS = 20;

/** What a start has made when it fails. */
interface Made {
  readonly shim: posix.Spawned<posix.ChildExit | null>;
  /** That of its process; undefined if there is none, or it is not known. */
  readonly identity: Identity | undefined;
}

/**
 * Ends everything that belongs to a start.
 * @param reason the error of the start. If the shim has left and the error came from its log or the runtime's, nothing
 *   is done: they have cleaned up, and a container that existed before must not be deleted.
 * @param cleanUp makes the runtime delete what it has of the container.
 */
export async function abandonStart(
  dir: ProcessDir,
  { shim, identity }: Made,
  reason: unknown,
  cleanUp: () => Promise<void>,
): Promise<void> {
  // It is in a session of its own, which does not end with the shim's.
  if (identity !== undefined) await whileShort(() => killIfRunning(identity));
  const left = shim.pidfd < 0;
  if (left && !hasCode(reason, 'ERR_CONTAINER_NOT_STARTED')) return;
  const killed = await whileShort(() => killRuntimesWriting(dir.pidFile));
  if (!left) await endShim(shim, killed);
  // The caller is told why the start failed. If the runtime can't clean up either, delete() will say so.
  await cleanUp().catch(() => undefined);
}

/**
 * If its runtime was killed, the shim ends what that left, in all sessions: wait for it. Then kill the shim if it
 * stays.
 */
async function endShim(shim: posix.Spawned<posix.ChildExit | null>, runtimeKilled: boolean): Promise<void> {
  if (runtimeKilled && (await within(shim.exited, END_LIMIT_MS)) !== undefined) return;
  // In this order: the shim's pid names its session as long as the shim is there.
  await whileShort(async () => {
    await killSession(shim.pid, () => shim.pidfd >= 0 && !posix.pidfdHasEnded(shim.pidfd));
  });
  if (shim.pidfd >= 0) shim.kill('SIGKILL');
  await within(shim.exited, END_LIMIT_MS);
}

/** Tries again for a while if descriptors or memory are short: what is to be ended runs on until then. */
async function whileShort<T>(act: () => T | Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + END_LIMIT_MS;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isShortage(error) || performance.now() > deadlineMs) throw error;
    }
    await delay(SHORT_MS);
  }
}

/** Ends a start of another supervisor, which is dead or stopped. Its shim is not our child, so it is found in /proc. */
export async function abandonForeignStart(dir: ProcessDir, containerId: string): Promise<void> {
  await killRuntimesWriting(dir.pidFile);
  await killShimsIn(dir.path, containerId);
}
