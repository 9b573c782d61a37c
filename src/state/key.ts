/**
 * Keys: which container or process a directory holds. A path may be another one's by now, so whoever holds a path compares
 * keys before it acts (docs/protocol.md, "Keys"). A key is a random string in state.json or process.json. A file without
 * one was written by another program (containerd, or an older release): its inode and date take the key's place.
 */
import { randomUUID } from 'node:crypto';
import { type BigIntStats, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from '../base/errors.js';
import { parseJsonObject } from '../disk/json.js';
import { readIfThere } from '../disk/files.js';

const MAX_BYTES = 16 * 1024 * 1024;

export function newKey(): string {
  return randomUUID();
}

/** The key in a parsed file; `path` is the file's. */
export function keyOf(value: Record<string, unknown>, path: string): string {
  return typeof value.key === 'string' && value.key !== '' ? value.key : signatureOf(path);
}

/** Which container or process a directory is meant to hold. */
export class DirectoryKey {
  readonly #file: string;
  /** The directory's device and inode, when it was last known to hold what is meant. */
  #directory: string | undefined;
  /** The file's signature then. */
  #signature = '';

  /**
   * @param file state.json or process.json.
   * @param key '' if that could not be read when it was asked for: then the directory itself is compared.
   */
  constructor(
    file: string,
    readonly key: string,
  ) {
    this.#file = file;
    if (key === '') this.#directory = inodeOf(dirname(file));
  }

  /**
   * Whether the directory still holds it. What was read from the directory before this look was its own.
   * @throws a system error if that can't be read for now (EMFILE …).
   */
  isCurrent(): boolean {
    const key = readKey(this.#file);
    if (key !== undefined && key !== this.key) return false;
    const directory = inodeOf(dirname(this.#file));
    // A file that somebody damaged or removed does not make its directory another one.
    if (key === undefined) return directory !== undefined && directory === this.#directory;
    this.#directory = directory;
    this.#signature = signatureOf(this.#file);
    return true;
  }

  /**
   * As isCurrent(), by the file's inode and date: far cheaper, and right unless the file was replaced within one tick of
   * the kernel's clock by one that got the same inode. For lists; who acts asks isCurrent().
   */
  looksCurrent(): boolean {
    const signature = signatureOf(this.#file);
    return (signature !== '' && signature === this.#signature) || this.isCurrent();
  }
}

/** The key in a file; undefined if there is no such file, or it is no JSON object. What else it holds does not matter. */
export function readKey(path: string): string | undefined {
  try {
    const text = readIfThere(path, MAX_BYTES);
    return text === undefined ? undefined : keyOf(parseJsonObject(text, path), path);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ERR_INVALID_STATE', 'ELOOP', 'ENXIO')) return undefined;
    throw error;
  }
}

/** Its device and inode; undefined if there is no such file. */
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
