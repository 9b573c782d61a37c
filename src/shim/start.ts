/**
 * Starts a process: spawns the shim in a process group of its own, and waits for the runtime's pid file. If that does
 * not come, finds the reason. Source: `Start`, `startCmd` and `waitForStart` of containerd's `process.go` (June 2016),
 * which polled every 15 ms; this waits for events.
 */
import { abandonStart } from './abandon.js';
import type { Deadline } from '../base/deadline.js';
import { DirWatch } from '../disk/directory-watch.js';
import { OutliveError, messageOf } from '../base/errors.js';
import { ownTurn } from '../base/turns.js';
import { findRuntime, findShim } from '../disk/programs.js';
import { runtimeSlots } from '../disk/runtime-slots.js';
import { identify, type Identity } from '../kernel/identity.js';
import * as posix from '../posix/index.js';
import type { ProcessDir } from '../state/process.js';

/** The arguments of a start. */
export interface Launch {
  readonly dir: ProcessDir;
  readonly shim: string;
  readonly containerId: string;
  readonly bundle: string;
  readonly runtime: string;
  /** The environment of the shim, which the runtime inherits. */
  readonly env: NodeJS.ProcessEnv;
  /** The time limit of a start, in milliseconds; {@link Attempt.deadline} is what is left of it. */
  readonly timeoutMs: number;
  /** Makes the runtime delete what it has of a start that failed. Has a time limit of its own. */
  readonly cleanUp: () => Promise<void>;
}

/** One attempt at a start, and who waits for it. */
export interface Attempt {
  /** When the start must be over. */
  readonly deadline: Deadline;
  /** Called with the error when the start has failed, before the clean-up. */
  readonly onFailed: (error: unknown) => void;
}

/** A started process and its shim, which is not a child of this program. */
export interface Started {
  readonly pid: number;
  /** Undefined if the process has ended already. */
  readonly identity: Identity | undefined;
  readonly shim: posix.Spawned<posix.ChildExit | null>;
  /** The watch of the process directory; the caller closes it. */
  readonly changes: DirWatch | undefined;
}

type Pid = Pick<Started, 'pid' | 'identity'>;

/** The files that `readWholePid` reads; changes of other files in the directory are ignored. */
const TELLING_FILES: ReadonlySet<string> = new Set(['pid', 'identity.json']);

/**
 * How often to check, in milliseconds: with inotify events, in case one is missed; and without, if inotify's limits are
 * used up.
 */
const POLL_MS = 250;
const POLL_WITHOUT_EVENTS_MS = 10;

/**
 * Spawns the shim and resolves when the pid file is readable.
 * @throws {OutliveError} `ERR_NOT_INSTALLED` if the shim or runtime is missing; `ERR_SHIM` or `ERR_OCI_RUNTIME` with
 *   the first error of the log; `ERR_CONTAINER_NOT_STARTED` if neither log has one; `ERR_CONTAINER_START_TIMEOUT` after
 *   `timeoutMs`, and nothing of it runs; a system error if the shim could not be spawned.
 */
export async function startShim(launch: Launch, attempt: Attempt): Promise<Started> {
  const leave = await attempt.deadline.without(runtimeSlots.enter());
  try {
    // What was read and written before this was another piece of work.
    await attempt.deadline.without(ownTurn());
    return await startNow(launch, attempt, leave);
  } finally {
    leave();
  }
}

/** @param leave gives back the place among the runtimes, which the clean-up's commands need. */
async function startNow(launch: Launch, { deadline, onFailed }: Attempt, leave: () => void): Promise<Started> {
  const shimPath = findShim(launch.shim);
  const runtime = findRuntime(launch.runtime);
  // Open the watch before the shim is spawned, so that no change is missed.
  const changes = DirWatch.open(launch.dir.path);
  try {
    const shim = await posix.spawn(shimPath, [launch.containerId, launch.bundle, runtime], {
      cwd: launch.dir.path,
      env: launch.env,
      stdio: [null, null, null],
      // Not our child, in a session of its own: who ends a supervisor by its process tree or its session misses the shim.
      detach: true,
    });
    try {
      const started = await waitForPid(launch, shim, changes, deadline);
      await ownTurn();
      recordIdentity(launch.dir, started.identity);
      return { ...started, shim, changes };
    } catch (error) {
      onFailed(error);
      await abandonStart(launch.dir, shim, error, () => {
        leave();
        return launch.cleanUp();
      });
      throw error;
    }
  } catch (error) {
    changes?.close();
    throw error;
  }
}

/** Writes identity.json if the shim has not done so yet. A shim of another make never writes it. */
function recordIdentity(dir: ProcessDir, identity: Identity | undefined): void {
  if (identity !== undefined && dir.readIdentity() === undefined) dir.writeIdentity(identity);
}

function waitForPid(
  launch: Launch,
  shim: posix.Spawned<posix.ChildExit | null>,
  changes: DirWatch | undefined,
  deadline: Deadline,
): Promise<Pid> {
  return new Promise<Pid>((resolve, reject) => {
    const shimIdentity = identify(shim.pid);
    const stop = (): void => {
      clearTimeout(timer);
      clearInterval(poll);
      changes?.onFile(undefined);
    };
    const settle = (found: () => Pid | undefined): void => {
      try {
        const pid = found();
        if (pid === undefined) return;
        stop();
        resolve(pid);
      } catch (error) {
        stop();
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      }
    };
    const check = (): void => settle(() => readWholePid(launch.dir, shimIdentity));
    const timer = setTimeout(() => settle(() => timedOut(launch)), deadline.leftMs);
    const poll = setInterval(check, changes === undefined ? POLL_WITHOUT_EVENTS_MS : POLL_MS);
    changes?.onFile((name) => {
      if (TELLING_FILES.has(name)) check();
    });
    const gone = (): void => settle(() => readLastPid(launch));
    shim.exited.then(gone, gone);
    check();
  });
}

/**
 * The pid, if the whole number is there. A runtime may write it in pieces, and a part of it is another process's pid:
 * that process is older than the shim, so it is refused. If the process has ended already, the pid is accepted if the
 * shim has recorded it in identity.json.
 */
function readWholePid(dir: ProcessDir, shim: Identity | undefined): Pid | undefined {
  const pid = dir.readPid();
  if (pid === undefined) return undefined;
  const identity = identify(pid);
  if (identity !== undefined && identity.startTimeTicks >= (shim?.startTimeTicks ?? 0)) return { pid, identity };
  return dir.readIdentity()?.pid === pid ? { pid, identity: undefined } : undefined;
}

/** The shim has left. Reads the pid file once more, because a short process may have started and ended meanwhile. */
function readLastPid(launch: Launch): Pid {
  const pid = launch.dir.readPid();
  if (pid === undefined) throw reasonOf(launch);
  return { pid, identity: undefined };
}

/** The reason why the shim left without a pid: the first error of its own log, else of the runtime's. */
function reasonOf({ dir }: Launch): OutliveError {
  const shimError = dir.shimError();
  if (shimError !== undefined) return new OutliveError('ERR_SHIM', `shim error: ${shimError}`);
  const runtimeError = dir.runtimeError();
  if (runtimeError !== undefined) return new OutliveError('ERR_OCI_RUNTIME', `oci runtime error: ${runtimeError}`);
  return new OutliveError('ERR_CONTAINER_NOT_STARTED', 'container not started');
}

function timedOut({ timeoutMs }: Launch): never {
  throw new OutliveError('ERR_CONTAINER_START_TIMEOUT', `container did not start in ${timeoutMs} ms`);
}
