// What shim and host runtime share below the JSON reader: text.h, files.h and proc.h, through outlive-common-tool.
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { crc32c } from '../support/log-files.js';
import { common, commonToolPath } from './tools.js';

const { EEXIST, EFBIG, EINVAL, EISDIR, ENAMETOOLONG, ENOENT, EPROTO, ESRCH } = constants.errno;
const ENOTDIR = constants.errno.ENOTDIR;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'outlive-common-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('parse_int', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['7', '7'],
    ['-12', '-12'],
    ['007', '7'],
    ['9223372036854775807', '9223372036854775807'],
    ['-9223372036854775808', '-9223372036854775808'],
  ])('reads %j', (text, expected) => {
    expect(common('parse-int', text)).toBe(`0 ${expected}`);
  });

  test.each([
    ...['', '-', '+1', '--1', ' 1', '1 ', '1\n', '1a', 'a', '0x10', '1.0', '1e1', '1,0', '٣'],
    ...['9223372036854775808', '-9223372036854775809', '18446744073709551616', '99999999999999999999999999'],
  ])('refuses %j', (text) => {
    expect(common('parse-int', text)).toBe(String(-EINVAL));
  });
});

describe('TextBuilder', () => {
  test.each([
    ['4', ['abc'], '0 abc'],
    ['4', ['ab', 'c'], '0 abc'],
    ['4', ['abcd'], '1 abc'],
    ['4', ['ab', 'cd'], '1 abc'],
    ['4', ['abc', ''], '0 abc'],
    ['4', ['abc', 'd', 'e'], '1 abc'],
    ['1', [''], '0 '],
    ['1', ['a'], '1 '],
  ])('of %s bytes given %j', (capacity, pieces, expected) => {
    expect(common('text', capacity, ...pieces)).toBe(expected);
  });

  test.each([
    ['0', '0'],
    ['7', '7'],
    ['8', '10'],
    ['420', '644'],
    ['4294967295', '37777777777'],
  ])('writes %s in octal as %s', (value, expected) => {
    expect(common('octal', value)).toBe(`0 ${expected}`);
  });
});

describe('crc32c', () => {
  test.each([
    ['', 0],
    // The check value of the CRC catalogue.
    ['123456789', 0xe3069283],
    ['a', 0xc1d04330],
    ['The quick brown fox jumps over the lazy dog', 0x22620404],
    ['é', crc32c(Buffer.from('é'))],
  ])('of %j', (text, expected) => {
    expect(common('crc32c', text)).toBe(String(expected));
  });
});

describe('parse_proc_stat', () => {
  // proc(5): pid (comm) state ppid pgrp session tty_nr tpgid … starttime (22) …
  const after =
    'S 11 22 33 34816 44 4194560 5 6 7 8 9 10 11 12 20 0 1 0 987654321 2334720 222 18446744073709551615 1 1 0';

  test.each([
    ['a plain name', 'sh'],
    ['a space', 'tmux: server'],
    ['only spaces', '   '],
    ['an empty name', ''],
    ['parentheses', '(sd-pam)'],
    ['a closing parenthesis and a state', 'x) Z 1 1 1'],
    ['a name that looks like the whole rest', `x) ${after.slice(0, 9)}`],
    ['newlines', 'a\nb)\nc'],
    ['UTF-8', 'dæmon'],
  ])('a name with %s', (_, name) => {
    expect(common('parse-proc-stat', `4711 (${name}) ${after}\n`)).toBe('0 S 11 22 33 987654321');
  });

  test('field 22 is enough, and it may be the last', () => {
    const words = after.split(' ');
    expect(common('parse-proc-stat', `1 (x) ${words.slice(0, 20).join(' ')}`)).toBe('0 S 11 22 33 987654321');
    expect(common('parse-proc-stat', `1 (x) ${words.slice(0, 19).join(' ')}`)).toBe(String(-EPROTO));
  });

  test.each(['', '1', '1 (x', '1 (x)', '1 (x) ', '1 (x) S', '1 (x) S 1 2', `1 (x) ${after.replace('22', 'x')}`])(
    'refuses %j',
    (text) => {
      expect(common('parse-proc-stat', text)).toBe(String(-EPROTO));
    },
  );

  test('gives the fields of a live process', () => {
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const answer = common('read-proc-stat', String(process.pid)).split(' ');
    expect([answer[0], ...answer.slice(2)]).toEqual(['0', fields[1], fields[2], fields[3], fields[19]]);
    expect(answer[1]).toMatch(/^[RSD]$/);
  });

  test('fails with ESRCH for a pid without a process', () => {
    // Above the largest pid_max (proc(5)): 2^22.
    expect(common('read-proc-stat', '4194305')).toBe(String(-ESRCH));
  });

  test('the boot id is the kernel’s', () => {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    expect(common('boot-id', '-')).toBe(`0 ${id}`);
  });
});

