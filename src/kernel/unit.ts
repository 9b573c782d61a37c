/**
 * Finds the unit of systemd that this program runs in: parses `/proc/self/cgroup`. Does not ask systemd.
 * Behaviour: cgroups(7), systemd.slice(5), and the names that systemd gives to cgroups.
 */
import { readFileSync } from 'node:fs';
import { hasCode } from '../base/errors.js';

export interface Unit {
  /** `name.service`, `name.scope` … */
  readonly name: string;
  /** Which manager it belongs to: the system's, or one of a user. */
  readonly manager: 'system' | 'user';
}

const UNIT = /^[^/]+\.(?:service|scope|socket|mount|swap)$/;
const USER_MANAGER = /^user@\d+\.service$/;

/**
 * Finds the innermost unit in the text of `/proc/<pid>/cgroup`. It is in v1's hierarchy `name=systemd` if there is one, else
 * in v2's hierarchy. Undefined if the process is in no unit, or in one outside of its cgroup namespace.
 */
export function parseUnit(text: string): Unit | undefined {
  const path = /^\d+:name=systemd:(\/.*)$/m.exec(text)?.[1] ?? /^0::(\/.*)$/m.exec(text)?.[1];
  const names = (path ?? '').split('/').filter((name) => name !== '' && !name.endsWith('.slice'));
  const [outer, inner] = names.map((name) => name.replace(/^_/, '')); // systemd puts _ before a name that the kernel uses
  if (outer === undefined || !UNIT.test(outer)) return undefined;
  // The units of a user's manager are below its own.
  if (USER_MANAGER.test(outer) && inner !== undefined && UNIT.test(inner)) return { name: inner, manager: 'user' };
  return { name: outer, manager: 'system' };
}

/**
 * Whether a process with this text of `/proc/<pid>/cgroup` is in a unit's own cgroup v2, and not in one that was made below it.
 */
export function isInUnitItself(text: string): boolean {
  const name = /^0::(\/.*)$/m.exec(text)?.[1]?.split('/').at(-1) ?? '';
  return UNIT.test(name.replace(/^_/, '')) && parseUnit(text) !== undefined;
}

/** Whether this program is in a unit's own cgroup: one that cannot have cgroups with limits below it. */
export function runsInUnitItself(): boolean {
  return isInUnitItself(readOwnCgroups());
}

/** The unit that this program runs in. */
export function ownUnit(): Unit | undefined {
  return parseUnit(readOwnCgroups());
}

/** `/proc/self/cgroup`; '' if the kernel has no cgroups. */
function readOwnCgroups(): string {
  try {
    return readFileSync('/proc/self/cgroup', 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}
