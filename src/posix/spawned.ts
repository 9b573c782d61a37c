// A child that spawn() started: its pid, how it ended, and signals to it. Owns no descriptor: the watch owns the pidfd
// (native/addon/watch.h). The watch reaps the child and closes the pidfd, even if this object is dropped.
// Behaviour: pidfd_open(2), waitid(2).
import { constants } from 'node:os';
import type { Addon } from './addon.js';
import { childExit, type ChildExit } from './child-exit.js';
import { systemError } from './errors.js';
import type { Signal } from './signals.js';
import type { SpawnRequest } from './spawn-request.js';

type SendSignal = (pidfd: number, signal: Signal) => void;

interface ChildHandle {
  pid: number;
  pidfd: number;
  sendSignal: SendSignal;
  keepAlive: (on: boolean) => void;
  /** Ends the watch and closes the pidfd, unless the child is this process's to reap. Returns whether it did. */
  release: () => boolean;
}

/**
 * A promise of how the child ended, settled by the addon's report: 0 and the fields, or -errno. `null` if the child is
 * detached and was not this process's to reap.
 */
class ExitReport {
  readonly promise: Promise<ChildExit | null>;
  isReported = false;
  readonly #detached: boolean;
  #resolve!: (exit: ChildExit | null) => void;
  #reject!: (error: Error) => void;

  constructor(detached: boolean) {
    this.#detached = detached;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // The caller need not use `exited`: without this, a rejection would then be an unhandled one.
    this.promise.catch(() => undefined);
  }

  settle(result: number, fields: readonly number[]): void {
    this.isReported = true;
    if (this.#detached && result === -constants.errno.ECHILD) this.#resolve(null);
    else if (result < 0) this.#reject(systemError(result, 'waitid'));
    else this.#resolve(childExit(fields));
  }
}

/**
 * A child process. The child is reaped when it ends, even if this object is dropped, while this thread's loop runs. A
 * detached one is reaped only if it came to this process, as to pid 1 or a subreaper.
 */
export class Spawned<Exit extends ChildExit | null = ChildExit> {
  /** The child's process id. After `exited` has settled the child is reaped, and the kernel may reuse the pid. */
  readonly pid: number;
  /**
   * Resolves with how the child ended. Rejects with a system error `ECHILD` (syscall `waitid`) if other code in this
   * process reaped the child. If the child is detached, it resolves with `null` instead: the child has ended, and its
   * parent, another process, was told how. It still resolves with how the child ended if this process is that parent,
   * because it is pid 1 or a subreaper.
   */
  readonly exited: Promise<Exit>;
  readonly #handle: ChildHandle;
  readonly #report: ExitReport;
  #closed = false;

  /** @internal */
  constructor(handle: ChildHandle, report: ExitReport) {
    this.pid = handle.pid;
    this.exited = report.promise as Promise<Exit>; // startChild() has given it what its caller's `detach` says
    this.#handle = handle;
    this.#report = report;
  }

  /**
   * The child's pidfd (pidfd_open(2)); the caller must not close it. -1 after `exited` has settled or after close().
   */
  get pidfd(): number {
    return this.#closed || this.#report.isReported ? -1 : this.#handle.pidfd;
  }

  /**
   * Sends the child a signal through its pidfd, so that it can't reach another process with the same pid.
   * @param signal Name or number; default SIGTERM.
   * @throws System error `ESRCH` if `exited` has settled or close() was called; else as `posix.pidfdSendSignal()`.
   * @see pidfd_send_signal(2)
   */
  kill(signal: Signal = 'SIGTERM'): void {
    if (this.pidfd === -1) throw systemError(-constants.errno.ESRCH, 'pidfd_send_signal');
    this.#handle.sendSignal(this.pidfd, signal);
  }

  /** Lets the running child keep the event loop alive, which is the default. Returns this object. */
  ref(): this {
    if (!this.#closed) this.#handle.keepAlive(true);
    return this;
  }

  /** Stops the running child from keeping the event loop alive; its end is still reported. Returns this object. */
  unref(): this {
    this.#handle.keepAlive(false);
    return this;
  }

  /**
   * @internal Frees what the library keeps of a child that is another process's to reap, its pidfd too. `exited` never settles
   * then, and this object is of no use any more.
   * @returns false if the child is this process's: then nothing is freed.
   */
  release(): boolean {
    if (this.pidfd === -1 || !this.#handle.release()) return false;
    this.#closed = true;
    return true;
  }

  /**
   * Gives up control of the child: it can't be signalled any more and does not keep the event loop alive. The child
   * continues. When it ends, it is still reaped and `exited` settles, if the event loop runs then. A second call does
   * nothing.
   */
  close(): void {
    this.#closed = true;
    this.#handle.keepAlive(false);
  }
}

// The name of the failed system call by the addon's SpawnStep (native/addon/spawn_child.h).
const STEPS = ['spawn', 'setsid', 'setpgid', 'chdir', 'spawn'] as const;

function spawnError(errno: number, step: number, request: SpawnRequest): Error {
  const syscall = STEPS[step] ?? 'spawn';
  if (syscall === 'chdir') return systemError(errno, syscall, { path: request.cwdText ?? '' });
  if (syscall !== 'spawn') return systemError(errno, syscall);
  return systemError(errno, syscall, { path: request.file, spawnargs: request.args });
}

/**
 * The callbacks of startChild() that are kept as long as the child runs. Here, and not there, because closures of one
 * function keep all that any of them uses: there, the whole request.
 */
function settler(report: ExitReport): (result: number, ...fields: number[]) => void {
  return (result, ...fields) => report.settle(result, fields);
}

function refOf(addon: Addon, watch: ReturnType<Addon['spawn']>): ChildHandle['keepAlive'] {
  return (on) => {
    if (typeof watch !== 'number') addon.watchRef(watch, on);
  };
}

function releaseOf(addon: Addon, watch: ReturnType<Addon['spawn']>, pidfd: number): ChildHandle['release'] {
  return () => {
    if (typeof watch === 'number' || addon.pidfdIsChild(pidfd) !== 0) return false;
    addon.watchStop(watch);
    return true;
  };
}

/** Starts the child; resolves after execve(2) has succeeded. */
export function startChild(
  addon: Addon,
  request: SpawnRequest,
  sendSignal: SendSignal,
): Promise<Spawned<ChildExit | null>> {
  const report = new ExitReport(request.detach);
  return new Promise((resolve, reject) => {
    const watch = addon.spawn(
      request.candidates,
      request.argv,
      request.env,
      request.cwd,
      request.stdio,
      request.newSession,
      request.processGroup,
      request.detach,
      (result, failedStep, pid, pidfd) => {
        if (result < 0) {
          reject(spawnError(result, failedStep, request));
          return;
        }
        const [keepAlive, release] = [refOf(addon, watch), releaseOf(addon, watch, pidfd)];
        resolve(new Spawned({ pid, pidfd, sendSignal, keepAlive, release }, report));
      },
      settler(report),
    );
    if (typeof watch === 'number') reject(spawnError(watch, 0, request));
  });
}
