/** What `Container`'s methods take and give; the options of `create`, checked. */
import { resolve } from 'node:path';
import { withAbsoluteRoot } from '../runtime/args.js';
import { checkRuntimeEnv, recordedEnv } from '../runtime/environment.js';
import { newKey } from '../state/key.js';
import { realRoot } from '../state/root.js';
import { checkBoolean, checkObject, checkString, checkStrings, checkTimeout } from '../base/arg-checks.js';
import { DEFAULT_SHIM, HOST_RUNTIME, normalizeProgram } from '../disk/programs.js';
import type { ExecOverrides } from '../oci/exec-spec.js';
import type { ContainerState } from '../state/container.js';
import { checkId } from '../oci/ids.js';
import type { Stdio } from '../stdio/stdio.js';

/** How long a start or a clean-up may take unless the caller says otherwise, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 15_000;

export interface ContainerOptions {
  /** The state root: an existing directory that we may write to; best on a tmpfs of this machine, such as /run/<you>. */
  root: string;
  /** `[A-Za-z0-9][A-Za-z0-9_.+-]*`, at most 255 characters; new in this root and to the runtime. */
  id: string;
  /** A directory with an OCI config.json. */
  bundle: string;
  /** `'host'` (shipped, no isolation; the default), or the name on PATH or the path of a program like runc. */
  runtime?: string;
  /** Global arguments for the runtime, before its command. Default none. */
  runtimeArgs?: string[];
  /**
   * Variables for the runtime (and the shim, which calls it), beside PATH, HOME, USER, LOGNAME, LANG, LC_ALL, TZ, TMPDIR,
   * XDG_RUNTIME_DIR and DBUS_SESSION_BUS_ADDRESS of this program. Kept with the container, in its state directory. The
   * process itself gets only what its bundle says. Default none.
   */
  runtimeEnv?: Record<string, string>;
  /** Another shim: a name on PATH or a path. Default: the shipped one. */
  shim?: string;
  /** Kept with the container; no meaning here. Default none. */
  labels?: string[];
  /** Passes `--no-pivot` to the runtime. Default false. */
  noPivotRoot?: boolean;
  /** How long a start or a clean-up may take, in milliseconds, 1 to 2147483647. Default 15000. */
  timeoutMs?: number;
}

export interface CreateOptions {
  /** Default: `/dev/null` for each. */
  stdio?: Partial<Stdio>;
  /** As `start()`'s. */
  labels?: string[];
}

export interface StartOptions {
  /** Default: `/dev/null` for each. Of a created container it was given to `create()`. */
  stdio?: Partial<Stdio>;
  /** Restores this checkpoint instead of running the bundle's process: a name under `<bundle>/checkpoints`, or an absolute path. */
  checkpoint?: string;
  /** Kept with the process, no meaning here. Default none. */
  labels?: string[];
}

export type ExecOptions = Pick<StartOptions, 'stdio' | 'labels'>;

/** A container that `Container.loadAll` could not load, and why. */
export interface LoadFailure {
  readonly id: string;
  readonly error: Error;
}

export interface CleanUpOptions {
  dryRun?: boolean;
  graceMs?: number;
}

/** What `exec` runs: the bundle's process with these changes, as `execSpec()` makes them. */
export type ExecSpec = ExecOverrides & { args: string[] };

/** As process.json has them: only when they are given. */
export function checkLabels(labels: string[] | undefined): { labels?: string[] } {
  if (labels === undefined) return {};
  checkStrings('options.labels', labels);
  return { labels: [...labels] };
}

/** Checks everything and fills in what is missing; throws as `Container.create`. */
export function checkOptions(options: ContainerOptions): {
  root: string;
  id: string;
  state: ContainerState;
  timeoutMs: number;
} {
  checkObject('options', options);
  const { root, id, bundle, runtime = HOST_RUNTIME, runtimeArgs = [], shim = DEFAULT_SHIM } = options;
  const { runtimeEnv = {}, labels = [], noPivotRoot = false, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  checkString('options.root', root);
  checkId('options.id', id);
  checkString('options.bundle', bundle);
  checkString('options.runtime', runtime);
  checkStrings('options.runtimeArgs', runtimeArgs);
  checkRuntimeEnv('options.runtimeEnv', runtimeEnv);
  checkString('options.shim', shim);
  checkStrings('options.labels', labels);
  checkBoolean('options.noPivotRoot', noPivotRoot);
  checkTimeout('options.timeoutMs', timeoutMs);
  const state = {
    bundle: resolve(bundle),
    labels: [...labels],
    stdin: '',
    stdout: '',
    stderr: '',
    runtime: normalizeProgram(runtime),
    runtimeArgs: withAbsoluteRoot(runtimeArgs),
    shim: normalizeProgram(shim),
    noPivotRoot,
    key: newKey(),
    runtimeEnv: recordedEnv(runtimeEnv),
  };
  return { root: realRoot(root), id, state, timeoutMs };
}
