/**
 * Reads the config.json of an OCI bundle, and writes bundles for the host runtime.
 * Checks only what the library itself depends on; the runtime checks the rest.
 * Behaviour: opencontainers/runtime-spec, bundle.md and config.md.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkJson, checkObject, checkString, checkStrings } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { hasCode, messageOf } from '../base/errors.js';
import { parseJsonObject } from '../disk/json.js';
import { checkMembers, checkProcess } from './checks.js';
import { type HostResources, checkHostResources } from './host-resources.js';
import type { Box, ProcessSpec, Rlimit, Spec, User } from './types.js';
import { readText, writeFileAtomic } from '../disk/files.js';
import { absolutePath, workingDirectory } from '../disk/working-directory.js';

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A config.json with a `process`, which a container needs to start. */
export type BundleSpec = Spec & { process: ProcessSpec };

/**
 * Reads `<bundle>/config.json`, at most 16 MiB.
 * @throws {TypeError} `ERR_INVALID_ARG_VALUE` if it is not valid JSON (the message names file, line and column), has no
 *   `process.args`, or has a null byte or a lone surrogate in `process`; a system error (ENOENT …) if it can't be read.
 */
export function readBundle(bundle: string): BundleSpec {
  const path = join(bundle, 'config.json');
  const refuse = (reason: string, cause?: unknown): Error =>
    Object.assign(invalidArgValue('bundle', bundle, reason), cause === undefined ? {} : { cause });
  let spec: Spec;
  try {
    spec = parseJsonObject(readText(path, MAX_CONFIG_BYTES), path);
  } catch (cause) {
    if (hasCode(cause, 'ERR_INVALID_STATE')) throw refuse(`has no valid config.json: ${messageOf(cause)}`, cause);
    throw cause;
  }
  const args: unknown = spec.process?.args;
  if (!Array.isArray(args) || args.length === 0 || args.some((arg) => typeof arg !== 'string')) {
    throw refuse(`${path}: process.args must be a non-empty array of strings`);
  }
  checkJson(`${path}: process`, spec.process);
  return spec as BundleSpec;
}

/** A process on the host runtime. All members but `args` are optional. */
export interface HostProcess {
  /** The program and its arguments, at least one. The program is looked up on the PATH of `env`. */
  args: string[];
  /**
   * The whole environment, each `NAME=value`. Default: this program's PATH, HOME, USER, LOGNAME, SHELL, LANG and TZ if
   * they are set, and `TERM=xterm` if `terminal` is true. Other variables are not inherited: they may contain secrets,
   * and config.json is on disk.
   */
  env?: string[];
  /** The working directory, absolute. Default: this program's. */
  cwd?: string;
  /** Default: this program's own user and groups. Another one needs root. */
  user?: User;
  /** Whether the process gets a terminal. Default false. */
  terminal?: boolean;
  /** The terminal's first size, in character cells. Default: 80 columns, 24 rows. */
  consoleSize?: Box;
  /** Resource limits, at most one of each type. Default: this program's; at most 1024 open descriptors (soft). */
  rlimits?: Rlimit[];
  /** Whether execve(2) can't grant new privileges: prctl(2), PR_SET_NO_NEW_PRIVS. Default false. */
  noNewPrivileges?: boolean;
  /** Added to the process's badness for the OOM killer, -1000 (never killed) to 1000; see proc(5). Default: this program's. */
  oomScoreAdj?: number;
  /**
   * The limits of the process and all that it starts, by a cgroup v2 (docs/host-runtime.md, "Limits"). A machine, or a place in
   * it, that cannot set one of them is an error of the start. Default: none but those of the cgroup above.
   */
  resources?: HostResources;
}

/**
 * Writes a bundle for the host runtime: a directory with a config.json (0600).
 * @param dir the bundle's path. A missing directory is made, with mode 0700; an existing config.json is replaced.
 * @returns the absolute path of the bundle, for `Container.create()`.
 * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (an unknown member …), `ERR_OUT_OF_RANGE`;
 *   {OutliveError} `ERR_WORKING_DIRECTORY` if `dir` is relative or `cwd` missing, and this program's working directory was removed; a
 *   system error if it can't be written.
 */
export function writeHostBundle(dir: string, options: HostProcess): Promise<string> {
  return new Promise((resolve) => {
    checkString('dir', dir);
    checkHostProcess(options);
    const path = absolutePath(dir);
    const cwd = options.cwd ?? workingDirectory('options.cwd, if it is missing,');
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const { resources, ...given } = options;
    const terminal = given.terminal ?? false;
    const process_: ProcessSpec = {
      ...given,
      terminal,
      ...(terminal ? { consoleSize: options.consoleSize ?? { height: 24, width: 80 } } : {}),
      env: options.env ?? defaultEnv(terminal),
      cwd,
    };
    const spec = {
      ociVersion: '1.0.2',
      process: process_,
      ...(resources === undefined ? {} : { linux: { resources } }),
    };
    writeFileAtomic(join(path, 'config.json'), JSON.stringify(spec, null, 2) + '\n');
    resolve(path);
  });
}

function checkHostProcess(options: HostProcess): void {
  checkObject('options', options);
  checkStrings('options.args', options.args);
  if (options.env !== undefined) checkStrings('options.env', options.env);
  checkProcess('options', options);
  checkMembers('options', options, ['resources']);
  if (options.resources !== undefined) checkHostResources('options.resources', options.resources);
  checkJson('options', options);
}

function defaultEnv(terminal: boolean): string[] {
  const names = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'TZ'];
  const env = names.flatMap((name) => (process.env[name] === undefined ? [] : [`${name}=${process.env[name]}`]));
  if (process.env.PATH === undefined) env.unshift(`PATH=${DEFAULT_PATH}`);
  return terminal ? [...env, 'TERM=xterm'] : env;
}
