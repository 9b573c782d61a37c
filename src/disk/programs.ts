/**
 * Finds the executables of runtimes and shims: the shipped ones by their fixed names, others on PATH.
 * Does not run them. Behaviour: execvp(3).
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { OutliveError, hasCode } from '../base/errors.js';
import { absolutePath } from './working-directory.js';
import { nativeExecutable } from '../posix/index.js';

/** The `runtime` of a container that uses the shipped host runtime. */
export const HOST_RUNTIME = 'host';

/** The `shim` of a container that uses the shipped shim. */
export const DEFAULT_SHIM = 'outlive-shim';

/** Makes a path absolute, as the shim has another working directory; keeps a name without a slash, for PATH. */
export function normalizeProgram(program: string): string {
  return program.includes('/') ? absolutePath(program) : program;
}

/**
 * The runtime's absolute path.
 * @throws {OutliveError} `ERR_NOT_INSTALLED` if there is no such executable.
 */
export function findRuntime(runtime: string): string {
  return runtime === HOST_RUNTIME ? nativeExecutable('outlive-host') : findProgram(runtime);
}

/** The shim's absolute path. @throws as {@link findRuntime}. */
export function findShim(shim: string): string {
  return shim === DEFAULT_SHIM ? nativeExecutable('outlive-shim') : findProgram(shim);
}

/** The absolute path of a name on PATH, or of a path. @throws as {@link findRuntime}. */
export function findProgram(program: string): string {
  const candidates = program.includes('/')
    ? [program]
    : (process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter).map((dir) => join(dir || '.', program));
  let denied: unknown;
  for (const path of candidates) {
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return absolutePath(path);
    } catch (error) {
      if (hasCode(error, 'EACCES')) denied ??= error;
    }
  }
  const message = `${program} not installed on system`;
  throw new OutliveError('ERR_NOT_INSTALLED', message, denied === undefined ? {} : { cause: denied });
}
