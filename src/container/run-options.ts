/** The options of `run()`, `find()` and `list()`, and their checks. */
import { checkArgs, checkBoolean, checkInteger, checkKeys, checkObject, jsonCopy } from '../base/arg-checks.js';
import { checkString, checkStrings, checkText, checkTimeout, isPassable } from '../base/arg-checks.js';
import { invalidArgValue } from '../base/arg-errors.js';
import { HOST_RUNTIME } from '../disk/programs.js';
import { absolutePath, workingDirectory } from '../disk/working-directory.js';
import type { BundleSpec } from '../oci/bundle.js';
import { checkProcess } from '../oci/checks.js';
import { type CommandRequest, containerCommand, hostCommand } from '../oci/command.js';
import { checkHostResources } from '../oci/host-resources.js';
import { checkId, newId } from '../oci/ids.js';
import type { Box, LinuxResources, User } from '../oci/types.js';
import { defaultRoot } from '../state/root.js';
import { type LogOptions, type StdioOptions, checkStdio } from '../stdio/kinds.js';
import type { State } from './lifecycle.js';
import { type ContainerOptions, type StartOptions, DEFAULT_TIMEOUT_MS } from './options.js';

/** Where `run()`, `find()` and `list()` look. */
export interface FindOptions {
  /**
   * The state root. Default: the environment variable `OUTLIVE_ROOT`, else `/var/lib/outlive` for root, else
   * `$XDG_STATE_HOME/outlive` or `~/.local/state/outlive`. `run()` makes it if it is missing (0700).
   */
  root?: string | undefined;
  /** As `ContainerOptions.timeoutMs`. Default 15000. */
  timeoutMs?: number | undefined;
}

/** What `list()` keeps. */
export interface ListFilter {
  /** Those that have all of these labels. Default: any. */
  labels?: Record<string, string> | undefined;
  /** Those whose first process is in this state. Default: any. */
  state?: State | undefined;
}

/** The options of `run()`. Without `bundle` the process runs on the host. */
export interface RunOptions extends FindOptions {
  /** As `ContainerOptions.id`. Default: one that sorts by time, as `20260726T101500.123-5f0c2a9e`. */
  id?: string | undefined;
  /** The working directory. Default: this program's; with `bundle`, the bundle's. */
  cwd?: string | undefined;
  /** Variables to add or replace; undefined or null removes one. Default none. */
  env?: Record<string, string | null | undefined> | undefined;
  /**
   * Whether the process inherits this program's variables; not those of its service and of CI agents (NOTIFY_SOCKET, LISTEN_*,
   * WATCHDOG_*, INVOCATION_ID, JOURNAL_STREAM, RUNNER_TRACKING_ID, JENKINS_NODE_COOKIE, JENKINS_SERVER_COOKIE). The
   * variables are kept in the state directory, in files that only this user can read. Default true; with `bundle` false:
   * the bundle's are inherited.
   */
  inheritEnv?: boolean | undefined;
  /** Whom it runs as, in numbers: `{ uid, gid, additionalGids }`. Only root may choose another. Default: this program's user and groups; with `bundle`, the bundle's. */
  user?: User | undefined;
  /** The file mode creation mask, 0 to 0o777. Default: this program's; with `bundle`, the bundle's. */
  umask?: number | undefined;
  /** A terminal, of 80 columns and 24 rows (`true`) or of this size, each 1 to 65535. Default: none. */
  terminal?: boolean | { columns: number; rows: number } | undefined;
  /** As in `StdioOptions`. Default `'ignore'`; with a terminal `'pipe'`. */
  stdin?: StdioOptions['stdin'] | undefined;
  /** As in `StdioOptions`. Default `'log'`. */
  stdout?: StdioOptions['stdout'] | undefined;
  /** As in `StdioOptions`. Default `'log'`. Not used with a terminal. */
  stderr?: StdioOptions['stderr'] | undefined;
  /** How the log is kept. Only if stdout or stderr goes to it. Default: as in `LogOptions`. */
  log?: LogOptions | undefined;
  /** Kept with container and process, each as `name=value`. A name is not empty and has no `=`. Default none. */
  labels?: Record<string, string> | undefined;
  /**
   * Limits, as `linux.resources` of config.json; on the host runtime, those of `HostResources`. With `bundle`, they replace the bundle's, key by key. Default none.
   */
  resources?: LinuxResources | undefined;
  /**
   * `'systemd'` and `'none'` as `ContainerOptions.scope`. `'auto'` (the default): a scope if this program runs in a service of
   * systemd that ends its processes when it is stopped or restarted, and if it may have one; else none.
   */
  scope?: 'systemd' | 'auto' | 'none' | undefined;
  /**
   * An OCI bundle: the process runs in a container of it. It is only read; `args` and the options above are put in place of what its
   * config.json has. `args` may be empty then: the bundle's own. Default: none, the process runs on the host.
   */
  bundle?: string | undefined;
  /** As `ContainerOptions.runtime`. Another one than `'host'` needs `bundle`. Default `'host'`. */
  runtime?: string | undefined;
  /** As `ContainerOptions.runtimeArgs`. Default none. */
  runtimeArgs?: string[] | undefined;
}

const RUN_KEYS = [
  ...[
    'root',
    'id',
    'cwd',
    'env',
    'inheritEnv',
    'user',
    'umask',
    'terminal',
    'stdin',
    'stdout',
    'stderr',
    'log',
    'labels',
  ],
  ...['resources', 'scope', 'timeoutMs', 'bundle', 'runtime', 'runtimeArgs'],
];
const SCOPES = ['systemd', 'auto', 'none'];
const STATES = ['created', 'running', 'paused', 'stopped'];

