/** All types of config.json: opencontainers/runtime-spec, config.md and config-linux.md. */
export type * from './capabilities.js';
export type * from './config.js';
export type * from './linux.js';
export type * from './process.js';
export type * from './resources.js';
export type * from './seccomp.js';
