/**
 * Starts a process: spawns the shim in a process group of its own, and waits for the runtime's pid file. If that does
 * not come, finds the reason. Source: `Start`, `startCmd` and `waitForStart` of containerd's `process.go` (June 2016),
 * which polled every 15 ms; this waits for events.
 */
import { abandonStart } from './abandon.js';
import type { Deadline } from '../base/deadline.js';
import { DirWatch } from '../disk/directory-watch.js';
import { OutliveError, isShortage, messageOf } from '../base/errors.js';
import { within } from '../base/promises.js';
import { ownTurn } from '../base/turns.js';
import { DEFAULT_SHIM, findRuntime, findShim } from '../disk/programs.js';
import { runtimeSlots } from '../disk/runtime-slots.js';
import { type Identity, identify } from '../kernel/identity.js';
import * as posix from '../posix/index.js';
import { startError } from '../state/failure.js';
import type { ProcessDir } from '../state/process.js';
import type { LogSettings } from '../stdio/kinds.js';
import { ShimEnd } from './end.js';
import { warnOfKillMode } from './kill-mode.js';
import { ScopedStart } from './scope.js';

/** The arguments of a start. */
export interface Launch {
  readonly dir: ProcessDir;
  readonly shim: string;
  /** `'systemd'`: in a scope of its own. Undefined: in the cgroup of this program. */
  readonly scope: string | undefined;
  readonly containerId: string;
  readonly bundle: string;
  readonly runtime: string;
  /** The environment of the shim, which the runtime inherits. */
  readonly env: NodeJS.ProcessEnv;
  /** The time limit of a start, in milliseconds; {@link Attempt.deadline} is what is left of it. */
  readonly timeoutMs: number;
  /** Whether the start is to be on the disk before it is told. */
  readonly durable: boolean;
  readonly log: LogSettings | undefined;
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
  /** Tells when the shim has ended. */
  readonly shimEnd: ShimEnd;
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
 * How long after the pid the shipped shim may take to record the identity, in milliseconds. It does so as soon as the runtime
 * has ended, mostly 0.2 ms later. If this program wrote it at the same time, that would be the greater part of its work.
 */
const SHIM_RECORDS_MS = 2;

/**
 * Spawns the shim and resolves when the pid file is readable.
 * @param watch opens `exit`; called right before the spawn, in the same turn of the event loop.
 * @throws {OutliveError} `ERR_NOT_INSTALLED` if the shim or runtime is missing; as {@link startError} if the shim left;
 *   `ERR_CONTAINER_START_TIMEOUT` after `timeoutMs`, and nothing of it runs; `ERR_SCOPE_UNAVAILABLE`; a system error if the
 *   shim could not be spawned, or if a durable start could not be flushed, and nothing of it runs.
 */
export async function startShim(launch: Launch, attempt: Attempt, watch: () => void): Promise<Started> {
  const leave = await attempt.deadline.without(runtimeSlots.enter());
  try {
    // What was read and written before this was another piece of work.
    await attempt.deadline.without(ownTurn());
    watch();
    return await startNow(launch, attempt, leave);
  } finally {
    leave();
  }
}

/** @param leave gives back the place among the runtimes, which the clean-up's commands need. */
async function startNow(launch: Launch, { deadline, onFailed }: Attempt, leave: () => void): Promise<Started> {
  const { dir, containerId, env } = launch;
  const command = {
    file: findShim(launch.shim),
    args: [containerId, launch.bundle, findRuntime(launch.runtime)],
    env,
  };
  // Open the watch before the shim is spawned, so that no change is missed.
  const changes = DirWatch.open(dir.path);
  let scoped: ScopedStart | undefined;
  try {
    if (launch.scope === 'systemd') scoped = new ScopedStart(command, containerId, dir.path);
    const { file, args } = scoped ?? command;
    const shim = await posix.spawn(file, args, {
      cwd: dir.path,
      env: scoped?.env ?? env,
      stdio: [null, null, scoped?.stderrFd ?? null],
      // Not our child, in a session of its own: who ends a supervisor by its process tree or its session misses the shim.
      detach: true,
    });
    let identity: Identity | undefined;
    try {
      const shimEnd = new ShimEnd(shim);
      const started = await waitForPid(launch, { pid: shim.pid, end: shimEnd }, scoped, changes, deadline);
      identity = started.identity;
      await ownTurn();
      recordIdentity(dir, identity);
      leave();
      if (launch.durable) await keep(launch, deadline);
      if (scoped === undefined) warnOfKillMode();
      shim.unref();
      return { ...started, shimEnd, changes };
    } catch (error) {
      onFailed(error);
      const cleanUp = (): Promise<void> => {
        leave();
        return launch.cleanUp();
      };
      await abandonStart(dir, { shim, identity }, error, cleanUp);
      throw error;
    }
  } catch (error) {
    changes?.close();
    throw error;
  } finally {
    scoped?.close();
  }
}

/** Writes identity.json if the shim has not done so yet. A shim of another make never writes it. */
function recordIdentity(dir: ProcessDir, identity: Identity | undefined): void {
  if (identity !== undefined && !dir.hasIdentity()) dir.writeIdentity(identity);
}

/** Waits until the started process is on the disk. */
async function keep(launch: Launch, deadline: Deadline): Promise<void> {
  const flushed = launch.dir.flushStarted(launch.log).then(() => true);
  // A disk may hang.
  if ((await within(flushed, deadline.leftMs)) === undefined) timedOut(launch);
}

function waitForPid(
  launch: Launch,
  shim: { readonly pid: number; readonly end: ShimEnd },
  scoped: ScopedStart | undefined,
  changes: DirWatch | undefined,
  deadline: Deadline,
): Promise<Pid> {
  return new Promise<Pid>((resolve, reject) => {
    const shimIdentity = identify(shim.pid);
    let grace: NodeJS.Timeout | undefined;
    const stop = (): void => {
      clearTimeout(grace);
      clearTimeout(timer);
      clearInterval(poll);
      changes?.listen(undefined);
      shim.end.onEnd(undefined);
    };
    const settle = (found: () => Pid | undefined): void => {
      try {
        const pid = found();
        if (pid === undefined) return;
        stop();
        resolve(pid);
      } catch (error) {
        // The process may run already: what can't be read for now is looked for again.
        if (isShortage(error)) return;
        stop();
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      }
    };
    const isRecorder = launch.shim === DEFAULT_SHIM && changes !== undefined;
    let started: Pid | undefined;
    let shimLeft = false;
    const check = (): void =>
      settle(() => {
        started ??= shimLeft ? readLastPid(launch, scoped) : readWholePid(launch.dir, shimIdentity);
        if (started === undefined || shimLeft || !isRecorder || launch.dir.hasIdentity()) return started;
        grace ??= setTimeout(() => settle(() => started), SHIM_RECORDS_MS);
        return undefined;
      });
    const timer = setTimeout(() => settle(() => started ?? timedOut(launch)), deadline.leftMs);
    const poll = setInterval(check, changes === undefined ? POLL_WITHOUT_EVENTS_MS : POLL_MS);
    changes?.listen({
      onFile: (name) => {
        if (name === undefined || TELLING_FILES.has(name)) check();
      },
    });
    shim.end.onEnd(() => {
      shimLeft = true;
      check();
    });
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
function readLastPid(launch: Launch, scoped: ScopedStart | undefined): Pid {
  const pid = launch.dir.readPid();
  if (pid !== undefined) return { pid, identity: undefined };
  const error = startError(launch.dir);
  // If neither shim nor runtime logged anything, its scope may have said why.
  throw error.code === 'ERR_CONTAINER_NOT_STARTED' ? (scoped?.failure() ?? error) : error;
}

function timedOut({ timeoutMs }: Launch): never {
  throw new OutliveError('ERR_CONTAINER_START_TIMEOUT', `container did not start in ${timeoutMs} ms`);
}
