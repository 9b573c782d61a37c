/** The options and results of `Container`'s methods, and the check of the options of `Container.create()`. */
import { withAbsoluteRoot } from '../runtime/args.js';
import { checkRuntimeEnv, recordedEnv } from '../runtime/environment.js';
import { newKey } from '../state/key.js';
import { checkBoolean, checkKeys, checkString, checkStrings, checkTimeout } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { DEFAULT_SHIM, HOST_RUNTIME, normalizeProgram } from '../disk/programs.js';
import { absolutePath } from '../disk/working-directory.js';
import type { BundleSpec } from '../oci/bundle.js';
import { hasLimits } from '../oci/host-resources.js';
import { runsInUnitItself } from '../kernel/unit.js';
import type { ExecOverrides } from '../oci/exec-spec.js';
import type { ContainerState } from '../state/container.js';
import { checkId } from '../oci/ids.js';
import { type LogOptions, type StdioOptions, type StdioRequest, checkStdio } from '../stdio/kinds.js';

/** The default of `ContainerOptions.timeoutMs`, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 15_000;

/** Options of `Container.create()`. */
export interface ContainerOptions {
  /** The state root: an existing, writable directory on a local file system, best a tmpfs such as /run/<you>. */
  root: string;
  /**
   * `[A-Za-z0-9][A-Za-z0-9_.+-]*`, at most 255 characters. No other container in this root or of the runtime may have
   * it.
   */
  id: string;
  /** A directory with an OCI config.json. */
  bundle: string;
  /** `'host'` (shipped, no isolation; the default), or the name on PATH or the path of a program like runc. */
  runtime?: string | undefined;
  /** Global arguments for the runtime, which precede its command. Default none. */
  runtimeArgs?: string[] | undefined;
  /**
   * Variables for the runtime (and the shim, which calls it), beside PATH, HOME, USER, LOGNAME, LANG, LC_ALL, TZ, TMPDIR,
   * XDG_RUNTIME_DIR and DBUS_SESSION_BUS_ADDRESS of this program. Kept with the container, in its state directory. The
   * process itself gets only what its bundle says. Default none.
   */
  runtimeEnv?: Record<string, string> | undefined;
  /**
   * `'systemd'`: each shim and its process is started in a transient scope of systemd, of the system's manager for root, else
   * of the user's. A stop of the supervisor's own unit does not reach it. Kept with the container. Default: `'systemd'` if the
   * runtime is `'host'`, the bundle has limits (`linux.resources`) and this program runs in a unit of systemd, where there can
   * be no limits without one; else `'none'`.
   */
  scope?: 'none' | 'systemd' | undefined;
  /** Another shim: a name on PATH or a path. Default: the shipped one. */
  shim?: string | undefined;
  /** Stored with the container and not interpreted. Default none. */
  labels?: string[] | undefined;
  /** Passes `--no-pivot` to the runtime. Default false. */
  noPivotRoot?: boolean | undefined;
  /**
   * Whether the container, its started processes and their ends survive a power cut: what records them is flushed to the
   * disk before `create()`, `start()` and `exec()` resolve and before an end is told. Needs the shipped shim, and a state
   * root on a disk. What it costs: docs/performance.md. Default false.
   */
  durable?: boolean | undefined;
  /**
   * The time limit, in milliseconds, 1 to 2147483647, of each of these: the wait for the container's lock, a start, all of a
   * call's commands of the runtime together, the waits for shims of a delete. Each method says how long it takes at most. Not
   * counted is the wait while this program (each thread of it) runs 16 runtimes already. Default 15000.
   */
  timeoutMs?: number | undefined;
}

/** Options of `container.createInit()`. */
export interface CreateOptions {
  /** Where stdin, stdout and stderr go. Default: `'ignore'`, that is `/dev/null`, for each. */
  stdio?: StdioOptions | undefined;
  /** How the log is kept. Only if stdout or stderr goes to it. Default: as in `LogOptions`. */
  log?: LogOptions | undefined;
  /** Stored with the process and not interpreted. Default none. */
  labels?: string[] | undefined;
}

/** Options of `container.start()`. */
export interface StartOptions {
  /** As in `CreateOptions`, also its default. For a created container, give it to `createInit()`. */
  stdio?: StdioOptions | undefined;
  /** As in `CreateOptions`, also its default. */
  log?: LogOptions | undefined;
  /** Restores this checkpoint instead of running the bundle's process: a name under `<bundle>/checkpoints`, or an absolute path. Default none. */
  checkpoint?: string | undefined;
  /** Stored with the process and not interpreted. Default none. */
  labels?: string[] | undefined;
}

