/**
 * Builds the spec of an additional process in a container: the container's own process with the caller's changes.
 * Pure: reads no file and runs nothing. Behaviour: opencontainers/runtime-spec, config.md, "Process".
 */
import { checkJson, checkObject, checkStrings, checkText, isPassable } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { OutliveError } from '../base/errors.js';
import { checkMembers, checkProcess } from './checks.js';
import type { Capability, LinuxCapabilities, ProcessSpec } from './types.js';
import { INIT_PROCESS_ID } from './ids.js';

/** The members to change. A missing or undefined member is inherited from the container's process. */
export interface ExecOverrides extends Partial<Omit<ProcessSpec, 'env' | 'capabilities'>> {
  /**
   * An object: variables to add or replace; undefined or null removes one. An array: the whole environment, each
   * `NAME=value`.
   */
  env?: string[] | Record<string, string | null | undefined>;
  /** Capabilities to remove from and to add to the container's sets; or whole sets, as in config.json. */
  capabilities?: CapabilityChanges | LinuxCapabilities;
}

/** Changes to the capability sets: `drop` is applied first, then `add`. */
export interface CapabilityChanges {
  /** Capabilities to remove from all five sets; `'ALL'` empties the sets. Default none. */
  drop?: ('ALL' | Capability)[];
  /**
   * Capabilities to add to the bounding, permitted and effective sets. If the user is not 0 they are also added to the
   * inheritable and ambient sets, as execve(2) would else remove them. Default none.
   */
  add?: Capability[];
}

/** The part of `Container` that `execSpec()` uses. */
export interface ExecBase {
  readonly id: string;
  processes(): readonly { readonly id: string; readonly spec: ProcessSpec; readonly problem: string | undefined }[];
}

/** What an environment variable's name must be. */
const ENV_NAMES = 'names without =, null bytes and lone surrogates, and none that is empty';

const SETS = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'] as const;
const SETS_OF_ROOT: readonly string[] = ['bounding', 'effective', 'permitted'];

/**
 * Builds a process spec for `container.exec()` from a container's own process. `exec()` also accepts the overrides
 * themselves.
 * @param base a started container, or the `process` of its config.json.
 * @param spec the members to change. `user` is replaced as a whole, groups included, and so are lists as `rlimits`. The
 *   terminal is not inherited: `terminal` is false unless it is given here; then `consoleSize` is 80 × 24 unless it is given too.
 * @returns a new object; `base` and `spec` are not changed.
 * @throws {TypeError|RangeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` (an unknown member; a name with `=`; a relative cwd;
 *   `add` or `drop` together with a set …), `ERR_OUT_OF_RANGE`; {OutliveError} `ERR_CONTAINER_NOT_STARTED` if `base`
 *   has no first process, `ERR_INVALID_STATE` if the container's process.json is broken.
 */
export function execSpec(base: ExecBase | ProcessSpec, spec: ExecOverrides = {}): ProcessSpec {
  checkObject('base', base);
  checkObject('spec', spec);
  checkProcess('spec', spec);
  const { env, capabilities, ...others } = spec as ExecOverrides;
  const inherited = { ...processOf(base) };
  // A config.json may have members of a later specification.
  checkMembers('spec', spec, Object.keys(inherited));
  delete inherited.consoleSize;
  const given = Object.fromEntries(Object.entries(others as object).filter(([, value]) => value !== undefined));
  const made: ProcessSpec = { ...inherited, terminal: false, ...given };
  // The shim sets this for any terminal without a size; but a runtime that is told does so before the program runs.
  if (made.terminal === true) made.consoleSize ??= { width: 80, height: 24 };
  if (env !== undefined) made.env = changedEnv(inherited.env, env);
  if (capabilities !== undefined) {
    const isRoot = (made.user?.uid ?? 0) === 0;
    made.capabilities = changedCapabilities(inherited.capabilities, capabilities, isRoot);
  }
  checkJson('spec', others);
  return structuredClone(made);
}

function processOf(base: ExecBase | ProcessSpec): ProcessSpec {
  if (!('processes' in base)) return base;
  const init = base.processes().find(({ id }) => id === INIT_PROCESS_ID);
  if (init === undefined) throw new OutliveError('ERR_CONTAINER_NOT_STARTED', `container ${base.id} is not started`);
  if (init.problem !== undefined) throw new OutliveError('ERR_INVALID_STATE', init.problem);
  return init.spec;
}

/** @param name the name of `changes` in messages. */
export function changedEnv(
  base: string[] = [],
  changes: NonNullable<ExecOverrides['env']>,
  name = 'spec.env',
): string[] {
  if (Array.isArray(changes)) {
    checkStrings(name, changes);
    return changes;
  }
  checkObject(name, changes);
  const added = Object.entries(changes).flatMap(([variable, value]) => {
    if (variable === '' || variable.includes('=') || !isPassable(variable)) {
      throw invalidArgValue(name, variable, `must have ${ENV_NAMES}`);
    }
    if (value === null || value === undefined) return [];
    checkText(`${name}.${variable}`, value);
    return [`${variable}=${value}`];
  });
  return [...base.filter((entry) => !Object.hasOwn(changes, entry.split('=', 1)[0] ?? '')), ...added];
}

function changedCapabilities(
  base: LinuxCapabilities = {},
  changes: CapabilityChanges | LinuxCapabilities,
  isRoot: boolean,
): LinuxCapabilities {
  checkObject('spec.capabilities', changes);
  for (const [key, value] of Object.entries(changes)) checkStrings(`spec.capabilities.${key}`, value);
  const { add = [], drop = [], ...sets } = changes as CapabilityChanges & LinuxCapabilities;
  const isSets = changes.add === undefined && changes.drop === undefined;
  if (isSets) return sets;
  if (Object.keys(sets).length > 0) {
    throw invalidArgValue('spec.capabilities', changes, 'must have either add and drop, or sets');
  }
  const changed: LinuxCapabilities = {};
  for (const set of SETS) {
    const kept = drop.includes('ALL') ? [] : (base[set] ?? []).filter((name) => !drop.includes(name));
    const isAddedTo = !isRoot || SETS_OF_ROOT.includes(set);
    changed[set] = isAddedTo ? [...new Set([...kept, ...add])] : kept;
  }
  return changed;
}
