/**
 * Names of files and directories that a supervisor makes only for the moment: they start with a dot (so no id is one)
 * and tell who made them, so that what a dead one left is known for it.
 */
import { randomUUID } from 'node:crypto';
import { currentBootId, identify } from '../kernel/identity.js';

/** What a temporary name is for: being made, being removed, output of a runtime command. */
export type OwnedKind = 'new' | 'old' | 'run';

/** `.<kind>-<pid>-<start time>-<boot>-<random>`. */
export function ownedName(kind: OwnedKind): string {
  return `.${kind}-${ourMark()}-${randomMark()}`;
}

/** Whether `name` is such a name and its maker is gone. */
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

/** This process's own identity, which does not change. */
function ourMark(): string {
  mark ??= `${process.pid}-${identify(process.pid)?.startTimeTicks ?? 0}-${bootMark()}`;
  return mark;
}

/** 48 random bits, hexadecimal. (A UUID's come from a store; the generator itself costs more than the rest of a name.) */
function randomMark(): string {
  return randomUUID().replace('-', '').slice(0, 12);
}
