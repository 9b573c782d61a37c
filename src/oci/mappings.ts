/**
 * Reads the user namespace mappings of a config.json. Pure. Does not apply them; the runtime and the shim do.
 * Behaviour: opencontainers/runtime-spec, config-linux.md; user_namespaces(7).
 */
import type { IdMapping, Spec } from './types.js';

/**
 * The host ids of the container's user 0 and group 0; both 0 without a user namespace.
 * Behaviour: `getRootIDs` in containerd's `process.go` (June 2016).
 */
export function rootIds(spec: Spec): { uid: number; gid: number } {
  const hasUserNamespace = spec.linux?.namespaces?.some(({ type }) => type === 'user') ?? false;
  if (!hasUserNamespace) return { uid: 0, gid: 0 };
  return { uid: hostIdOfRoot(spec.linux?.uidMappings), gid: hostIdOfRoot(spec.linux?.gidMappings) };
}

function hostIdOfRoot(mappings: IdMapping[] = []): number {
  return mappings.find(({ containerID, size }) => containerID === 0 && size > 0)?.hostID ?? 0;
}
