/**
 * Starts a shim in a transient scope of systemd, by systemd-run: outside of the supervisor's own unit, so that a stop of that
 * leaves shim and process. Owns the command line and the error. Does not own the start (start.ts).
 * Behaviour: systemd-run(1), systemd.scope(5).
 */
import { closeSync, existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { OutliveError, messageOf } from '../base/errors.js';
import { openUnnamed, readUnnamed } from '../disk/files.js';
import { findProgram } from '../disk/programs.js';

/** What to run. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Variables that systemd-run, the way to the manager, or a shell changes. The shim gets them as they were. */
const CHANGED = ['INVOCATION_ID', 'XDG_RUNTIME_DIR', 'PWD', 'OLDPWD', 'SHLVL'] as const;

const MAX_REASON_BYTES = 4096;

/** What to do if this user has no manager. */
export const WITHOUT_MANAGER =
  'loginctl enable-linger gives the user one; without one, set KillMode=process in the unit (docs/systemd.md)';

/** The directory in which the manager of this program's user listens; undefined if there is none. */
export function userManagerDir(): string | undefined {
  // A service of the system with User= has no XDG_RUNTIME_DIR, even if its user has a manager.
  return [process.env.XDG_RUNTIME_DIR, `/run/user/${process.geteuid?.()}`].find(
    (dir) => dir !== undefined && existsSync(join(dir, 'systemd/private')),
  );
}

/**
 * The command that runs `command` in a new scope. systemd-run becomes the command when the scope is there (execve(2)), so the
 * pid stays. The command's stderr is `/dev/null`: what systemd-run says goes to the stderr that it was given.
 * @param unit the scope's name.
 * @param managerDir of a user's manager; undefined: the system's.
 */
export function scopeCommand(
  { file, args, env }: Command,
  { unit, description, managerDir }: { unit: string; description: string; managerDir: string | undefined },
): Omit<Command, 'file'> {
  const restore = CHANGED.map((name) => {
    const value = env[name];
    return value === undefined ? `unset ${name}` : `${name}='${value.replaceAll("'", "'\\''")}'`;
  });
  return {
    args: [
      ...(managerDir === undefined ? [] : ['--user']),
      ...['--scope', '--quiet', '--collect', '--no-ask-password', `--unit=${unit}`, `--description=${description}`],
      // The runtimes make cgroups for their containers below.
      ...['-p', 'Delegate=yes', '--'],
      ...['/bin/sh', '-c', [...restore, 'exec "$0" "$@" 2>/dev/null'].join('; ')],
      ...[file, ...args],
    ],
    env: managerDir === undefined ? env : { ...env, XDG_RUNTIME_DIR: managerDir },
  };
}

/** A name for the scope of a process: `outlive-<container id>-<random>.scope`. */
export function scopeName(containerId: string): string {
  return `outlive-${containerId.slice(0, 150).replaceAll('+', '_')}-${crypto.randomUUID().slice(0, 13)}.scope`;
}

/** One start in a scope. The caller closes it when the start is over. */
export class ScopedStart implements Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** For the command: systemd-run says there why it failed. It is a file without a name. */
  readonly stderrFd: number;

  /**
   * @param command the shim. It gets its environment; systemd-run finds the manager besides.
   * @param processDir a directory on which this program may make a file.
   * @throws {OutliveError} `ERR_SCOPE_UNAVAILABLE` if systemd-run is missing, or this user has no manager; a system error.
   */
  constructor(command: Command, containerId: string, processDir: string) {
    try {
      this.file = findProgram('systemd-run');
    } catch (cause) {
      throw unavailable(messageOf(cause), cause);
    }
    const uid = process.geteuid?.() ?? 0;
    const managerDir = uid === 0 ? undefined : userManagerDir();
    if (uid !== 0 && managerDir === undefined) {
      throw unavailable(`user ${uid} has no manager of its own: ${WITHOUT_MANAGER}`);
    }
    const description = `outlive ${containerId} ${basename(processDir)}`;
    const { args, env } = scopeCommand(command, { unit: scopeName(containerId), description, managerDir });
    this.args = args;
    this.env = env;
    this.stderrFd = openUnnamed(processDir);
  }

  /** The error, if the shim was never reached: systemd-run has said why. */
  failure(): OutliveError | undefined {
    const said = readUnnamed(this.stderrFd, MAX_REASON_BYTES).trim().replaceAll('\n', '; ');
    return said === '' ? undefined : unavailable(said);
  }

  close(): void {
    closeSync(this.stderrFd);
  }
}

function unavailable(reason: string, cause?: unknown): OutliveError {
  const options = cause === undefined ? {} : { cause };
  return new OutliveError('ERR_SCOPE_UNAVAILABLE', `no scope of systemd: ${reason}`, options);
}
