/** Looks at the state root: whose it is, what it lies on, and how much room is there. Makes nothing. */
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { within } from '../base/promises.js';
import { messageOf } from '../base/errors.js';
import { type Mount, parseMounts } from '../kernel/cgroup.js';
import { checkOwnDirectory, realRoot } from '../state/root.js';
import type { Found } from './finding.js';

const IN_MEMORY = ['tmpfs', 'ramfs'];
const OVER_NETWORK = /^(nfs4?|cifs|smb3|smbfs|9p|afs|ceph|glusterfs|lustre|fuse\..*)$/;
/** How long a file system may take to say its free space, in milliseconds. */
const SPACE_MS = 2000;
/** A log has 16 MiB by default. */
const LITTLE_BYTES = 64 * 2 ** 20;
const FEW_INODES = 1000;

export function rootFinding(root: string): Found {
  const { type } = mountOf(root);
  // Nothing on it is touched: its server may not answer.
  if (OVER_NETWORK.test(type)) return judgeRoot({ path: root, type, isThere: true, problem: undefined });
  const isThere = existsSync(root);
  return judgeRoot({
    path: root,
    type: mountOf(realpathSync(nearest(root))).type,
    isThere,
    problem: problemWith(root, isThere),
  });
}

export interface RootFacts {
  readonly path: string;
  /** The type of its file system. */
  readonly type: string;
  readonly isThere: boolean;
  /** Why it can't be used. */
  readonly problem: string | undefined;
}

export function judgeRoot({ path, type, isThere, problem }: RootFacts): Found {
  if (problem !== undefined) {
    const advice = 'set OUTLIVE_ROOT, or give root: (--root), a directory of this user with mode 0700';
    return { level: 'error', found: `${path}: ${problem}`, advice };
  }
  const what = isThere ? path : `${path}, which the first start makes (mode 0700)`;
  if (OVER_NETWORK.test(type)) {
    const found = `${what}, on ${type}: programs on two machines do not exclude each other, and a server that hangs holds all calls`;
    return { level: 'warning', found, advice: 'put the state root on a local file system' };
  }
  if (IN_MEMORY.includes(type))
    return { level: 'ok', found: `${what}, on ${type}: output and ends do not outlive a reboot` };
  return { level: 'ok', found: `${what}, on ${type}: output and ends outlive a reboot` };
}

export async function spaceFinding(root: string): Promise<Found> {
  const path = OVER_NETWORK.test(mountOf(root).type) ? root : realpathSync(nearest(root));
  const { type, mountPoint } = mountOf(path);
  if (OVER_NETWORK.test(type)) return { level: 'ok', found: `not looked at: ${mountPoint} is on ${type}` };
  const space = await within(statfs(path), SPACE_MS);
  if (space === undefined) {
    return {
      level: 'warning',
      found: `${mountPoint} did not answer in ${SPACE_MS} ms: a disk that hangs holds all calls`,
    };
  }
  const { bavail, bsize, files, ffree } = space;
  return judgeSpace(mountPoint, bavail * bsize, files === 0 ? Infinity : ffree);
}

/** @param inodes how many files can be made; Infinity if the file system has no bound. */
export function judgeSpace(where: string, bytes: number, inodes: number): Found {
  const free = `${Math.floor(bytes / 2 ** 20)} MiB are free on ${where}`;
  if (bytes >= LITTLE_BYTES && inodes >= FEW_INODES) return { level: 'ok', found: free };
  const found = inodes < FEW_INODES ? `${free}, and ${inodes} files can be made` : free;
  return {
    level: 'warning',
    found: `${found}: starts fail, and logs lose output, when that is used`,
    advice: 'free some',
  };
}

function problemWith(root: string, isThere: boolean): string | undefined {
  try {
    if (isThere) checkOwnDirectory(realRoot(root));
    const dir = nearest(root);
    if (!statSync(dir).isDirectory()) throw new Error(`${dir} is no directory`);
    accessSync(dir, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return isThere ? messageOf(error).replace(`${root}: `, '') : `it can't be made (${messageOf(error)})`;
  }
}

/** The path itself, or what is there of the directories above it. */
function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path));
}

/** The mount that a path is on, by its name: touches no file system. */
function mountOf(path: string): Mount {
  return mountIn(parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')), path);
}

/** Of several mounts on one directory, the last is seen. */
export function mountIn(mounts: readonly Mount[], path: string): Mount {
  const above = mounts.filter(({ mountPoint }) => isBelow(path, mountPoint));
  const none = { type: 'an unknown file system', options: [], root: '/', mountPoint: '/' };
  return above.reduce<Mount>((best, mount) => (mount.mountPoint.length >= best.mountPoint.length ? mount : best), none);
}

function isBelow(path: string, above: string): boolean {
  return above === '/' || path === above || path.startsWith(`${above}/`);
}
