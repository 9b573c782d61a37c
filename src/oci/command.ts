/**
 * Makes the config.json of a plain command: on the host, or in a container of which there is a bundle. Owns the environment that
 * it inherits. Checks nothing but the environment: run-options.ts does. Writes nothing.
 */
import { isAbsolute, resolve } from 'node:path';
import { invalidArgValue } from '../base/arg-errors.js';
import { type BundleSpec, readBundle } from './bundle.js';
import { changedEnv, execSpec } from './exec-spec.js';
import type { Box, LinuxResources, Mount, ProcessSpec, User } from './types.js';

/** What to run, checked. */
export interface CommandRequest {
  /** Empty: what the bundle says. */
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Record<string, string | null | undefined>;
  readonly inheritEnv: boolean;
  readonly user: User | undefined;
  readonly umask: number | undefined;
  /** The terminal's first size; undefined: no terminal. */
  readonly size: Box | undefined;
  readonly resources: LinuxResources | undefined;
}

/**
 * Variables that are not inherited: those of the caller's own service (systemd.exec(5), sd_notify(3), sd_listen_fds(3)), and those
 * by which CI agents find processes to end (GitHub Actions, Jenkins).
 */
const NOT_INHERITED =
  /^(?:NOTIFY_SOCKET|LISTEN_.*|WATCHDOG_.*|INVOCATION_ID|JOURNAL_STREAM|RUNNER_TRACKING_ID|JENKINS_(?:NODE|SERVER)_COOKIE)?$/;

/** The variables of this program that a command inherits, each `NAME=value`. */
function inheritedEnv(): string[] {
  return Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || NOT_INHERITED.test(name) ? [] : [`${name}=${value}`],
  );
}

/**
 * The config.json of a command on the host.
 * @param cwd the working directory.
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` if `env` is no record of variables.
 */
export function hostCommand(request: CommandRequest, cwd: string): BundleSpec {
  const { args, inheritEnv, env, umask, size, resources } = request;
  const variables = changedEnv(inheritEnv ? inheritedEnv() : [], env, 'options.env');
  const lacksTerm = size !== undefined && !variables.some((variable) => variable.startsWith('TERM='));
  const user = umask === undefined ? request.user : { ...(request.user ?? ownUser()), umask };
  return {
    ociVersion: '1.0.2',
    process: {
      ...{ args: [...args], cwd, env: lacksTerm ? [...variables, 'TERM=xterm'] : variables },
      ...{ terminal: size !== undefined, ...(size === undefined ? {} : { consoleSize: size }) },
      ...(user === undefined ? {} : { user }),
    },
    ...(resources === undefined ? {} : { linux: { resources } }),
  };
}

/**
 * The config.json of a command in a container: that of `bundle` with the request's changes, so that it can lie elsewhere.
 * @throws as readBundle(); {TypeError} `ERR_INVALID_ARG_VALUE` if it has a number that JavaScript cannot hold.
 */
export function containerCommand(request: CommandRequest, bundle: string): BundleSpec {
  const { args, cwd, env, inheritEnv, umask, size, resources } = request;
  const spec = readBundle(bundle);
  checkNumbers(spec, bundle);
  const inherited = inheritEnv ? inheritedEnv().map((variable) => splitVariable(variable)) : [];
  changedEnv([], env, 'options.env');
  const user =
    umask === undefined ? request.user : { ...(request.user ?? spec.process.user ?? { uid: 0, gid: 0 }), umask };
  const process_: ProcessSpec = execSpec(spec.process, {
    ...(args.length === 0 ? {} : { args: [...args] }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { user }),
    ...(size === undefined ? {} : { terminal: true, consoleSize: size }),
    env: { ...Object.fromEntries(inherited), ...env },
  });
  const { root, mounts } = spec;
  return {
    ...spec,
    process: process_,
    ...(root === undefined ? {} : { root: { ...root, path: resolve(bundle, root.path) } }),
    ...(mounts === undefined ? {} : { mounts: mounts.map((mount) => movedMount(mount, bundle)) }),
    ...(resources === undefined
      ? {}
      : { linux: { ...spec.linux, resources: { ...spec.linux?.resources, ...resources } } }),
  };
}

/** The source of a bind mount may be relative to the bundle. */
function movedMount(mount: Mount, bundle: string): Mount {
  const isBind = mount.type === 'bind' || mount.options?.some((option) => option === 'bind' || option === 'rbind');
  if (isBind !== true || mount.source === undefined || isAbsolute(mount.source)) return mount;
  return { ...mount, source: resolve(bundle, mount.source) };
}

/** The bundle is written anew: a number above 2^53 would be another one then. Limits of a process are written exactly. */
function checkNumbers(spec: BundleSpec, bundle: string): void {
  JSON.stringify(spec, (key, value: unknown) => {
    const isKept =
      typeof value !== 'number' || Math.abs(value) <= Number.MAX_SAFE_INTEGER || key === 'soft' || key === 'hard';
    if (isKept) return value;
    throw invalidArgValue('options.bundle', bundle, `has a number above 2^53 in its config.json (${key})`);
  });
}

function splitVariable(variable: string): [string, string] {
  const end = variable.indexOf('=');
  return [variable.slice(0, end), variable.slice(end + 1)];
}

/** This program's own user, as the host runtime would take it if none were named. Only root may name groups. */
function ownUser(): User {
  const [uid = 0, gid = 0] = [process.geteuid?.(), process.getegid?.()];
  return { uid, gid, ...(uid === 0 ? { additionalGids: process.getgroups?.() ?? [] } : {}) };
}
