// Where the memory of buffers lies. Not among the exports of posix/index.ts.
import { bufferArgument } from './args.js';
import { addon } from './load.js';

/** Whether the memory of `buffer` lies at a higher address than that of `other`. */
export function isAbove(buffer: Uint8Array, other: Uint8Array): boolean {
  return addon.isAbove(bufferArgument(buffer), bufferArgument(other, 'other'));
}
