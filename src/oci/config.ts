/**
 * The types of a bundle's config.json: opencontainers/runtime-spec 1.0 to 1.3, config.md. Linux only: there are no
 * types for the parts of other systems (`windows`, `solaris`, `zos`, `vm` …).
 *
 * Integers are JavaScript numbers. One above 2^53 is rounded, also if a file is read and written back.
 */
import type { IdMapping, Linux } from './linux.js';
import type { ProcessSpec } from './process.js';

/** The whole of config.json. */
export interface Spec {
  /** The version of the runtime specification that the bundle complies with, as `1.0.2`. runc and crun require it. */
  ociVersion?: string;
  /** The container's first process, which has the id `init` in this library. */
  process?: ProcessSpec;
  /** The container's root file system. runc and crun require it; the host runtime refuses it. */
  root?: Root;
  /** The container's host name; needs a new `uts` namespace. */
  hostname?: string;
  /** The container's NIS domain name; needs a new `uts` namespace. Since runtime-spec 1.1. */
  domainname?: string;
  /** The mounts, in the order in which the runtime makes them. */
  mounts?: Mount[];
  hooks?: Hooks;
  /** Any metadata, with names like `com.example.name`. The runtime's `state` prints it; runtimes may use some. */
  annotations?: Record<string, string>;
  linux?: Linux;
}

export interface Root {
  /** A directory: absolute, or relative to the bundle. */
  path: string;
  /** Default false. */
  readonly?: boolean;
}

/** A mount in the container; see mount(2). */
export interface Mount {
  /** The mount point: an absolute path in the container. */
  destination: string;
  /** The file system type, one of /proc/filesystems; usually `bind` or `none` for a bind mount. */
  type?: string;
  /** A device, a directory or file (for a bind mount: absolute, or relative to the bundle), or any name. */
  source?: string;
  /** Options of mount(8): `ro`, `nosuid`, `rbind`, `rslave` …; an unknown one is passed to the file system. */
  options?: string[];
  /** Id mappings of a mount with the option `idmap` or `ridmap`; give both or neither. Needs Linux 5.12. */
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

/** Programs that the runtime runs at points of the container's life, in order. Their stdin is the container's state. */
export interface Hooks {
  /** @deprecated use `createRuntime`, `createContainer` or `startContainer`. */
  prestart?: Hook[];
  /** At `create`, after the namespaces and mounts are made and before pivot_root; run in the runtime's namespaces. */
  createRuntime?: Hook[];
  /** As `createRuntime`, but run in the container's namespaces. */
  createContainer?: Hook[];
  /** At `start`, before the process is executed; the path and the namespaces are the container's. */
  startContainer?: Hook[];
  /** After the process was executed; run in the runtime's namespaces. */
  poststart?: Hook[];
  /** After the container was deleted; run in the runtime's namespaces. */
  poststop?: Hook[];
}

export interface Hook {
  /** The program's absolute path. */
  path: string;
  /** All arguments of the program, `args[0]` included. */
  args?: string[];
  /** The program's whole environment, each `NAME=value`. */
  env?: string[];
  /** The time limit in seconds, more than 0. Default: none. */
  timeout?: number;
}
