// A child that spawn() started: identity, its end, and what may be done to it. Owns no descriptor itself: the pidfd is
// the watch's (native/addon/watch.h), which reaps the child and closes it, with or without this object.
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
}

/** Settles with what the addon reports once the child has ended: 0 and the fields, or -errno. */
class ExitReport {
  readonly promise: Promise<ChildExit>;
  settled = false;
  #resolve!: (exit: ChildExit) => void;
  #reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody need ask; then it is no unhandled rejection either.
    this.promise.catch(() => undefined);
  }

  settle(result: number, fields: readonly number[]): void {
    this.settled = true;
    if (result < 0) this.#reject(systemError(result, 'waitid'));
    else this.#resolve(childExit(fields));
  }
}

/** A running child. Dropping it loses nothing: the child is reaped when it ends, as long as this thread's loop runs. */
export class Spawned {
  /** The child's process id; its own until it is reaped, which is when `exited` settles. */
  readonly pid: number;
  /**
   * Resolves with how the child ended. Rejects with a system error `ECHILD` (syscall `waitid`) when someone else reaped
   * it, so that nobody here knows.
   */
  readonly exited: Promise<ChildExit>;
  readonly #handle: ChildHandle;
  readonly #report: ExitReport;
  #closed = false;

  /** @internal */
  constructor(handle: ChildHandle, report: ExitReport) {
    this.pid = handle.pid;
    this.exited = report.promise;
    this.#handle = handle;
    this.#report = report;
  }

  /**
   * The child's pidfd (pidfd_open(2)), to be borrowed, never closed; -1 once the child was reaped or close() called.
   */
  get pidfd(): number {
    return this.#closed || this.#report.settled ? -1 : this.#handle.pidfd;
  }

  /**
   * Sends the child a signal, through its pidfd: never another process that got its number.
   * @param signal Name or number; default SIGTERM.
   * @throws System error `ESRCH` when the child was reaped or close() called; else as `posix.pidfdSendSignal()`.
   * @see pidfd_send_signal(2)
   */
  kill(signal: Signal = 'SIGTERM'): void {
    if (this.pidfd === -1) throw systemError(-constants.errno.ESRCH, 'pidfd_send_signal');
    this.#handle.sendSignal(this.pidfd, signal);
  }

  /** The running child keeps the event loop alive (so it is at first). Returns this object. */
  ref(): this {
    if (!this.#closed) this.#handle.keepAlive(true);
    return this;
  }

  /** The running child does not keep the event loop alive; its end is still reported if the loop runs. Returns this. */
  unref(): this {
    this.#handle.keepAlive(false);
    return this;
  }

  /**
   * Gives the child up: no signals any more, and it does not keep the event loop alive. It runs on; when it ends it is
   * still reaped and `exited` settles, if the loop runs then. Calling it again does nothing.
   */
  close(): void {
    this.#closed = true;
    this.#handle.keepAlive(false);
  }
}

// The addon's SpawnStep.
const STEPS = ['spawn', 'setsid', 'setpgid', 'chdir', 'spawn'] as const;

function spawnError(errno: number, step: number, request: SpawnRequest): Error {
  const syscall = STEPS[step] ?? 'spawn';
  if (syscall === 'chdir') return systemError(errno, syscall, { path: request.cwdText ?? '' });
  if (syscall !== 'spawn') return systemError(errno, syscall);
  return systemError(errno, syscall, { path: request.file, spawnargs: request.args });
}

/** Starts the child that was asked for; resolves once it runs its program. */
export function startChild(addon: Addon, request: SpawnRequest, sendSignal: SendSignal): Promise<Spawned> {
  const report = new ExitReport();
  return new Promise((resolve, reject) => {
    const watch = addon.spawn(
      request.candidates,
      request.argv,
      request.env,
      request.cwd,
      request.stdio,
      request.newSession,
      request.processGroup,
      (result, failedStep, pid, pidfd) => {
        if (result < 0) {
          reject(spawnError(result, failedStep, request));
          return;
        }
        const keepAlive = (on: boolean): void => {
          if (typeof watch !== 'number') addon.watchRef(watch, on);
        };
        resolve(new Spawned({ pid, pidfd, sendSignal, keepAlive }, report));
      },
      (result, ...fields) => {
        report.settle(result, fields);
      },
    );
    if (typeof watch === 'number') reject(spawnError(watch, 0, request));
  });
}
