/**
 * Checks a process spec that the caller passes, for mistakes that a runtime would report with a less clear message.
 * Does not check everything: the runtime checks the rest. Behaviour: opencontainers/runtime-spec, config.md, "Process".
 */
import { checkBoolean, checkInteger, checkKeys, checkObject, checkString, checkStrings } from '../base/arg-checks.js';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import type { ProcessSpec } from './types.js';

/** The largest user or group id: 2^32 - 1 means "unchanged" in chown(2). */
const MAX_ID = 4_294_967_294;

/** All members of a process spec. A runtime ignores others, so that a misspelt one would have no effect. */
const MEMBERS: Record<keyof ProcessSpec, true> = {
  terminal: true,
  consoleSize: true,
  user: true,
  args: true,
  commandLine: true,
  env: true,
  cwd: true,
  capabilities: true,
  rlimits: true,
  noNewPrivileges: true,
  oomScoreAdj: true,
  apparmorProfile: true,
  selinuxLabel: true,
  scheduler: true,
  ioPriority: true,
  execCPUAffinity: true,
};

/**
 * Refuses a member that is not one of a process spec.
 * @param others members that it may have beside these.
 * @throws {TypeError} `ERR_INVALID_ARG_VALUE`.
 */
export function checkMembers(name: string, spec: object, others: readonly string[]): void {
  checkKeys(name, spec, [...Object.keys(MEMBERS), ...others]);
}

/**
 * Checks the members that are present, except `env` and `capabilities`, which differ between callers.
 * @param name the argument's name in messages, as `options`.
 * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`.
 */
export function checkProcess(name: string, spec: { [key in keyof ProcessSpec]?: unknown }): void {
  const { args, cwd, user, terminal, noNewPrivileges, oomScoreAdj } = spec;
  if (args !== undefined) {
    checkStrings(`${name}.args`, args);
    if (args.length === 0) throw invalidArgValue(`${name}.args`, args, 'must not be empty');
  }
  if (cwd !== undefined) {
    checkString(`${name}.cwd`, cwd);
    if (!cwd.startsWith('/')) throw invalidArgValue(`${name}.cwd`, cwd, 'must be an absolute path');
  }
  if (user !== undefined) checkUser(`${name}.user`, user);
  if (terminal !== undefined) checkBoolean(`${name}.terminal`, terminal);
  if (noNewPrivileges !== undefined) checkBoolean(`${name}.noNewPrivileges`, noNewPrivileges);
  if (oomScoreAdj !== undefined) checkInteger(`${name}.oomScoreAdj`, oomScoreAdj, -1000, 1000);
}

function checkUser(name: string, user: unknown): void {
  checkObject(name, user);
  const { uid, gid, umask, additionalGids } = user;
  checkInteger(`${name}.uid`, uid, 0, MAX_ID);
  checkInteger(`${name}.gid`, gid, 0, MAX_ID);
  if (umask !== undefined) checkInteger(`${name}.umask`, umask, 0, 0o777);
  if (additionalGids === undefined) return;
  if (!Array.isArray(additionalGids))
    throw invalidArgType(`${name}.additionalGids`, 'an instance of Array', additionalGids);
  for (const [i, id] of additionalGids.entries()) checkInteger(`${name}.additionalGids[${i}]`, id, 0, MAX_ID);
}
