/**
 * The environment of a container's shim and of its runtime. It is small: a supervisor's variables are its own (secrets, the
 * sockets of its service manager, the marks by which CI agents find processes to end). What decides where the runtime keeps
 * its state (XDG_RUNTIME_DIR of runc and crun) is recorded when the container is made, and used ever after.
 */
import { checkObject, checkText, isPassable } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';

/** What runtimes and their helpers need: programs, a home, the user's session bus for systemd, a language. */
const PASSED = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
] as const;

/** Those of them that decide where a runtime keeps its state. */
const RECORDED = ['XDG_RUNTIME_DIR'] as const;

/** Variables of the supervisor's own service: a runtime that got them would answer in its place. */
const NEVER = /^(?:NOTIFY_SOCKET|LISTEN_.*|WATCHDOG_.*)$/;

/**
 * Checks `options.runtimeEnv`.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`.
 */
export function checkRuntimeEnv(name: string, value: unknown): asserts value is Record<string, string> {
  checkObject(name, value);
  for (const [key, text] of Object.entries(value)) {
    checkText(`${name}.${key}`, text);
    if (key === '' || key.includes('=') || !isPassable(key)) {
      throw invalidArgValue(
        name,
        value,
        'must have names without =, null bytes and lone surrogates, and none that is empty',
      );
    }
    if (NEVER.test(key)) throw invalidArgValue(name, value, `must not have ${key}, which belongs to this service`);
  }
}

/**
 * What is recorded in state.json when a container is made.
 * @param more as `ContainerOptions.runtimeEnv`.
 */
export function recordedEnv(more: Record<string, string>): Record<string, string> {
  return { ...pick(RECORDED), ...more };
}

/**
 * The environment for the runtime of a container, and for its shim, which calls the runtime too.
 * @param recorded what state.json has; undefined if another program wrote that.
 */
export function runtimeEnvironment(recorded: Record<string, string> | undefined): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = pick(PASSED);
  if (recorded === undefined) return env;
  for (const name of RECORDED) env[name] = undefined;
  return { ...env, ...recorded };
}

function pick(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
