// The types of the addon's exports (native/addon/). load.ts loads the addon; args.ts checks arguments before a call.

/** What the addon returns instead of a call that could block the event loop. */
export const WOULD_BLOCK = -35;

/** A path: a text without NUL, or bytes that end in one. */
export type AddonPath = string | Uint8Array;

/** A handle to a watch that the addon owns. */
export interface WatchObject {
  readonly watch: unique symbol;
}

/** The addon's exports. A number that a function returns is its result if >= 0, else -errno. */
export interface Addon {
  mkfifo(path: AddonPath, mode: number): number;
  open(path: AddonPath, flags: number, mode: number): number;
  close(fd: number): number;
  read(fd: number, buffer: Uint8Array): number;
  readv(fd: number, buffers: readonly Uint8Array[]): number;
  readThrough(fd: number, readEnd: number, writeEnd: number, buffers: readonly Uint8Array[]): number;
  write(fd: number, buffer: Uint8Array): number;
  getPipeSize(fd: number): number;
  setPipeSize(fd: number, sizeBytes: number): number;
  bytesReadable(fd: number): number;
  eventfd(initial: number): number;
  flock(fd: number, operation: number): number;
  epollAdd(epollFd: number, fd: number): number;
  epollRemove(epollFd: number, fd: number): number;
  epollTake(epollFd: number, into: Int32Array): number;
  inotifyAddWatch(fd: number, path: AddonPath, mask: number): number;
  inotifyRmWatch(fd: number, wd: number): number;
  openOwned(path: AddonPath, flags: number, mode: number): number;
  pidfdOpenOwned(pid: number): number;
  eventfdOwned(initial: number): number;
  epollOwned(): number;
  inotifyOwned(): number;
  pipeOwned(): number | [readEnd: number, writeEnd: number];
  closeOwned(fd: number): number;
  lookAt(path: AddonPath, out: Float64Array): string | number;
  lookAtOpen(fd: number, out: Float64Array): string | number;
  openAndRead(
    path: AddonPath,
    limit: number,
    truncate: boolean,
    out: Float64Array,
  ): [identity: string, text?: string] | number;
  isAbove(buffer: Uint8Array, other: Uint8Array): boolean;
  kill(pid: number, signal: number): number;
  getpgid(pid: number): number;
  setpgid(pid: number, pgid: number): number;
  getsid(pid: number): number;
  getSubreaper(): number;
  setSubreaper(on: number): number;
  pidfdOpen(pid: number): number;
  pidfdSendSignal(pidfd: number, signal: number, processGroup: boolean): number;
  pidfdHasEnded(pidfd: number): number;
  waitPidfd(pidfd: number): number | number[];
  pidfdIsChild(pidfd: number): number;
  watch(fd: number, writable: boolean, repeats: boolean, callback: () => void): WatchObject | number;
  watchStop(watch: WatchObject): void;
  watchRef(watch: WatchObject, on: boolean): void;
  spawn(
    candidates: string | Uint8Array,
    argv: string | Uint8Array,
    env: string | Uint8Array,
    cwd: string | Uint8Array,
    stdio: Int32Array,
    newSession: boolean,
    processGroup: number,
    detach: boolean,
    onDone: (result: number, failedStep: number, pid: number, pidfd: number) => void,
    onExit: (result: number, ...fields: number[]) => void,
  ): WatchObject | number;
}
