/** Looks at the unit of systemd that this program runs in, and whether it could start processes in scopes. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { within } from '../base/promises.js';
import { askProgram } from '../disk/ask.js';
import { findProgram } from '../disk/programs.js';
import { type Unit, ownUnit } from '../kernel/unit.js';
import { askKillMode, endsAll, hasManager } from '../shim/kill-mode.js';
import { WITHOUT_MANAGER, userManagerDir } from '../shim/scope.js';
import type { Found } from './finding.js';

/** As sd_booted(3) asks whether systemd is the system's manager. */
const BOOTED = '/run/systemd/system';
const LINGER = '/var/lib/systemd/linger';

export async function unitFinding(limitMs: number): Promise<Found> {
  const unit = ownUnit();
  if (unit === undefined) return { level: 'ok', found: 'this program is in no unit of systemd' };
  const isSession = /^session-.*\.scope$/.test(unit.name);
  const asking = isSession
    ? asksKillUserProcesses(limitMs)
    : unit.name.endsWith('.service')
      ? askKillMode(unit, limitMs)
      : '';
  const answer =
    (await within(
      Promise.resolve(asking).catch(() => ''),
      limitMs,
    )) ?? '';
  return isSession ? judgeSession(unit, answer) : judgeUnit(unit, answer, hasManager());
}

/** logind's KillUserProcesses: `'yes'`, `'no'`, or '' if it does not say. */
async function asksKillUserProcesses(limitMs: number): Promise<string> {
  const args = ['show-session', '--property=KillUserProcesses', '--value'];
  return askProgram('loginctl', args, { limitMs, maxBytes: 100 });
}

/** @param killsProcesses logind's KillUserProcesses. */
export function judgeSession({ name }: Unit, killsProcesses: string): Found {
  if (killsProcesses !== 'yes') return { level: 'ok', found: `${name}: processes stay when the user logs out` };
  return {
    level: 'warning',
    found: `${name}: logind ends all its processes when the user logs out (KillUserProcesses=yes)`,
    advice: "start them with scope: 'systemd' (--scope systemd) and loginctl enable-linger",
  };
}

/** @param mode the unit's KillMode; '' if nobody said it. @param isManaged whether this user could have a scope. */
export function judgeUnit({ name }: Unit, mode: string, isManaged: boolean): Found {
  if (!name.endsWith('.service')) return { level: 'ok', found: name };
  if (mode === '') {
    const advice = `systemctl show --property=KillMode ${name} has to say process, or give scope: 'systemd' (docs/systemd.md)`;
    return { level: 'warning', found: `${name}: systemctl does not say its KillMode`, advice };
  }
  if (!endsAll(mode))
    return { level: 'ok', found: `${name}, KillMode=${mode}: a stop or restart leaves the processes` };
  const found = `${name}, KillMode=${mode}: a stop or restart ends what is in the unit`;
  if (isManaged) return { level: 'ok', found: `${found}; run() starts each process in a scope outside of it` };
  return { level: 'warning', found: `${found}, and so all processes`, advice: WITHOUT_MANAGER };
}

export function scopeFinding(): Found {
  const uid = process.geteuid?.() ?? 0;
  return judgeScopes({
    uid,
    isBooted: existsSync(BOOTED),
    hasProgram: isInstalled('systemd-run'),
    managerDir: userManagerDir(),
    lingers: existsSync(join(LINGER, nameOfUser())),
  });
}

export interface ScopeFacts {
  readonly uid: number;
  /** Whether systemd is the system's manager. */
  readonly isBooted: boolean;
  /** Whether systemd-run is installed. */
  readonly hasProgram: boolean;
  /** As userManagerDir() of shim/scope.ts. */
  readonly managerDir: string | undefined;
  /** Whether the user's manager stays when the user logs out. */
  readonly lingers: boolean;
}

export function judgeScopes({ uid, isBooted, hasProgram, managerDir, lingers }: ScopeFacts): Found {
  const refused = "scope: 'systemd' is refused (ERR_SCOPE_UNAVAILABLE)";
  if (!isBooted) return { level: 'ok', found: `systemd does not run here, so none are needed; ${refused}` };
  if (!hasProgram) {
    return {
      level: 'warning',
      found: `systemd-run is not installed: ${refused}`,
      advice: 'install systemd (systemd-run)',
    };
  }
  if (uid === 0) return { level: 'ok', found: "of the system's manager" };
  if (managerDir === undefined) {
    return { level: 'warning', found: `user ${uid} has no manager: ${refused}`, advice: WITHOUT_MANAGER };
  }
  if (lingers) return { level: 'ok', found: `of the user's manager in ${managerDir}, which stays (lingering)` };
  return {
    level: 'warning',
    found: `of the user's manager in ${managerDir}, which ends them when the user logs out`,
    advice: 'loginctl enable-linger',
  };
}

function isInstalled(program: string): boolean {
  try {
    findProgram(program);
    return true;
  } catch {
    return false;
  }
}

/** The name of this user; a name that no user has, if it has none. */
function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return '.none';
  }
}
