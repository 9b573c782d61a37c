/**
 * Names of a supervisor's temporary files and directories. A name begins with a dot, so it is never an id. It contains
 * the identity of the process that made it, so that a later supervisor can remove what a dead one has left.
 * Does not make or remove the files. Behaviour: docs/protocol.md.
 */
import { currentBootId, identify } from '../kernel/identity.js';

/** What a temporary name is for: a directory being made, one being removed, files of a runtime command. */
export type OwnedKind = 'new' | 'old' | 'run';

/** Makes a new name: `.<kind>-<pid>-<start time>-<boot>-<random>`. */
export function ownedName(kind: OwnedKind): string {
  return `.${kind}-${ourMark()}-${randomMark()}`;
}

/** Whether `name` is such a name and the process that made it is gone. */
export function isAbandonedName(name: string): boolean {
  const match = /^\.(?:new|old|run)-(\d+)-(\d+)-([0-9a-f]{8})-[0-9a-f]{12}/.exec(name);
  if (match === null) return false;
  const [, pid, startTimeTicks, boot] = match;
  return boot !== bootMark() || identify(Number(pid))?.startTimeTicks !== Number(startTimeTicks);
}

function bootMark(): string {
  return currentBootId().slice(0, 8);
}

let mark: string | undefined;

/** This process's identity as a part of a name. */
function ourMark(): string {
  mark ??= `${process.pid}-${identify(process.pid)?.startTimeTicks ?? 0}-${bootMark()}`;
  return mark;
}

/** 48 random bits as 12 hexadecimal digits. From a UUID: Node caches their random bytes; randomBytes() is slower. */
function randomMark(): string {
  return crypto.randomUUID().replace('-', '').slice(0, 12);
}