/** A checked call of `run()`. */
export interface RunRequest {
  readonly container: Omit<ContainerOptions, 'bundle' | 'scope'>;
  readonly config: BundleSpec;
  readonly start: StartOptions;
  readonly scope: NonNullable<RunOptions['scope']>;
}

/** Checks the arguments of `run()` and fills in the defaults. Throws as `run()`; nothing is made yet. */
export function checkRun(args: readonly string[], options: RunOptions): RunRequest {
  checkKeys('options', options, RUN_KEYS);
  const { id = newId(), stdin, stdout = 'log', stderr = 'log', log, labels = {}, scope = 'auto' } = options;
  const { bundle, runtime = HOST_RUNTIME, runtimeArgs = [] } = options;
  if (bundle === undefined || !Array.isArray(args) || args.length > 0) checkArgs('args', args);
  const { root, timeoutMs } = checkFind(options);
  checkId('options.id', id);
  const size = checkTerminal(options.terminal ?? false);
  const stdio = { stdin: stdin ?? (size === undefined ? 'ignore' : 'pipe'), stdout, stderr };
  const { streams, log: settings } = checkStdio(stdio, log, 'options');
  const words = checkLabels('options.labels', labels);
  checkWord('options.scope', scope, SCOPES);
  checkString('options.runtime', runtime);
  checkStrings('options.runtimeArgs', runtimeArgs);
  if (bundle !== undefined) checkString('options.bundle', bundle);
  else if (runtime !== HOST_RUNTIME) throw invalidArgValue('options.runtime', runtime, 'needs options.bundle');
  const request = checkCommand(args, options, size);
  return {
    container: { root, id, runtime, runtimeArgs, labels: words, timeoutMs },
    config: bundle === undefined ? onHost(request) : containerCommand(request, absolutePath(bundle)),
    // Its paths are absolute: the working directory may change before the start.
    start: { stdio: streams, ...(settings === undefined ? {} : { log: settings }), labels: words },
    scope,
  };
}

function onHost(request: CommandRequest): BundleSpec {
  const { cwd } = request;
  return hostCommand(
    request,
    cwd === undefined ? workingDirectory('options.cwd, if it is missing,') : absolutePath(cwd),
  );
}

function checkCommand(args: readonly string[], options: RunOptions, size: Box | undefined): CommandRequest {
  const { cwd, env = {}, inheritEnv = options.bundle === undefined, user, umask, resources } = options;
  if (cwd !== undefined) checkString('options.cwd', cwd);
  if (options.bundle !== undefined) checkProcess('options', { cwd });
  checkObject('options.env', env);
  checkBoolean('options.inheritEnv', inheritEnv);
  checkProcess('options', { user });
  const ownUser = jsonCopy('options.user', user);
  if (umask !== undefined) checkInteger('options.umask', umask, 0, 0o777);
  if (resources !== undefined) checkObject('options.resources', resources);
  const ownResources = jsonCopy('options.resources', resources);
  const isHost = (options.runtime ?? HOST_RUNTIME) === HOST_RUNTIME;
  if (resources !== undefined && isHost) checkHostResources('options.resources', resources);
  return { args, cwd, env, inheritEnv, user: ownUser, umask, size, resources: ownResources };
}

function checkTerminal(terminal: unknown): Box | undefined {
  if (terminal === true) return { width: 80, height: 24 };
  if (terminal === false) return undefined;
  checkKeys('options.terminal', terminal, ['columns', 'rows']);
  const { columns, rows } = terminal as Record<string, unknown>;
  checkInteger('options.terminal.columns', columns, 1, 65535);
  checkInteger('options.terminal.rows', rows, 1, 65535);
  return { width: columns, height: rows };
}

/** Checks a record of labels. Returns them as `name=value`. */
function checkLabels(name: string, labels: unknown): string[] {
  checkObject(name, labels);
  return Object.entries(labels).map(([label, value]) => {
    if (label === '' || label.includes('=') || !isPassable(label)) {
      throw invalidArgValue(
        name,
        label,
        'must have names without =, null bytes and lone surrogates, and none that is empty',
      );
    }
    checkText(`${name}.${label}`, value);
    return `${label}=${value}`;
  });
}

function checkWord(name: string, value: unknown, words: readonly string[]): void {
  checkString(name, value);
  if (!words.includes(value)) throw invalidArgValue(name, value, `must be one of ${words.join(', ')}`);
}

/** Checks the options of `find()` and `list()`, which are a part of those of `run()`, and fills in the defaults. */
export function checkFind(options: FindOptions): { root: string; timeoutMs: number } {
  checkObject('options', options);
  const { root = defaultRoot(), timeoutMs = DEFAULT_TIMEOUT_MS } = options as FindOptions;
  checkString('options.root', root);
  checkTimeout('options.timeoutMs', timeoutMs);
  return { root: absolutePath(root), timeoutMs };
}

/** Checks the filter of `list()`. Returns the labels as `name=value`. */
export function checkFilter(filter: ListFilter): { labels: string[]; state: State | undefined } {
  checkKeys('filter', filter, ['labels', 'state']);
  const { labels = {}, state } = filter;
  if (state !== undefined) checkWord('filter.state', state, STATES);
  return { labels: checkLabels('filter.labels', labels), state };
}
