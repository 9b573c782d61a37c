/**
 * The types of config.json (in `oci/`), and what the library itself makes of its contents
 * (opencontainers/runtime-spec, config.md and config-linux.md).
 */
import type { IdMapping, Spec } from './index.js';

export type * from './index.js';

/** The host's ids of the container's user 0 and group 0; both 0 without a user namespace. Seed: `getRootIDs`. */
export function rootIds(spec: Spec): { uid: number; gid: number } {
  const hasUserNamespace = spec.linux?.namespaces?.some(({ type }) => type === 'user') ?? false;
  if (!hasUserNamespace) return { uid: 0, gid: 0 };
  return { uid: hostIdOfRoot(spec.linux?.uidMappings), gid: hostIdOfRoot(spec.linux?.gidMappings) };
}

function hostIdOfRoot(mappings: IdMapping[] = []): number {
  return mappings.find(({ containerID, size }) => containerID === 0 && size > 0)?.hostID ?? 0;
}
