/**
 * Says which C library a program runs on, from the name of the dynamic loader in its ELF file (PT_INTERP). Node's
 * process.report knows it too, but looks up the names of all open connections for it; /proc/self/maps has no bound.
 * Behaviour: elf(5).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';

const PT_INTERP = 3;
/** Linkers put the program headers and the loader's name at the beginning of the file. */
const HEAD_BYTES = 4096;

/** `'musl'` or `'glibc'`; undefined if the file can't be read, is no 64-bit ELF file, or names another loader or none. */
export function libcOf(program: string): 'glibc' | 'musl' | undefined {
  const loader = loaderOf(head(program));
  if (loader?.includes('ld-musl-') === true) return 'musl';
  if (loader?.includes('ld-linux') === true) return 'glibc';
  return undefined;
}

function head(program: string): DataView {
  const bytes = new Uint8Array(HEAD_BYTES);
  let length = 0;
  try {
    const fd = openSync(program, 'r');
    try {
      length = readSync(fd, bytes, 0, bytes.length, 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Unknown then: the load decides.
  }
  return new DataView(bytes.buffer, 0, length);
}

function loaderOf(elf: DataView): string | undefined {
  const littleEndian = endianness() === 'LE';
  const ELF_MAGIC = 0x7f454c46;
  const CLASS_64 = 2;
  if (elf.byteLength < 64 || elf.getUint32(0) !== ELF_MAGIC || elf.getUint8(4) !== CLASS_64) return undefined;
  const tableOffset = Number(elf.getBigUint64(32, littleEndian));
  const entryBytes = elf.getUint16(54, littleEndian);
  const entries = elf.getUint16(56, littleEndian);
  for (let i = 0; i < entries; i++) {
    const entry = tableOffset + i * entryBytes;
    if (entry + 56 > elf.byteLength) return undefined;
    if (elf.getUint32(entry, littleEndian) !== PT_INTERP) continue;
    const start = Number(elf.getBigUint64(entry + 8, littleEndian));
    const length = Number(elf.getBigUint64(entry + 32, littleEndian));
    if (start + length > elf.byteLength) return undefined;
    return Buffer.from(elf.buffer, start, length).toString('latin1');
  }
  return undefined;
}
