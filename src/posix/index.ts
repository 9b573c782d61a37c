// System calls that Node does not offer. Each function makes one call, and returns its result or throws a Node system
// error. Only this folder imports the addon. Reference: docs/posix.md.
export * from './files.js';
export { nativeExecutable } from './load.js';
export * from './processes.js';
export { watchReadable, watchWritable, type Watch } from './watch.js';
export type { PathArgument } from './args.js';
export type { ChildExit } from './child-exit.js';
export type { SystemError } from './errors.js';
export type { Signal } from './signals.js';
export type { DetachedSpawnOptions, SpawnOptions } from './spawn-request.js';
export type { Spawned } from './spawned.js';
