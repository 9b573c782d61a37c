/**
 * Warns a supervisor that runs in a service of systemd which takes its processes along when it is stopped or restarted, and
 * that starts them without a scope. Asks systemctl, in the background: no start waits for it, or fails because of it.
 * Behaviour: systemd.kill(5), "KillMode=".
 */
import { closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { openUnnamed, readUnnamed } from '../disk/files.js';
import { findProgram } from '../disk/programs.js';
import { type Unit, ownUnit } from '../kernel/unit.js';
import * as posix from '../posix/index.js';
import { WITHOUT_MANAGER, userManagerDir } from './scope.js';

/** How long systemctl may take, in milliseconds. Nothing waits for it, and a systemd that reloads answers late. */
const LIMIT_MS = 60_000;
const MAX_ANSWER_BYTES = 100;

/** With these, a stop ends all processes of the unit. */
const ENDS_ALL: ReadonlySet<string> = new Set(['control-group', 'mixed']);

let asked = false;

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
  if (ENDS_ALL.has(mode)) process.emitWarning(killModeWarning(unit, mode, hasManager()), { code: 'OUTLIVE_KILL_MODE' });
}

/** The text of the warning. @param isManaged whether this user could have a scope. */
export function killModeWarning({ name }: Unit, mode: string, isManaged: boolean): string {
  const what = `outlive: a stop or restart of ${name} ends the processes that this program starts (KillMode=${mode}). `;
  return isManaged
    ? `${what}Give Container.create() scope: 'systemd', or set KillMode=process in the unit (docs/systemd.md)`
    : `${what}scope: 'systemd' needs a manager of this user: ${WITHOUT_MANAGER}`;
}

function hasManager(): boolean {
  return process.geteuid?.() === 0 || userManagerDir() !== undefined;
}

/** The unit's KillMode; '' if systemctl does not say. */
async function askKillMode({ name, manager }: Unit): Promise<string> {
  const answerFd = openUnnamed(tmpdir());
  try {
    const args = ['show', '--property=KillMode', '--value', '--', name];
    const env = manager === 'user' ? { ...process.env, XDG_RUNTIME_DIR: userManagerDir() } : process.env;
    const child = await posix.spawn(findProgram('systemctl'), manager === 'user' ? ['--user', ...args] : args, {
      stdio: [null, answerFd, null],
      env,
    });
    // Neither of them keeps a program from ending.
    child.unref();
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS).unref();
    await child.exited.finally(() => clearTimeout(timer));
    return readUnnamed(answerFd, MAX_ANSWER_BYTES).trim();
  } finally {
    closeSync(answerFd);
  }
}
