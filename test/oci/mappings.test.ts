/** Which ids on the host the root of a container has. */
import { describe, expect, test } from 'vitest';
import { rootIds } from '../../src/oci/mappings.js';

describe('rootIds()', () => {
  const map = (
    containerID: number,
    hostID: number,
    size = 1,
  ): { containerID: number; hostID: number; size: number } => ({
    containerID,
    hostID,
    size,
  });
  const pid = { type: 'pid' } as const;
  const user = [pid, { type: 'user' } as const];

  test('no user namespace: 0, whatever the mappings', () => {
    expect(rootIds({})).toEqual({ uid: 0, gid: 0 });
    expect(rootIds({ linux: {} })).toEqual({ uid: 0, gid: 0 });
    const linux = { namespaces: [pid], uidMappings: [map(0, 5)], gidMappings: [map(0, 6)] };
    expect(rootIds({ linux })).toEqual({ uid: 0, gid: 0 });
  });

  test('a user namespace: the host ids of 0/0, uid and gid apart', () => {
    const linux = {
      namespaces: user,
      uidMappings: [map(1, 1, 10), map(0, 100000, 65536)],
      gidMappings: [map(0, 200000), map(1, 7)],
    };
    expect(rootIds({ linux })).toEqual({ uid: 100000, gid: 200000 });
  });
});
