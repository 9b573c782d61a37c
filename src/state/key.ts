/**
 * Keys tell which container or process a directory holds: a path may hold another one than before. A key is a random
 * string in state.json or process.json. A file without one was written by another program (containerd, or an older
 * release): its device, inode and modification time take the place of the key. Behaviour: docs/protocol.md, "Keys".
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from '../base/errors.js';
import { parseJsonObject } from '../disk/json.js';
import { readText } from '../disk/files.js';

const MAX_BYTES = 16 * 1024 * 1024;

export function newKey(): string {
  return crypto.randomUUID();
}

/** The key in the parsed content of the file `path`; without one, the file's signature. */
export function keyOf(value: Record<string, unknown>, path: string): string {
  return typeof value.key === 'string' && value.key !== '' ? value.key : signatureOf(path);
}

/** The container or process that a directory is meant to hold. */
export class DirectoryKey {
  readonly #file: string;
  /** The directory's device and inode when it was last known to hold what is meant. */
  #directory: string | undefined;
  /** The file's signature at that time. */
  #signature = '';

  /**
   * @param file state.json or process.json.
   * @param key '' if it could not be read: then the directory's device and inode are compared, as they are now.
   */
  constructor(
    file: string,
    readonly key: string,
  ) {
    this.#file = file;
    if (key === '') this.#directory = inodeOf(dirname(file));
  }

  /**
   * Whether the directory still holds it. Call this after a read or open: if it returns true, what was read or opened
   * belongs to the container or process that is meant.
   * @throws a system error if the file can't be read for now (EMFILE …).
   */
  isCurrent(): boolean {
    const key = readExpectedKey(this.#file, this.key);
    if (key !== undefined && key !== this.key) return false;
    const directory = inodeOf(dirname(this.#file));
    // A missing or damaged file does not mean that the directory holds another one: compare the directory itself.
    if (key === undefined) return directory !== undefined && directory === this.#directory;
    this.#directory = directory;
    this.#signature = signatureOf(this.#file);
    return true;
  }

  /**
   * Notes that the directory holds it: as isCurrent(), but does not read the file. For its maker, who knows.
   * @param file where the file is for now, if the directory has another name yet.
   */
  noteMade(file = this.#file): void {
    this.#directory = inodeOf(dirname(file));
    this.#signature = signatureOf(file);
  }

  /** Whether the directory holds another one. False if the directory is gone, or its file is missing or damaged. */
  isAnothers(): boolean {
    const key = readExpectedKey(this.#file, this.key);
    return key !== undefined && key !== this.key;
  }

  /**
   * As isCurrent(), but compares only the file's device, inode and modification time, which costs far less. Use it for
   * lists, and isCurrent() before a change: it is wrong if the file was replaced by one with the same inode within one
   * tick of the kernel's clock.
   */
  looksCurrent(): boolean {
    const signature = signatureOf(this.#file);
    return (signature !== '' && signature === this.#signature) || this.isCurrent();
  }
}

/**
 * The key in a file; undefined if the file is missing or no JSON object. What else it holds does not matter.
 * @throws a system error if that can't be read for now (EMFILE …).
 */
export function readKey(path: string): string | undefined {
  try {
    return keyOf(parseJsonObject(readText(path, MAX_BYTES), path), path);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ERR_INVALID_STATE', 'ELOOP', 'ENXIO')) return undefined;
    throw error;
  }
}

/** As readKey(). A file that should have a key and has none has lost it: undefined, so that the directory is compared. */
function readExpectedKey(path: string, expected: string): string | undefined {
  const key = readKey(path);
  return key !== undefined && isSignature(key) && !isSignature(expected) ? undefined : key;
}

function isSignature(key: string): boolean {
  return key.includes(':');
}

/** The device and inode of a file; undefined if there is none. */
export function inodeOf(path: string): string | undefined {
  const stat = lstatIfThere(path);
  return stat && `${stat.dev}:${stat.ino}`;
}

function signatureOf(path: string): string {
  const stat = lstatIfThere(path);
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}:${stat.mtimeNs}`;
}

function lstatIfThere(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
