// Tells of the hang-ups of many FIFOs. Those of a thread share one epoll(7) instance, and so one handle of the event loop: a
// handle, its object and its callback for each would take a kilobyte. Not among the exports of posix/index.ts.
import { callEach } from '../base/listeners.js';
import { fdArgument } from './args.js';
import { checked } from './errors.js';
import { addon } from './load.js';
import { closeOwned } from './owned.js';
import { type Watch, pollReadable } from './watch.js';

/** Who is told. An object, and no function: it is kept for each FIFO. */
export interface HangUpListener {
  /** No process has the FIFO open for writing, and one had. Called once, never synchronously. */
  onHangUp(): void;
}

/** How many are told in one turn of the event loop. */
const BATCH = 256;

class HangUps {
  readonly #fd = checked(addon.epollOwned(), 'epoll_create1');
  readonly #listeners = new Map<number, HangUpListener>();
  readonly #ready = new Int32Array(BATCH);
  readonly #watch: Watch;
  #holds = 0;

  constructor() {
    try {
      this.#watch = pollReadable(this.#fd, () => this.#tell()).unref();
    } catch (error) {
      closeOwned(this.#fd);
      throw error;
    }
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  add(fd: number, listener: HangUpListener): void {
    checked(addon.epollAdd(this.#fd, fd), 'epoll_ctl');
    this.#listeners.set(fd, listener);
  }

  remove(fd: number): void {
    if (this.#listeners.delete(fd)) checked(addon.epollRemove(this.#fd, fd), 'epoll_ctl');
  }

  /** Adds 1 or -1 to the number of those who keep the event loop alive. */
  hold(by: 1 | -1): void {
    this.#holds += by;
    if (this.#holds === 0) this.#watch.unref();
    else this.#watch.ref();
  }

  close(): void {
    this.#watch.stop();
    closeOwned(this.#fd);
  }

  /** There may be more than a batch: the rest is told in the next turn. */
  #tell(): void {
    const count = checked(addon.epollTake(this.#fd, this.#ready), 'epoll_wait');
    const told = [...this.#ready.subarray(0, count)].map((fd) => [fd, this.#listeners.get(fd)] as const);
    // The kernel tells of each once, so a listener that throws must not keep the others from being told.
    callEach(told, ([fd, listener]) => {
      // An earlier one may have ended it, and its number may be another FIFO's by now.
      if (this.#listeners.get(fd) === listener) listener?.onHangUp();
    });
  }
}

/** There is one in each thread that has something to watch. */
let hangUps: HangUps | undefined;

/**
 * Tells of the hang-up of a FIFO. This does not keep the event loop alive.
 * @param fd its read end, borrowed: call forgetHangUp() before the close, also after the hang-up.
 * @throws System error (syscall `epoll_ctl`): EEXIST, EBADF, ENOSPC if the user has as many as `fs.epoll.max_user_watches`,
 * ENOMEM; (syscall `epoll_create1`) EMFILE, ENFILE, ENOMEM.
 * @see epoll(7), fifo(7)
 */
export function onHangUp(fd: number, listener: HangUpListener): void {
  hangUps ??= new HangUps();
  try {
    hangUps.add(fdArgument(fd), listener);
  } catch (error) {
    closeIfUnused();
    throw error;
  }
}

/** Ends it. Does nothing if there is none. */
export function forgetHangUp(fd: number): void {
  hangUps?.remove(fd);
  closeIfUnused();
}

/** Keeps the event loop alive until {@link release} is called as often. Something must be watched meanwhile. */
export function hold(): void {
  hangUps?.hold(1);
}

export function release(): void {
  hangUps?.hold(-1);
}

function closeIfUnused(): void {
  if (hangUps?.isEmpty !== true) return;
  hangUps.close();
  hangUps = undefined;
}
