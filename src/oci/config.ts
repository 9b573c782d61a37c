/**
 * config.json of a bundle (opencontainers/runtime-spec 1.0 to 1.3, config.md), in its words. Linux only: what other
 * systems add (`windows`, `solaris`, `zos`, `vm` …) has no types here.
 *
 * Integers are JavaScript numbers: beyond 2^53 they are rounded, also in a file that is read and written again.
 */
import type { IdMapping, Linux } from './linux.js';
import type { ProcessSpec } from './process.js';

/** The whole of config.json. */
export interface Spec {
  /** Version of the runtime specification that the bundle keeps to, as `1.0.2`. runc and crun demand it. */
  ociVersion?: string;
  process?: ProcessSpec;
  /** The container's root file system. runc and crun demand it; the host runtime refuses it. */
  root?: Root;
  /** As seen in the container, which needs a `uts` namespace of its own. */
  hostname?: string;
  /** NIS domain name, likewise. Since runtime-spec 1.1. */
  domainname?: string;
  /** Mounted in this order. */
  mounts?: Mount[];
  hooks?: Hooks;
  /** Data of your own by name, best `com.example.name`; the runtime's `state` tells it, and some runtimes heed some. */
  annotations?: Record<string, string>;
  linux?: Linux;
}

export interface Root {
  /** A directory: absolute, or relative to the bundle. */
  path: string;
  /** Default false. */
  readonly?: boolean;
}

/** mount(2). */
export interface Mount {
  /** Where: an absolute path in the container. */
  destination: string;
  /** File system type, of /proc/filesystems; of a bind mount by custom `bind` or `none`. */
  type?: string;
  /** A device, a directory (of a bind mount: absolute, or relative to the bundle), or a dummy. */
  source?: string;
  /** As mount(8) has them (`ro`, `nosuid`, `rbind`, `rslave` …); one that is unknown goes to the file system. */
  options?: string[];
  /** Of a mount with option `idmap` or `ridmap`; both or neither. Linux 5.12. */
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

/** Programs that the runtime runs in the container's life, each list in its order, with the container's state as stdin. */
export interface Hooks {
  /** @deprecated use the next three. */
  prestart?: Hook[];
  /** At `create`: namespaces and mounts are made, the root is not entered; runs in the runtime's namespaces. */
  createRuntime?: Hook[];
  /** As `createRuntime`, in the container's namespaces. */
  createContainer?: Hook[];
  /** At `start`, before the process is executed; path and namespaces are the container's. */
  startContainer?: Hook[];
  /** After the process was executed, in the runtime's namespaces. */
  poststart?: Hook[];
  /** After the container was deleted, in the runtime's namespaces. */
  poststop?: Hook[];
}

export interface Hook {
  /** Absolute path of the program. */
  path: string;
  /** All its arguments, `args[0]` included. */
  args?: string[];
  /** Its whole environment, each `NAME=value`. */
  env?: string[];
  /** Seconds, more than 0, after which it is aborted. Default: never. */
  timeout?: number;
}
