/**
 * Keys tell which container or process a directory holds: a path may hold another one than before. A key is a random
 * string in state.json or process.json. A file without one was written by another program (containerd, or an older
 * release): its device, inode and modification time take the place of the key. Behaviour: docs/protocol.md, "Keys".
 */
import { hasCode } from '../base/errors.js';
import { parseJsonObject } from '../disk/json.js';
import { type HeldFile, readText } from '../disk/files.js';
import { lookIfThere } from '../posix/looks.js';

const MAX_BYTES = 16 * 1024 * 1024;

export function newKey(): string {
  return crypto.randomUUID();
}

/** The key in the parsed content of the file `path`; without one, the file's signature. */
export function keyOf(value: Record<string, unknown>, path: string): string {
  return typeof value.key === 'string' && value.key !== '' ? value.key : signatureOf(path);
}

/** A directory, and the container or process that it is meant to hold. There may be thousands of these objects. */
export abstract class KeyedDirectory {
  readonly path: string;
  /** The key of what is meant; '' if its file could not be read; undefined if anything is meant that is there. */
  readonly key: string | undefined;
  /** The directory's device and inode when it was last known to hold what is meant. */
  #directory: string | undefined;
  /** The file's signature at that time. */
  #signature = '';
  /** The file from which the key was read, while it is open. */
  #held: HeldFile | undefined;

  /** @param key if it is '', the directory's device and inode are compared, as they are now. */
  constructor(path: string, key?: string) {
    this.path = path;
    this.key = key;
    if (key === '') this.#directory = inodeOf(path);
  }

  /** The path of state.json or process.json. */
  protected abstract get keyFile(): string;

  /**
   * Whether the directory still holds what is meant. Call this after a read or open: if it returns true, what was read or opened
   * belongs to the container or process that is meant.
   * @throws a system error if the file can't be read for now (EMFILE …).
   */
  isCurrent(): boolean {
    if (this.key === undefined || this.#holdsFile()) return true;
    const file = this.keyFile;
    const key = readExpectedKey(file, this.key);
    if (key !== undefined && key !== this.key) return false;
    const directory = inodeOf(this.path);
    // A missing or damaged file does not mean that the directory holds another one: compare the directory itself.
    if (key === undefined) return directory !== undefined && directory === this.#directory;
    this.#directory = directory;
    this.#signature = signatureOf(file);
    return true;
  }

  /**
   * Notes that the directory holds what is meant: as isCurrent(), but does not read the file. For its maker, who knows.
   * @param made the directory as it is now, if it has another name yet.
   */
  noteMade(made: KeyedDirectory = this): void {
    this.#directory = inodeOf(made.path);
    this.#signature = signatureOf(made.keyFile);
  }

  /** Whether the directory holds another one. False if the directory is gone, or its file is missing or damaged. */
  isAnothers(): boolean {
    if (this.key === undefined) return false;
    const key = readExpectedKey(this.keyFile, this.key);
    return key !== undefined && key !== this.key;
  }

  /**
   * As isCurrent(), but compares only the file's device, inode and modification time, which costs far less. Use it for
   * lists, and isCurrent() before a change: it is wrong if the file was replaced by one with the same inode within one
   * tick of the kernel's clock.
   */
  looksCurrent(): boolean {
    if (this.key === undefined) return true;
    const signature = signatureOf(this.keyFile);
    return (signature !== '' && signature === this.#signature) || this.isCurrent();
  }

  /**
   * To be called once, with the file from which the key was read. Until the returned function is called, which closes the
   * file, isCurrent() need not read it: it is enough that it has its name.
   * @param directory what the directory is, looked at after the file was opened.
   */
  hold(file: HeldFile, directory = lookIfThere(this.path)): () => void {
    const release = (): void => {
      this.#held = undefined;
      file.close();
    };
    // Without a key of its own, what was named instead may be of a file that has replaced it since.
    if (this.key !== undefined && !isSignature(this.key)) {
      this.#held = file;
      this.#directory = directory?.identity;
      this.#signature = file.identity;
    }
    return release;
  }

  #holdsFile(): boolean {
    const look = this.#held && lookIfThere(this.keyFile);
    return look !== undefined && this.#held?.is(look) === true;
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

/** The device and inode of a directory; undefined if there is none. */
export function inodeOf(path: string): string | undefined {
  return lookIfThere(path)?.identity;
}

function signatureOf(path: string): string {
  return lookIfThere(path)?.identity ?? '';
}