/** Options of `container.exec()`: those of a start, but for `checkpoint`. */
export type ExecOptions = Pick<StartOptions, 'stdio' | 'log' | 'labels'>;

/** A container that `Container.loadAll()` could not load, and the error. */
export interface LoadFailure {
  readonly id: string;
  readonly error: Error;
}

/** Options of `Container.cleanUp()`. */
export interface CleanUpOptions {
  /** Only list. Default false. */
  dryRun?: boolean | undefined;
  /**
   * The age in milliseconds, 0 to 2147483647, from which a start that has no pid and no shim counts as interrupted. Default
   * 60000.
   */
  graceMs?: number | undefined;
}

/** What `exec` runs: the process object of `init` as it was started, with these changes, as `execSpec()` makes them. */
export type ExecSpec = ExecOverrides & { args: string[] };

/**
 * Checks the options of a call that takes only `timeoutMs`.
 * @returns the time limit in milliseconds.
 */
export function checkTimeoutOption(options: { timeoutMs?: number | undefined }): number {
  checkKeys('options', options, ['timeoutMs']);
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  checkTimeout('options.timeoutMs', timeoutMs);
  return timeoutMs;
}

/** Checks labels. The result has the key only if labels were given, as process.json does. */
function checkLabels(labels: string[] | undefined): { labels?: string[] } {
  if (labels === undefined) return {};
  checkStrings('options.labels', labels);
  return { labels: [...labels] };
}

/**
 * Checks the options of a start.
 * @param keys the names of the options that it takes.
 * @returns what they have in common, as the start of a process takes it.
 */
export function checkStartOptions(
  options: CreateOptions,
  keys: readonly string[],
): { stdio: StdioRequest; labels?: string[] } {
  checkKeys('options', options, keys);
  const { stdio, log, labels } = options;
  return { stdio: checkStdio(stdio, log), ...checkLabels(labels) };
}

function checkScope(name: string, value: unknown): void {
  checkString(name, value);
  if (!['none', 'systemd'].includes(value)) throw invalidArgValue(name, value, "must be 'none' or 'systemd'");
}

/** The scope of a container for which none is given: see `ContainerOptions.scope`. */
export function defaultScope(runtime: string, bundle: BundleSpec): { scope?: string } {
  const needsOne = runtime === HOST_RUNTIME && hasLimits(bundle.linux?.resources) && runsInUnitItself();
  return needsOne ? { scope: 'systemd' } : {};
}

const CONTAINER_KEYS = [
  'root',
  'id',
  'bundle',
  'runtime',
  'runtimeArgs',
  'runtimeEnv',
  'scope',
  'shim',
  'labels',
  'noPivotRoot',
  'durable',
  'timeoutMs',
];

/** Checks all options and fills in the defaults. Throws as `Container.create()`. */
export function checkOptions(options: ContainerOptions): {
  root: string;
  id: string;
  state: ContainerState;
  timeoutMs: number;
} {
  checkKeys('options', options, CONTAINER_KEYS);
  const { root, id, bundle, runtime = HOST_RUNTIME, runtimeArgs = [], shim = DEFAULT_SHIM } = options;
  const { runtimeEnv = {}, scope, labels = [], noPivotRoot = false, durable = false } = options;
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  checkString('options.root', root);
  checkId('options.id', id);
  checkString('options.bundle', bundle);
  checkString('options.runtime', runtime);
  checkStrings('options.runtimeArgs', runtimeArgs);
  checkRuntimeEnv('options.runtimeEnv', runtimeEnv);
  if (scope !== undefined) checkScope('options.scope', scope);
  checkString('options.shim', shim);
  checkStrings('options.labels', labels);
  checkBoolean('options.noPivotRoot', noPivotRoot);
  checkBoolean('options.durable', durable);
  checkTimeout('options.timeoutMs', timeoutMs);
  const state = {
    bundle: absolutePath(bundle),
    labels: [...labels],
    stdin: '',
    stdout: '',
    stderr: '',
    runtime: normalizeProgram(runtime),
    runtimeArgs: withAbsoluteRoot(runtimeArgs),
    shim: normalizeProgram(shim),
    noPivotRoot,
    durable,
    key: newKey(),
    runtimeEnv: recordedEnv(runtimeEnv),
    ...(scope === 'systemd' ? { scope } : {}),
  };
  // Before any wait: the working directory may change meanwhile.
  return { root: absolutePath(root), id, state, timeoutMs };
}
