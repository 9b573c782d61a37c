/**
 * Reads and drops unread output, so that a shim can leave. A shim that copies its process's output (the original's
 * does) leaves only after everything was read. Ours needs no drain: it leaves after the release line.
 */
import { constants } from 'node:fs';
import * as posix from '../posix/index.js';
import { closeOwned, openOwned } from '../posix/owned.js';
import { isFifo, type Stdio } from '../stdio/stdio.js';

/** The most bytes to read in one turn of the event loop. */
const TURN_BYTES = 256 * 1024;

/**
 * Reads and drops the output of a process until the returned function is called.
 * @param hasOwnShim whether the shim is the shipped one: then nothing is read.
 */
export function drainOutput({ stdout, stderr }: Stdio, hasOwnShim: boolean): () => void {
  if (hasOwnShim) return () => undefined;
  const stops = [stdout, stderr].map(drain);
  return () => {
    for (const stop of stops) stop();
  };
}

function drain(path: string): () => void {
  let fd: number;
  try {
    if (!isFifo(path)) return () => undefined;
    // For writing too: then there is no end-of-file. A shim may open the FIFO only after this, or open it anew.
    fd = openOwned(path, constants.O_RDWR | constants.O_NONBLOCK);
  } catch {
    // Ignore: a FIFO that is gone or can't be opened need not be drained.
    return () => undefined;
  }
  const buffer = Buffer.allocUnsafe(TURN_BYTES);
  let watch: posix.Watch | undefined;
  const readSome = (): void => {
    posix.tryRead(fd, buffer);
    watch = posix.watchReadable(fd, readSome);
  };
  readSome();
  return () => {
    watch?.stop();
    closeOwned(fd);
  };
}
