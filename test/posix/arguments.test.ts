// Arguments that are refused before any system call, with Node's own codes and messages; and properties over many values.
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { constants, lstatSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { invalidArgType, invalidArgValue, outOfRange } from '../../src/base/arg-errors.js';
import * as posix from '../../src/posix/index.js';
import { systemError } from '../../src/posix/errors.js';
import { signalName, signalNumber } from '../../src/posix/signals.js';
import { pathCandidates } from '../../src/posix/spawn-request.js';
import { openDescriptors, temporaryDirectory } from './helpers.js';

/** What a call throws, with Node's class, code and message. */
function thrownBy(call: () => unknown): { name: string; code: unknown; message: string; stack: string } {
  try {
    call();
  } catch (error) {
    const { name, code, message, stack = '' } = error as Error & { code: unknown };
    return { name, code, message, stack };
  }
  throw new Error('nothing was thrown');
}

const anything = posix as unknown as Record<string, (...args: unknown[]) => unknown>;
const call = (name: string, ...args: unknown[]): unknown => anything[name]?.(...args);

describe('bad arguments', () => {
  const noPaths = [undefined, null, 5, 1.5, true, {}, [], Symbol('s'), () => 0, 5n, new Date(0), Object.create(null)];

  it.each(noPaths.map((value) => [value]))('a path is refused as Node refuses it: %s', (value) => {
    const mine = thrownBy(() => call('mkfifo', value, 0o600));
    const nodes = thrownBy(() => lstatSync(value as string));
    expect({ ...mine, stack: '' }).toEqual({ ...nodes, stack: '' });
    expect(mine.stack).toMatch(/^TypeError \[ERR_INVALID_ARG_TYPE\]: The "path" argument must be/);
  });

  it('a path with NUL is refused as Node refuses it: string, Buffer, URL', () => {
    for (const path of ['a\0b', Buffer.from('a\0b'), new URL('file:///a%00b')]) {
      const { code, name } = thrownBy(() => call('open', path, 0));
      expect([name, code]).toEqual(['TypeError', 'ERR_INVALID_ARG_VALUE']);
    }
    expect(thrownBy(() => call('open', 'a\0b', 0)).message).toBe(thrownBy(() => lstatSync('a\0b')).message);
  });

  it('a lone surrogate is refused, in paths, arguments and variables: it has no UTF-8 bytes', async () => {
    const refused = { code: 'ERR_INVALID_ARG_VALUE' };
    expect(thrownBy(() => call('mkfifo', '/a\ud800', 0o600))).toMatchObject(refused);
    await expect(call('spawn', '/a\udc00')).rejects.toMatchObject(refused);
    await expect(call('spawn', '/bin/true', ['\ud800x'])).rejects.toMatchObject(refused);
    await expect(call('spawn', '/bin/true', [], { argv0: '\ud800' })).rejects.toMatchObject(refused);
    await expect(call('spawn', '/bin/true', [], { env: { A: '\ud800' } })).rejects.toMatchObject(refused);
    await expect(call('spawn', '/bin/true', [], { env: { 'A\ud800': '' } })).rejects.toMatchObject(refused);
  });

  it('a URL that is no file is refused as Node refuses it', () => {
    for (const url of ['http://host/x', 'file:///a%2fb', 'file://host/x']) {
      const mine = thrownBy(() => call('mkfifo', new URL(url), 0o600));
      const nodes = thrownBy(() => lstatSync(new URL(url)));
      expect({ ...mine, stack: '' }).toEqual({ ...nodes, stack: '' });
    }
  });

  it.each([
    ['mkfifo', ['/x', '600'], 'ERR_INVALID_ARG_TYPE'],
    ['mkfifo', ['/x', 0o10000], 'ERR_OUT_OF_RANGE'],
    ['mkfifo', ['/x', -1], 'ERR_OUT_OF_RANGE'],
    ['mkfifo', ['/x', 1.5], 'ERR_OUT_OF_RANGE'],
    ['mkfifo', ['/x'], 'ERR_INVALID_ARG_TYPE'],
    ['open', ['/x', 'r'], 'ERR_INVALID_ARG_TYPE'],
    ['open', ['/x', 2 ** 31], 'ERR_OUT_OF_RANGE'],
    ['open', ['/x', 0, NaN], 'ERR_OUT_OF_RANGE'],
    ['close', [-1], 'ERR_OUT_OF_RANGE'],
    ['close', [2 ** 31], 'ERR_OUT_OF_RANGE'],
    ['close', ['1'], 'ERR_INVALID_ARG_TYPE'],
    ['read', [0, 'buffer'], 'ERR_INVALID_ARG_TYPE'],
    ['read', [0, new Float64Array(1)], 'ERR_INVALID_ARG_TYPE'],
    ['readv', [0, Buffer.alloc(1)], 'ERR_INVALID_ARG_TYPE'],
    ['readv', [0, [Buffer.alloc(1), 'x']], 'ERR_INVALID_ARG_TYPE'],
    ['readv', [0, Array.from({ length: 65 }, () => Buffer.alloc(1))], 'ERR_OUT_OF_RANGE'],
    ['tryRead', [0, 'buffer'], 'ERR_INVALID_ARG_TYPE'],
    ['write', [Infinity, Buffer.alloc(1)], 'ERR_OUT_OF_RANGE'],
    ['setPipeSize', [0, -1], 'ERR_OUT_OF_RANGE'],
    ['getPipeSize', [null], 'ERR_INVALID_ARG_TYPE'],
    ['bytesReadable', [{}], 'ERR_INVALID_ARG_TYPE'],
    ['kill', ['1', 0], 'ERR_INVALID_ARG_TYPE'],
    ['kill', [2 ** 31, 0], 'ERR_OUT_OF_RANGE'],
    ['kill', [2 ** 32 + 1, 0], 'ERR_OUT_OF_RANGE'],
    ['kill', [1.5, 0], 'ERR_OUT_OF_RANGE'],
    ['kill', [NaN, 0], 'ERR_OUT_OF_RANGE'],
    ['kill', [1, 'SIGNONE'], 'ERR_INVALID_ARG_VALUE'],
    ['kill', [1, 'sigterm'], 'ERR_INVALID_ARG_VALUE'],
    ['kill', [1, 'toString'], 'ERR_INVALID_ARG_VALUE'],
    ['kill', [1, 'SIGRTMIN+31'], 'ERR_INVALID_ARG_VALUE'],
    ['kill', [1, 'SIGRTMIN-1'], 'ERR_INVALID_ARG_VALUE'],
    ['kill', [1], 'ERR_INVALID_ARG_TYPE'],
    ['kill', [1, 0.5], 'ERR_OUT_OF_RANGE'],
    ['setpgid', [0, '0'], 'ERR_INVALID_ARG_TYPE'],
    ['getpgid', [undefined], 'ERR_INVALID_ARG_TYPE'],
    ['getsid', [2 ** 40], 'ERR_OUT_OF_RANGE'],
    ['setChildSubreaper', [1], 'ERR_INVALID_ARG_TYPE'],
    ['pidfdOpen', ['self'], 'ERR_INVALID_ARG_TYPE'],
    ['pidfdSendSignal', [-1, 0], 'ERR_OUT_OF_RANGE'],
    ['pidfdSendSignal', [0, 0, true], 'ERR_INVALID_ARG_TYPE'],
    ['pidfdSendSignal', [0, 0, { processGroup: 1 }], 'ERR_INVALID_ARG_TYPE'],
    ['pidfdHasEnded', [-1], 'ERR_OUT_OF_RANGE'],
    ['waitPidfd', [-1], 'ERR_OUT_OF_RANGE'],
    ['watchReadable', [0, undefined], 'ERR_INVALID_ARG_TYPE'],
    ['watchWritable', [-5, () => 0], 'ERR_OUT_OF_RANGE'],
  ])('%s(%j) throws %s', (name, args, code) => {
    expect(thrownBy(() => call(name, ...args)).code).toBe(code);
  });

  it.each([
    [[5], 'ERR_INVALID_ARG_TYPE'],
    [['a\0b'], 'ERR_INVALID_ARG_VALUE'],
    [['true', 'a'], 'ERR_INVALID_ARG_TYPE'],
    [['true', [5]], 'ERR_INVALID_ARG_TYPE'],
    [['true', ['a\0b']], 'ERR_INVALID_ARG_VALUE'],
    [['true', [], null], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { argv0: 5 }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { cwd: 5 }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { env: 'A=1' }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { env: { A: 5 } }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { env: { 'A=B': '5' } }], 'ERR_INVALID_ARG_VALUE'],
    [['true', [], { env: { '': '5' } }], 'ERR_INVALID_ARG_VALUE'],
    [['true', [], { env: { A: 'a\0b' } }], 'ERR_INVALID_ARG_VALUE'],
    [['true', [], { stdio: 'inherit' }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { stdio: ['pipe'] }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { stdio: [-1] }], 'ERR_OUT_OF_RANGE'],
    [['true', [], { stdio: Array.from({ length: 1025 }, () => null) }], 'ERR_OUT_OF_RANGE'],
    [['true', [], { setpgid: -1 }], 'ERR_OUT_OF_RANGE'],
    [['true', [], { setpgid: 'yes' }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { setsid: 1 }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { setsid: true, setpgid: true }], 'ERR_INVALID_ARG_VALUE'],
    [['true', [], { detach: 1 }], 'ERR_INVALID_ARG_TYPE'],
    [['true', [], { detach: null }], 'ERR_INVALID_ARG_TYPE'],
  ])('spawn(…%j) rejects with %s', async (args, code) => {
    await expect(call('spawn', ...args)).rejects.toMatchObject({ code });
  });

  it('are worded as Node words them', () => {
    expect(invalidArgType('options.cwd', 'of type string', 5).message).toBe(
      'The "options.cwd" property must be of type string. Received type number (5)',
    );
    expect(outOfRange('fd', '>= 0 && <= 2147483647', 2 ** 33).message).toBe(
      thrownBy(() => readSync(2 ** 33, Buffer.alloc(1))).message,
    );
    expect(outOfRange('fd', '>= 0 && <= 2147483647', -1).message).toBe(
      thrownBy(() => readSync(-1, Buffer.alloc(1))).message,
    );
    const error = invalidArgValue('signal', 'x'.repeat(200));
    expect(error.message).toBe(`The argument 'signal' is invalid. Received '${'x'.repeat(127)}...`);
    expect(Object.keys(error)).toEqual(['code']);
  });
});

