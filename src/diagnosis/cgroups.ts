/**
 * Looks at the cgroups: which version is mounted, and whether a process on the host runtime can have limits. The rules are those of
 * native/host/cgroup/controllers.cc; docs/host-runtime.md, "Limits", has them.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasCode, messageOf } from '../base/errors.js';
import { type Mount, ownCgroup2, parseMounts } from '../kernel/cgroup.js';
import { runsInUnitItself } from '../kernel/unit.js';
import { hasManager } from '../shim/kill-mode.js';
import type { Found } from './finding.js';

/** The controllers of the limits that the command has flags for. */
const WANTED = ['memory', 'cpu', 'pids'];
const UNIFIED = 'let the machine boot with systemd.unified_cgroup_hierarchy=1: cgroup v2 alone, with all controllers';
const REFUSED = 'limits of a process on the host runtime are refused (ERR_LIMITS_UNAVAILABLE)';

export function cgroupFinding(): Found {
  return judgeCgroups(parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')));
}

/** @param mounts those of this process. */
export function judgeCgroups(mounts: readonly Mount[]): Found {
  const hasV2 = mounts.some(({ type }) => type === 'cgroup2');
  const v1 = mounts.filter(
    ({ type, options }) => type === 'cgroup' && !options.some((name) => name.startsWith('name=')),
  );
  if (hasV2) return { level: 'ok', found: v1.length === 0 ? 'cgroup v2' : 'cgroup v2, and controllers of v1 (mixed)' };
  const found = `${v1.length === 0 ? 'none are mounted' : 'cgroup v1 alone'}: the host runtime finds what a container left by its descent, and pauses it by signals`;
  return { level: 'warning', found, advice: UNIFIED };
}

/** What decides whether there can be limits. */
export interface LimitFacts {
  /** The own cgroup v2, as a directory; undefined if none is seen. */
  readonly own: string | undefined;
  /** Whether that is a unit's own cgroup, so that each container with limits gets a scope. */
  readonly isUnit: boolean;
  /** Whether this user may have scopes. */
  readonly hasManager: boolean;
  /** The cgroup below which the containers' cgroups are made. */
  readonly parent: string | undefined;
  /** The controllers that cgroups there can have. */
  readonly controllers: readonly string[];
  /** Why this user can't make cgroups there. */
  readonly obstacle: string | undefined;
}

export function limitsFinding(): Found {
  const [own, isUnit] = [ownCgroup2(), runsInUnitItself()];
  const parent = own === undefined ? undefined : isUnit ? scopesOf(own) : parentOf(own);
  const controllers = parent === undefined ? [] : words(join(parent, 'cgroup.controllers'));
  const obstacle = parent === undefined || isUnit ? undefined : obstacleIn(parent);
  return judgeLimits({ own, isUnit, hasManager: hasManager(), parent, controllers, obstacle });
}

export function judgeLimits(facts: LimitFacts): Found {
  const { own, isUnit, parent, controllers, obstacle } = facts;
  if (own === undefined || parent === undefined) {
    return { level: 'warning', found: `no cgroup v2 is seen here: ${REFUSED}`, advice: UNIFIED };
  }
  if (isUnit && !facts.hasManager) {
    const found = `this program is in a unit of systemd, and its user has no manager for scopes: ${REFUSED}`;
    return { level: 'warning', found, advice: 'loginctl enable-linger gives the user a manager (docs/systemd.md)' };
  }
  if (obstacle !== undefined) {
    const advice = 'run as root, or in a scope of systemd (systemd-run --user --scope -p Delegate=yes …)';
    return { level: 'warning', found: `${obstacle}: ${REFUSED}`, advice };
  }
  const missing = WANTED.filter((name) => !controllers.includes(name));
  const where = isUnit ? 'in a scope of systemd for each container' : `in ${parent}`;
  if (missing.length === 0) return { level: 'ok', found: `${controllers.join(', ')}, ${where}` };
  const has = controllers.length === 0 ? 'no controllers' : `only ${controllers.join(', ')}`;
  const advice = isUnit
    ? `give the user's manager ${missing.join(', ')}: Delegate= in user@.service (docs/systemd.md)`
    : UNIFIED;
  return { level: 'warning', found: `${has} ${where}; limits of ${missing.join(', ')} are refused`, advice };
}

/** The cgroup in which scopes are made: for root those of the system have all controllers, else the user's manager's own. */
function scopesOf(own: string): string {
  const managed = /^.*\/user@\d+\.service(?=\/|$)/.exec(own)?.[0];
  if (process.geteuid?.() !== 0 && managed !== undefined) return managed;
  let root = own;
  while (existsSync(join(root, 'cgroup.type'))) root = dirname(root);
  const uid = process.geteuid?.() ?? 0;
  return uid === 0 ? root : join(root, `user.slice/user-${uid}.slice/user@${uid}.service`);
}

/** Below the root of the hierarchy, the only cgroup without a type; else beside the own cgroup. */
function parentOf(own: string): string {
  return existsSync(join(own, 'cgroup.type')) ? dirname(own) : own;
}

function obstacleIn(parent: string): string | undefined {
  try {
    for (const path of [parent, join(parent, 'cgroup.subtree_control')]) accessSync(path, constants.W_OK);
    return undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return `${parent} is no cgroup that is seen here`;
    return `no cgroup can be made in ${parent} (${messageOf(error)})`;
  }
}

/** The words of a file; none if it can't be read. */
function words(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}
