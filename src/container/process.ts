/**
 * A supervised process: the public methods. Each checks its arguments and calls one lower module.
 * Source: the `Process` interface of containerd's `process.go` (June 2016).
 */
import { checkAbortSignal, checkBoolean, checkInteger, checkKeys } from '../base/arg-checks.js';
import { OutliveError } from '../base/errors.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import type { ProcessSpec } from '../oci/types.js';
import { type Signal, signalNumber } from '../posix/signals.js';
import type { Exit } from '../state/exit.js';
import type { State } from './lifecycle.js';
import { ProcessStreams, type StreamsConfig } from './process-streams.js';
import { type StopOptions, stopProcess } from './stop.js';

/** What a process needs of the container that it is in. */
export interface ProcessOwner {
  readonly id: string;
  readonly bundle: string;
}

/** @internal The arguments of a {@link Process}. */
export interface ProcessConfig<Owner extends ProcessOwner> extends StreamsConfig {
  readonly container: Owner;
  readonly spec: ProcessSpec;
  readonly labels: readonly string[];
  /** The host's ids of the container's user 0 and group 0. */
  readonly rootIds: { readonly uid: number; readonly gid: number };
  readonly problem: string | undefined;
  /** As `ContainerOptions.timeoutMs`. */
  readonly timeoutMs: number;
  /** One function for all containers; it makes what is needed. */
  readonly actionsOf: (container: Owner) => ProcessActions<Owner>;
}

/** What a process asks its container to do. Each takes the container's lock. */
export interface ProcessActions<Owner extends ProcessOwner> {
  /** Lets the program of a created container run. */
  readonly letRun: () => Promise<void>;
  /** Sends SIGKILL to everything in the container. */
  readonly killAll: () => Promise<void>;
  /** Removes an ended process; of the first one, the container, also if it runs. */
  readonly remove: (process: Process<Owner>) => Promise<void>;
}

/**
 * A process in a container. It lives on when this object, or the program that holds it, is gone; `Container.load` brings
 * it back. Made by `container.start()` and `container.exec()`, never by hand.
 */
export class Process<Owner extends ProcessOwner = ProcessOwner> extends ProcessStreams {
  /** `init` for the container's first process, else the id given to `exec`. */
  readonly id: string;
  /** The container that it is in. */
  readonly container: Owner;
  /** The OCI process object that it was made from. */
  readonly spec: ProcessSpec;
  /** As given to `start()`, `create()` or `exec()`; kept with the process, not interpreted. */
  readonly labels: readonly string[];
  /**
   * Set if its process.json was broken when it was loaded: the reason. Then `spec`, `stdio` and `labels` are not known,
   * but you can still wait for the process, signal it and delete it.
   */
  readonly problem: string | undefined;

  readonly #actionsOf: (container: Owner) => ProcessActions<Owner>;
  readonly #timeoutMs: number;
  #exited: Promise<Exit> | undefined;

  /** @internal */
  readonly rootIds: { readonly uid: number; readonly gid: number };

  /** @internal */
  constructor(config: ProcessConfig<Owner>) {
    super(config);
    this.id = config.id;
    this.container = config.container;
    this.spec = config.spec;
    this.labels = config.labels;
    this.problem = config.problem;
    this.rootIds = config.rootIds;
    this.#actionsOf = config.actionsOf;
    this.#timeoutMs = config.timeoutMs;
  }

  /**
   * Its pid on the host; 0 before it is started. Do not signal by it: another process may have it by now. Use
   * `signal()`.
   */
  get systemPid(): number {
    return this.lifecycle.pid;
  }

  /**
   * A descriptor that hangs up (POLLHUP, end-of-file) when the process has ended. It belongs to this object: poll it, do
   * not read or close it. It stays open until `close()` or the container's `delete()`. -1 if there is none: the process is
   * not started or closed, or it had ended before this was first read.
   */
  get exitFd(): number {
    return this.lifecycle.exitFd;
  }

  /**
   * The release of its shim, which stays the same when the library is upgraded (docs/protocol.md, "Releases"); undefined
   * if none is recorded: an older shim, one of another make, or one that is still starting.
   */
  get shimVersion(): string | undefined {
    return this.lifecycle.shimVersion;
  }

