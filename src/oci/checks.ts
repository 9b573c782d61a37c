/** Checks of a process spec that comes from the caller, as far as a runtime's own words would not help. */
import { checkBoolean, checkInteger, checkObject, checkString, checkStrings } from '../base/arg-checks.js';
import { invalidArgType, invalidArgValue } from '../base/arg-errors.js';
import type { ProcessSpec } from './types.js';

/** 2^32 - 1 is no id: chown(2). */
const MAX_ID = 4_294_967_294;

/** The members that are there; `env` and `capabilities` are the caller's. `name` is the argument's, as `options`. */
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
  additionalGids.forEach((id: unknown, i) => checkInteger(`${name}.additionalGids[${i}]`, id, 0, MAX_ID));
}