describe('system errors', () => {
  it('have the members and the message of Node’s own', () => {
    const nodes = thrownBy(() => openSync('/nonexistent', 'r'));
    const mine = thrownBy(() => posix.open('/nonexistent', constants.O_RDONLY));
    expect({ ...mine, stack: '' }).toEqual({ ...nodes, stack: '' });
    let keys: string[] = [];
    try {
      posix.open('/nonexistent', constants.O_RDONLY);
    } catch (error) {
      keys = Object.keys(error as Error);
    }
    expect(keys.sort()).toEqual(['code', 'errno', 'path', 'syscall']);
  });

  it('name the Linux errors that Node does not know, and give other ones by number', () => {
    expect(systemError(-8, 'spawn').message).toBe('ENOEXEC: exec format error, spawn');
    expect(systemError(-10, 'waitid').code).toBe('ECHILD');
    expect(systemError(-9999, 'x')).toMatchObject({ code: 'Unknown system error -9999', errno: -9999 });
  });
});

describe('for any value', () => {
  it('a FIFO is made under every name that Linux allows, for each type of path', () => {
    const directory = temporaryDirectory();
    const byte = fc.integer({ min: 1, max: 255 }).filter((value) => value !== 0x2f);
    const name = fc.uint8Array({ minLength: 1, maxLength: 255 }).chain((template) => {
      return fc.array(byte, { minLength: template.length, maxLength: template.length });
    });
    fc.assert(
      fc.property(
        name.map((bytes) => Buffer.from(bytes)).filter((bytes) => !['.', '..'].includes(bytes.toString('latin1'))),
        fc.boolean(),
        (bytes, asUrl) => {
          const escaped = [...bytes].map((value) => `%${value.toString(16).padStart(2, '0')}`).join('');
          // A URL parser treats %2e as a dot and removes dot segments.
          const path = asUrl
            ? new URL(`${pathToFileURL(directory).href}/n${escaped}`)
            : Buffer.concat([Buffer.from(`${directory}/n`), bytes]);
          if (bytes.length > 254) return;
          posix.mkfifo(path, 0o600);
          const [made] = readdirSync(directory, 'buffer');
          rmSync(Buffer.concat([Buffer.from(`${directory}/`), made ?? Buffer.alloc(0)]));
          expect(made).toEqual(Buffer.concat([Buffer.from('n'), bytes]));
        },
      ),
    );
  });

  it('every call throws an error with a code for invalid values, and opens nothing', () => {
    const before = openDescriptors();
    const names = Object.keys(posix).filter(
      (name) => !['spawn', 'nativeExecutable', 'setChildSubreaper', 'kill', 'setpgid'].includes(name),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.array(fc.anything(), { maxLength: 3 }), (name, args) => {
        // No integer that could be a pid or a descriptor of this process.
        const harmless = args.map((value) => (Number.isInteger(value) ? (value as number) + 0.5 : value));
        if (name === 'getChildSubreaper') return;
        expect(thrownBy(() => call(name, ...harmless)).code).toMatch(/^E[A-Z_]+$/);
      }),
    );
    expect(openDescriptors()).toEqual(before);
  });

  it('spawn rejects invalid values with an error that has a code', async () => {
    const before = openDescriptors();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.anything(), { minLength: 2, maxLength: 2 }), async ([args, options]) => {
        await expect(call('spawn', '/nonexistent/program', args, options)).rejects.toHaveProperty('code');
      }),
    );
    expect(openDescriptors()).toEqual(before);
  });

  it('arguments and environment arrive at the program byte for byte', async () => {
    const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => array.map((value) => (value === 0 ? 1 : value)));
    const path = join(temporaryDirectory(), 'output');
    const fd = openSync(path, 'w+');
    onTestFinished(() => {
      posix.close(fd);
    });
    const script = 'exec 1<>"$0"; cat /proc/$$/cmdline; cat /proc/self/environ';
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 8 }), bytes, async (args, value) => {
        rmSync(path, { force: true });
        const child = await posix.spawn('/bin/sh', ['-c', script, path, ...args], {
          env: { A: value },
          stdio: [null, fd],
        });
        expect((await child.exited).code).toBe(0);
        const strings = ['/bin/sh', '-c', script, path, ...args].map((arg) => Buffer.from(arg));
        const output = readFileSync(path);
        const expected = Buffer.concat(strings.flatMap((string) => [string, Buffer.of(0)]));
        expect(output.subarray(0, expected.length)).toEqual(expected);
        expect(output.includes(Buffer.concat([Buffer.from('A='), value, Buffer.of(0)]), expected.length)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('the candidates of PATH are its elements in order, each with the name', () => {
    const element = fc.string({ maxLength: 20 }).filter((value) => !/[:\0]/.test(value));
    fc.assert(
      fc.property(fc.array(element, { minLength: 1 }), (elements) => {
        const expected = elements.map((directory) => (directory === '' ? 'prog' : `${directory}/prog`));
        expect(pathCandidates('prog', elements.join(':'))).toEqual(expected);
        expect(pathCandidates(Buffer.from('prog'), elements.join(':')).map(String)).toEqual(expected);
      }),
    );
    expect(pathCandidates('a/b', '/x')).toEqual(['a/b']);
    expect(pathCandidates(Buffer.from('a/b'), '/x')).toEqual([Buffer.from('a/b')]);
    expect(pathCandidates('p', `/a:${'x'.repeat(4096)}:/b`)).toEqual(['/a/p', '/b/p']);
    // The limit is in bytes.
    expect(pathCandidates('p', `/a:${'é'.repeat(2048)}:/b`)).toEqual(['/a/p', '/b/p']);
  });

  it('a signal’s name and number belong together', () => {
    for (let number = 1; number <= 64; number++) {
      if (number === 32 || number === 33) continue; // the C library's own; they have no name
      expect(signalNumber(signalName(number))).toBe(number);
    }
    expect([signalName(6), signalName(29), signalName(34), signalName(64)]).toEqual([
      'SIGABRT',
      'SIGIO',
      'SIGRTMIN',
      'SIGRTMIN+30',
    ]);
    expect(signalNumber('SIGRTMAX-1')).toBe(63);
  });
});
