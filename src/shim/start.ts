/**
 * Starts a process: spawns the shim in its own process group, waits for the runtime's pid file, and when that does not
 * come finds out why. Seed: `Start`, `startCmd`, `waitForStart`; by events where the seed polled every 15 ms.
 */
import { abandonStart } from './abandon.js';
import { DirWatch } from '../disk/directory-watch.js';
import { OutliveError, messageOf } from '../base/errors.js';
import { findRuntime, findShim } from '../disk/programs.js';
import { identify, type Identity } from '../kernel/identity.js';
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as posix from '../posix/index.js';
import type { ProcessDir } from '../state/process.js';

/** What the shim is told. */
export interface Launch {
  readonly dir: ProcessDir;
  readonly shim: string;
  readonly containerId: string;
  readonly bundle: string;
  readonly runtime: string;
  /** The shim's environment, and by that the runtime's. */
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
  /** Takes away what the runtime holds of a start that never ended. */
  readonly cleanUp: () => Promise<void>;
}

/** A started process and its shim, which is our child until one of us ends. */
export interface Started {
  readonly pid: number;
  /** Undefined when it has come and gone. */
  readonly identity: Identity | undefined;
  readonly shim: posix.Spawned;
  /** Of the process directory; the caller closes it. */
  readonly changes: DirWatch | undefined;
}

type Pid = Pick<Started, 'pid' | 'identity'>;

/** Of all that is made in the directory meanwhile, what `readWholePid` looks at. */
const TELLING_FILES: ReadonlySet<string> = new Set(['pid', 'identity.json']);

/** Events tell at once; the poll is the net under them, and all there is where inotify's limits are used up. */
const POLL_MS = 250;
const POLL_WITHOUT_EVENTS_MS = 10;

/**
 * Spawns the shim and resolves when the pid file is readable.
 * @throws {OutliveError} `ERR_NOT_INSTALLED`; `ERR_SHIM` or `ERR_OCI_RUNTIME` with the first error of the log;
 *   `ERR_CONTAINER_NOT_STARTED` when neither log says why; `ERR_CONTAINER_START_TIMEOUT`, after which nothing runs.
 *   A system error when the shim could not be spawned.
 */
export async function startShim(launch: Launch): Promise<Started> {
  // What came before has held the event loop long enough.
  await nextTurn();
  const shimPath = findShim(launch.shim);
  const runtime = findRuntime(launch.runtime);
  // Before the shim, so that no change is missed.
  const changes = DirWatch.open(launch.dir.path);
  try {
    const shim = await posix.spawn(shimPath, [launch.containerId, launch.bundle, runtime], {
      cwd: launch.dir.path,
      env: launch.env,
      stdio: [null, null, null],
      setpgid: true,
    });
    try {
      const started = await waitForPid(launch, shim, changes);
      recordIdentity(launch.dir, started.identity);
      return { ...started, shim, changes };
    } catch (error) {
      await abandonStart(launch.dir, shim, error, launch.cleanUp);
      throw error;
    }
  } catch (error) {
    changes?.close();
    throw error;
  }
}

/** Our shim does it too, a moment later; one of another make never does, and another supervisor may load it by then. */
function recordIdentity(dir: ProcessDir, identity: Identity | undefined): void {
  if (identity !== undefined && dir.readIdentity() === undefined) dir.writeIdentity(identity);
}

function waitForPid(launch: Launch, shim: posix.Spawned, changes: DirWatch | undefined): Promise<Pid> {
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
    const timer = setTimeout(() => settle(() => timedOut(launch)), launch.timeoutMs);
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
 * The pid, when it is all there: a runtime may write the file in pieces, and half a number is another process's. That
 * one is older than our shim. A process that is gone already is believed when the shim has said who it was.
 */
function readWholePid(dir: ProcessDir, shim: Identity | undefined): Pid | undefined {
  const pid = dir.readPid();
  if (pid === undefined) return undefined;
  const identity = identify(pid);
  if (identity !== undefined && identity.startTimeTicks >= (shim?.startTimeTicks ?? 0)) return { pid, identity };
  return dir.readIdentity()?.pid === pid ? { pid, identity: undefined } : undefined;
}

/** The shim is gone: a short process may have come and gone with it, so the pid file is read once more. */
function readLastPid(launch: Launch): Pid {
  const pid = launch.dir.readPid();
  if (pid === undefined) throw reasonOf(launch);
  return { pid, identity: undefined };
}

/** Why the shim left without a pid: its own log first, then the runtime's. */
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