  /**
   * Lets the program of a created container run. `container.start()` and `exec()` have done so for every other process.
   * Ends at most `timeoutMs` + 1 s after it got the lock.
   * @throws {OutliveError} `ERR_INVALID_STATE` if it was started before; `ERR_PROCESS_EXITED` if it ended before;
   *   `ERR_CONTAINER_NOT_STARTED` while `create()` is under way; `ERR_CONTAINER_BUSY` if another object, worker or
   *   program was changing the container for longer than `timeoutMs`, and nothing was changed;
   *   `ERR_CONTAINER_NOT_FOUND` if the container was deleted; `ERR_OCI_RUNTIME` if the runtime can't let it run, or did
   *   not end within `timeoutMs`; `ERR_NOT_INSTALLED`; a system error. After a failure, ask `state()`: if it is still
   *   `created`, you may try again.
   */
  async start(): Promise<void> {
    this.lifecycle.requireAwaitsStart();
    await this.#actionsOf(this.container).letRun();
  }

  /**
   * `running` from its start to its end (a zombie has ended), unless it is `paused`; `created` while its program waits for
   * `start()`; else `stopped`. Asks the kernel, not the runtime: it costs a few reads of small files.
   */
  state(): State {
    return this.lifecycle.state();
  }

  /** Whether its end is known, or it never began. */
  get hasEnded(): boolean {
    return this.lifecycle.hasEnded;
  }

  /**
   * Its exit code, 0 to 255, as `child_process` has it: null while it runs, if a signal ended it, and if its end is lost
   * (`hasEnded` is true then; `wait()` has the reason). If its shim is of another make and records only the status, this is the
   * status, also if a signal ended it.
   */
  get exitCode(): number | null {
    const { exit } = this.lifecycle;
    return (exit?.record === undefined ? exit?.status : exit.record.code) ?? null;
  }

  /** The signal that ended it (`'SIGKILL'`, `'SIGRTMIN+3'`), as `child_process` has it; else null, as `exitCode`. */
  get signalCode(): string | null {
    return this.lifecycle.exit?.record?.signal ?? null;
  }

  /**
   * How it ended.
   * @returns 0 to 255: the exit code, or 128+n for signal n.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` while it runs; `ERR_EXIT_STATUS_LOST` if nobody recorded its end.
   */
  exitStatus(): number {
    const { exit } = this.lifecycle;
    if (exit === undefined)
      throw new OutliveError('ERR_PROCESS_NOT_EXITED', `${this.lifecycle.dir.what} has not exited`);
    if (exit.status === undefined) {
      throw new OutliveError(
        'ERR_EXIT_STATUS_LOST',
        `exit status of ${this.lifecycle.dir.what} is lost: ${exit.lost ?? ''}`,
      );
    }
    this.noteTold();
    return exit.status;
  }

  /**
   * Waits until it has ended and its status is recorded. The runtime may still be cleaning up then;
   * `container.delete()` waits for that. While a call waits, the event loop stays alive.
   * @param options.signal aborts the wait, not the process.
   * @returns its end; `status` undefined and `lost` set if nobody recorded it. Never rejects because the process failed.
   * @throws the signal's reason; {OutliveError} `ERR_CONTAINER_NOT_STARTED` if it was never started,
   *   `ERR_INVALID_STATE` if the end is not known and this object is closed, or is closed meanwhile; {TypeError}
   *   `ERR_INVALID_ARG_TYPE`.
   */
  async wait(options: { signal?: AbortSignal | undefined } = {}): Promise<Exit> {
    checkKeys('options', options, ['signal']);
    const { signal } = options;
    checkAbortSignal('options.signal', signal);
    const exit = await this.lifecycle.wait(signal);
    this.noteTold();
    return exit;
  }

  /**
   * Its end, as a promise: that of `wait()`, made at the first use. It rejects as `wait()` does; if nobody handles that, it is
   * no unhandled rejection. From the first use to the end, the event loop stays alive.
   */
  get exited(): Promise<Exit> {
    if (this.#exited === undefined) {
      const waiting = this.wait();
      this.#exited = waiting;
      waiting.catch(() => {
        // It is not the end that is known now: the next use waits anew.
        this.#exited = undefined;
      });
    }
    return this.#exited;
  }

