/**
 * The parts of the OCI runtime specification that the library itself reads or writes, in its words
 * (opencontainers/runtime-spec, config.md and config-linux.md).
 */

export interface User {
  /** User id in the container. */
  uid: number;
  /** Primary group id in the container. */
  gid: number;
  additionalGids?: number[];
  /** File mode creation mask, 0 to 0o777. */
  umask?: number;
}

export interface Box {
  /** Rows. */
  height: number;
  /** Columns. */
  width: number;
}

export interface Rlimit {
  /** `RLIMIT_NOFILE`, …: getrlimit(2). */
  type: string;
  soft: number;
  hard: number;
}

/** `process` of config.json. */
export interface ProcessSpec {
  terminal?: boolean;
  consoleSize?: Box;
  user?: User;
  args: string[];
  env?: string[];
  /** Absolute path. */
  cwd?: string;
  rlimits?: Rlimit[];
  noNewPrivileges?: boolean;
  /** -1000 to 1000. */
  oomScoreAdj?: number;
  [key: string]: unknown;
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

/** `linux.resources` of config.json; what a runtime's `update` takes. Sizes are bytes, times microseconds. */
export interface LinuxResources {
  memory?: {
    /** -1 for none. */
    limit?: number;
    /** Soft limit. */
    reservation?: number;
    /** Memory and swap together; -1 for none. */
    swap?: number;
    [key: string]: unknown;
  };
  cpu?: {
    shares?: number;
    quota?: number;
    period?: number;
    realtimeRuntime?: number;
    realtimePeriod?: number;
    cpus?: string;
    mems?: string;
    [key: string]: unknown;
  };
  pids?: {
    /** Processes and threads. */
    limit?: number;
  };
  blockIO?: { weight?: number; [key: string]: unknown };
  [key: string]: unknown;
}

export interface Spec {
  ociVersion?: string;
  process?: ProcessSpec;
  linux?: {
    namespaces?: { type: string; path?: string }[];
    uidMappings?: IdMapping[];
    gidMappings?: IdMapping[];
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

/** The host's ids of the container's user 0 and group 0; both 0 without a user namespace. Seed: `getRootIDs`. */
export function rootIds(spec: Spec): { uid: number; gid: number } {
  const hasUserNamespace = spec.linux?.namespaces?.some(({ type }) => type === 'user') ?? false;
  if (!hasUserNamespace) return { uid: 0, gid: 0 };
  return { uid: hostIdOfRoot(spec.linux?.uidMappings), gid: hostIdOfRoot(spec.linux?.gidMappings) };
}

function hostIdOfRoot(mappings: IdMapping[] = []): number {
  return mappings.find(({ containerID, size }) => containerID === 0 && size > 0)?.hostID ?? 0;
}
