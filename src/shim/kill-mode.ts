/**
 * Warns a supervisor that runs in a service of systemd which takes its processes along when it is stopped or restarted, and
 * that starts them without a scope. Asks systemctl, in the background: no start waits for it, or fails because of it.
 * Behaviour: systemd.kill(5), "KillMode=".
 */
import { within } from '../base/promises.js';
import { askProgram } from '../disk/ask.js';
import { type Unit, ownUnit } from '../kernel/unit.js';
import { WITHOUT_MANAGER, userManagerDir } from './scope.js';

/** How long systemctl may take, in milliseconds. Nothing waits for it, and a systemd that reloads answers late. */
const LIMIT_MS = 60_000;
const MAX_ANSWER_BYTES = 100;

/** With these, a stop ends all processes of the unit. */
const ENDS_ALL: ReadonlySet<string> = new Set(['control-group', 'mixed']);

/** How long a start waits for the answer, in milliseconds. */
const START_LIMIT_MS = 5000;

let asked = false;
let scopeHelps: Promise<boolean> | undefined;

/**
 * To be called when a process was started without a scope. The first call in this thread looks at the unit, and emits a
 * warning with the code `OUTLIVE_KILL_MODE` if its KillMode ends the processes.
 */
export function warnOfKillMode(): void {
  if (asked) return;
  asked = true;
  // Ignore a failure: systemctl is missing or can't reach systemd, /proc can't be read.
  warn().catch(() => undefined);
}

async function warn(): Promise<void> {
  const unit = ownUnit();
  if (unit?.name.endsWith('.service') !== true) return;
  const mode = await askKillMode(unit);
  if (endsAll(mode)) process.emitWarning(killModeWarning(unit, mode, hasManager()), { code: 'OUTLIVE_KILL_MODE' });
}

/**
 * Whether a process that is started now should be in a scope: this program runs in a service whose stop or restart ends its
 * processes, and may have a scope. The first call in this thread asks systemctl. False if it does not answer within 5 s.
 */
export function shouldUseScope(): Promise<boolean> {
  scopeHelps ??= (async () => {
    const unit = ownUnit();
    if (unit?.name.endsWith('.service') !== true || !hasManager()) return false;
    return endsAll((await within(askKillMode(unit), START_LIMIT_MS)) ?? '');
  })().catch(() => false);
  return scopeHelps;
}

/** The text of the warning. @param isManaged whether this user could have a scope. */
export function killModeWarning({ name }: Unit, mode: string, isManaged: boolean): string {
  const what = `outlive: a stop or restart of ${name} ends the processes that this program starts (KillMode=${mode}). `;
  return isManaged
    ? `${what}Give Container.create() scope: 'systemd', or set KillMode=process in the unit (docs/systemd.md)`
    : `${what}scope: 'systemd' needs a manager of this user: ${WITHOUT_MANAGER}`;
}

/** Whether this user may have scopes of systemd: root, or a user with a manager. */
export function hasManager(): boolean {
  return process.geteuid?.() === 0 || userManagerDir() !== undefined;
}

/** Whether a stop of a unit with this KillMode ends all its processes. */
export function endsAll(killMode: string): boolean {
  return ENDS_ALL.has(killMode);
}

/** The unit's KillMode; '' if systemctl does not say. @param limitMs how long systemctl may take, in milliseconds. */
export async function askKillMode({ name, manager }: Unit, limitMs = LIMIT_MS): Promise<string> {
  const args = ['show', '--property=KillMode', '--value', '--', name];
  const isUsers = manager === 'user';
  return askProgram('systemctl', isUsers ? ['--user', ...args] : args, {
    env: isUsers ? { ...process.env, XDG_RUNTIME_DIR: userManagerDir() } : process.env,
    limitMs,
    maxBytes: MAX_ANSWER_BYTES,
  });
}
