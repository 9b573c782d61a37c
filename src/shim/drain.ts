/**
 * Reads away what ended processes left in their output FIFOs. A shim that copies its process's output itself (as the
 * original's does) leaves only when everything was read; ours is told so by the release line.
 */
import { closeSync, constants } from 'node:fs';
import * as posix from '../posix/index.js';
import { isFifo, type Stdio } from '../stdio/stdio.js';

/** What is read in one turn of the event loop, in bytes. */
const TURN_BYTES = 256 * 1024;

/**
 * Reads and drops the output of a process until the returned function is called.
 * @param hasOwnShim then nothing needs to be read.
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
    fd = posix.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    // Gone, or not ours to read: then nobody waits for us to do so.
    return () => undefined;
  }
  const buffer = Buffer.allocUnsafe(TURN_BYTES);
  let watch: posix.Watch | undefined;
  const readSome = (): void => {
    watch = undefined;
    // At its end all writers are gone.
    if (posix.tryRead(fd, buffer) !== 0) watch = posix.watchReadable(fd, readSome);
  };
  readSome();
  return () => {
    watch?.stop();
    closeSync(fd);
  };
}
