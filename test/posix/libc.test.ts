/** The C library of a program is read from its ELF file. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { libcOf } from '../../src/posix/libc.js';
import * as posix from '../../src/posix/index.js';
import { temporaryDirectory } from './helpers.js';

/** An ELF file with one program header. */
function elf(type: number, loader: string, change: (view: DataView) => void = () => undefined): string {
  const view = new DataView(new ArrayBuffer(256));
  view.setUint32(0, 0x7f454c46);
  view.setUint8(4, 2);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, type, true);
  view.setBigUint64(64 + 8, 128n, true);
  view.setBigUint64(64 + 32, BigInt(loader.length), true);
  new Uint8Array(view.buffer).set(Buffer.from(loader), 128);
  change(view);
  const path = join(temporaryDirectory(), 'program');
  writeFileSync(path, new Uint8Array(view.buffer));
  return path;
}

const MUSL = '/lib/ld-musl-x86_64.so.1\0';

describe('libcOf', () => {
  it('is that of the dynamic loader', () => {
    expect(libcOf(elf(3, MUSL))).toBe('musl');
    expect(libcOf(elf(3, '/lib/ld-musl-aarch64.so.1\0'))).toBe('musl');
    expect(libcOf(elf(3, '/lib/ld-linux-aarch64.so.1\0'))).toBe('glibc');
  });

  it('is right for this Node.js: as its own report says', () => {
    const print =
      'process.report.excludeNetwork = true; console.log(process.report.getReport().header.glibcVersionRuntime)';
    const { stdout } = spawnSync(process.execPath, ['-e', print], { encoding: 'utf8' });
    expect(libcOf('/proc/self/exe')).toBe(stdout.startsWith('2.') ? 'glibc' : 'musl');
  });

  it('is unknown for another loader, none, and a file that can’t be read or is cut off', () => {
    expect(libcOf(elf(3, '/nix/store/loader\0'))).toBeUndefined();
    expect(libcOf(elf(1, MUSL))).toBeUndefined();
    expect(libcOf(posix.nativeExecutable('outlive-shim'))).toBeUndefined();
    expect(libcOf('/no/such/program')).toBeUndefined();
    expect(libcOf('/')).toBeUndefined();
    expect(libcOf('/etc/passwd')).toBeUndefined();
    const far = [
      (view: DataView) => view.setBigUint64(32, 2n ** 63n, true),
      (view: DataView) => view.setBigUint64(72, 250n, true),
    ];
    for (const change of far) expect(libcOf(elf(3, MUSL, change))).toBeUndefined();
    expect(libcOf(elf(3, MUSL, (view) => view.setUint16(56, 0xffff, true)))).toBe('musl');
  });
});