describe('read_file', () => {
  const write = (bytes: string | Uint8Array) => {
    const path = join(dir, 'file');
    writeFileSync(path, bytes);
    return path;
  };

  test.each([0, 1, 4094, 4095, 4096, 4097, 8000])('reads a file of %d bytes whole', (size) => {
    const bytes = 'x'.repeat(size);
    expect(common('read-file', write(bytes), '65536')).toBe(`0 ${bytes}`);
  });

  test('max_size is the last size that is read', () => {
    const path = write('12345');
    expect(common('read-file', path, '5')).toBe('0 12345');
    expect(common('read-file', path, '4')).toBe(String(-EFBIG));
    expect(common('read-file', path, '0')).toBe(String(-EFBIG));
  });

  test('refuses a sparse file of a TiB without allocating memory for it', () => {
    const path = write('');
    truncateSync(path, 2 ** 40);
    expect(common('read-file', path, '65536')).toBe(String(-EFBIG));
  });

  test('reads a procfs file, whose size is given as 0, whole and up to the limit', () => {
    const status = '/proc/sys/kernel/random/boot_id';
    expect(common('read-file', status, '64')).toMatch(/^0 [\da-f-]{36}\n$/);
    expect(common('read-file', status, '36')).toBe(String(-EFBIG));
  });

  test('refuses a FIFO at once, without a writer', () => {
    const path = join(dir, 'fifo');
    execFileSync('mkfifo', [path]);
    expect(common('read-file', path, '64')).toBe(String(-EINVAL));
  });

  test('a directory and a device are refused', () => {
    expect(common('read-file', dir, '64')).toBe(String(-EINVAL));
    expect(common('read-file', '/dev/null', '64')).toBe(String(-EINVAL));
  });

  test('a missing file and a file as a directory keep the kernel’s errno', () => {
    expect(common('read-file', join(dir, 'none'), '64')).toBe(String(-ENOENT));
    expect(common('read-file', join(write('x'), 'y'), '64')).toBe(String(-ENOTDIR));
  });
});

describe('write_file_atomic', () => {
  const path = () => join(dir, 'exitStatus');
  const write = (bytes: string, mode = 0o600, ...more: string[]) =>
    common('write-file', dir, 'exitStatus', bytes, String(mode), ...more);

  test.each([0o600, 0o644, 0o666, 0o400])('mode %d is exact, whatever the umask (0777 here)', (mode) => {
    expect(write('137', mode)).toBe('0');
    expect(readFileSync(path(), 'utf8')).toBe('137');
    expect(statSync(path()).mode & 0o7777).toBe(mode);
    expect(readdirSync(dir)).toEqual(['exitStatus']);
  });

  test('an old file is replaced, not written into: a reader that has it open keeps the old bytes', () => {
    writeFileSync(path(), 'old');
    chmodSync(path(), 0o644);
    linkSync(path(), join(dir, 'reader'));
    expect(write('new')).toBe('0');
    expect(readFileSync(path(), 'utf8')).toBe('new');
    expect(statSync(path()).mode & 0o7777).toBe(0o600);
    expect(readFileSync(join(dir, 'reader'), 'utf8')).toBe('old');
  });

  test('a link planted under the name is replaced, its target untouched', () => {
    writeFileSync(join(dir, 'target'), 'mine');
    symlinkSync('target', path());
    expect(write('0')).toBe('0');
    expect(lstatSync(path()).isFile()).toBe(true);
    expect(readFileSync(join(dir, 'target'), 'utf8')).toBe('mine');
  });

  test('a write that fails half way leaves the old file and no temporary one', () => {
    writeFileSync(path(), 'old');
    expect(write('x'.repeat(4000), 0o600, '1000')).toBe(String(-EFBIG));
    expect(readFileSync(path(), 'utf8')).toBe('old');
    expect(readdirSync(dir)).toEqual(['exitStatus']);
  });

  test('a rename that fails leaves no temporary file', () => {
    mkdirSync(path());
    expect([-EISDIR, -EEXIST]).toContain(Number(write('0')));
    expect(readdirSync(dir)).toEqual(['exitStatus']);
  });

  test('refuses a name that is too long', () => {
    expect(common('write-file', dir, 'n'.repeat(200), 'x', '384')).toBe('0');
    expect(common('write-file', dir, 'n'.repeat(255), 'x', '384')).toBe(String(-ENAMETOOLONG));
    expect(readdirSync(dir)).toEqual(['n'.repeat(200)]);
  });

  test('works although a dead process with the same pid left a temporary file', () => {
    // exec keeps the shell's pid.
    const script = 'printf stale >".exitStatus.$$.tmp"; exec "$0" write-file . exitStatus 7 384';
    expect(execFileSync('/bin/sh', ['-c', script, commonToolPath], { cwd: dir, encoding: 'utf8' })).toBe('0');
    expect(readFileSync(path(), 'utf8')).toBe('7');
    expect(readdirSync(dir)).toEqual(['exitStatus']);
  });
});