  /**
   * Sends a signal to this process alone, through a pidfd whose identity was checked.
   * @param signal a name (`'SIGTERM'`, `'SIGRTMIN+3'`) or number, 0 (only checks) to 64.
   * @throws {OutliveError} `ERR_PROCESS_EXITED`, `ERR_CONTAINER_NOT_STARTED`; `ERR_INVALID_STATE` if nobody recorded
   *   which process it is (a shim of another make, and its supervisor died at the start); {TypeError|RangeError}
   *   `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; a system error: EPERM.
   * @see pidfd_send_signal(2)
   */
  signal(signal: Signal): void {
    // Also if it has ended: a wrong signal is the caller's mistake.
    checkInteger('signal', signalNumber(signal), 0, 64);
    this.lifecycle.signal(signal);
  }

  /**
   * Ends it: sends `signal` to it, waits, and sends SIGKILL if it has not ended after `graceMs`; if it is `init`, to everything
   * in its container. A container ends with its `init`: when the call resolves, nothing of it runs. If it has ended already,
   * only that is waited for. Its directory and output stay; `remove()` removes them. Ends at most `graceMs` +
   * 4 × `timeoutMs` + 1 s after the call.
   * @param options.signal a name, or a number from 1 to 64. Default `'SIGTERM'`. It waits in a paused container (`resume()`).
   * @param options.graceMs in milliseconds, 0 to 2147483647. Default 10000.
   * @returns its end, as `wait()` does.
   * @throws {OutliveError} `ERR_CONTAINER_NOT_STARTED` if it was not started; `ERR_PROCESS_NOT_EXITED` if it, or the clean-up
   *   after it, outlasts SIGKILL by `timeoutMs`; `ERR_INVALID_STATE` as `signal()`, or if `close()` is called meanwhile;
   *   {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`; a system error: EPERM.
   * @see signal(7)
   * @example
   * ```ts
   * const { status } = await job.stop({ signal: 'SIGINT', graceMs: 5000 });
   * ```
   */
  async stop(options: StopOptions = {}): Promise<Exit> {
    const { killAll } = this.#actionsOf(this.container);
    const exit = await stopProcess(
      { id: this.id, lifecycle: this.lifecycle, timeoutMs: this.#timeoutMs, killAll },
      options,
    );
    this.noteTold();
    return exit;
  }

  /**
   * Removes it and all that is kept of it, output included: `init` with its container (`container.delete()`), any other as
   * `container.removeProcess()`.
   * @param options.force true: end it first, by SIGKILL. Default false: refuse if it runs.
   * @throws {OutliveError} `ERR_PROCESS_NOT_EXITED` if it runs and `force` is false; `ERR_INVALID_STATE` if it was removed and
   *   the container is there; `ERR_CONTAINER_NOT_FOUND` if the container was deleted; else as `container.delete()` and
   *   `container.removeProcess()`, with `force` also as `stop()`.
   */
  async remove(options: { force?: boolean | undefined } = {}): Promise<void> {
    checkKeys('options', options, ['force']);
    const { force = false } = options;
    checkBoolean('options.force', force);
    if (!this.hasEnded && !force) {
      throw new OutliveError(
        'ERR_PROCESS_NOT_EXITED',
        `${this.lifecycle.dir.what} runs: stop() it first, or give force: true`,
      );
    }
    // The removal of the container ends it too, and all else in it.
    if (!this.hasEnded && this.id !== INIT_PROCESS_ID) await this.stop({ signal: 'SIGKILL', graceMs: 0 });
    await this.#actionsOf(this.container).remove(this);
  }

  /**
   * Stops watching and frees the descriptors. Does not touch the process. Waits in progress reject with
   * `ERR_INVALID_STATE`. All methods still work; only `wait()` of an end that is not known fails.
   */
  close(): void {
    this.closeStreams();
    this.lifecycle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * As `close()`: at the end of an `await using` block the process lives on, as it does when the program ends. To end it with
   * the block, call `stop()` or `remove({ force: true })` in a `finally`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
