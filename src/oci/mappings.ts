/** User namespace mappings (config-linux.md of opencontainers/runtime-spec; user_namespaces(7)). */
import type { IdMapping, Spec } from './types.js';

/**
 * The host's ids of the container's user 0 and group 0; both 0 without a user namespace.
 * Source: `getRootIDs` of containerd's `process.go`.
 */
export function rootIds(spec: Spec): { uid: number; gid: number } {
  const hasUserNamespace = spec.linux?.namespaces?.some(({ type }) => type === 'user') ?? false;
  if (!hasUserNamespace) return { uid: 0, gid: 0 };
  return { uid: hostIdOfRoot(spec.linux?.uidMappings), gid: hostIdOfRoot(spec.linux?.gidMappings) };
}

function hostIdOfRoot(mappings: IdMapping[] = []): number {
  return mappings.find(({ containerID, size }) => containerID === 0 && size > 0)?.hostID ?? 0;
}
