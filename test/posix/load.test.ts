/**
 * The addon and the programs are taken from one directory: that of the build, else that of the prebuilt files. If they
 * can't be used, the error says why and what to do. Nothing in the package is changed.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { isRoot, succeeds, wantRight } from '../support/strict.js';
import { run, temporaryDirectory } from './helpers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = dirname(posix.nativeExecutable('outlive-shim'));
const FILES = ['outlive.node', 'outlive-shim', 'outlive-host'];
const PREBUILDS = `prebuilds/linux-${process.arch}`;

/** A copy of the package, without native files. */
function packageCopy(): string {
  const directory = temporaryDirectory();
  cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true });
  copyFileSync(join(root, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return directory;
}

/** The same with native files. @param place where, below the root of the package */
function packageWith(place: string): string {
  const directory = packageCopy();
  mkdirSync(join(directory, place), { recursive: true });
  for (const name of FILES) copyFileSync(join(built, name), join(directory, place, name));
  return directory;
}

/** Imports `posix` and evaluates an expression with it, in another program. @returns the value, or the error */
async function evaluate(
  directory: string,
  expression: string,
  command: string[] = [process.execPath],
): Promise<Answer> {
  const script = `try { const posix = await import('${directory}/dist/posix/index.js'); answer({ value: ${expression} }); }
    catch ({ name, code, message, cause }) { answer({ name, code, message, cause: cause?.message }); }
    function answer(what) { console.log(JSON.stringify(what)); }`;
  const args = [...command.slice(1), '--input-type=module', '-e', script];
  const { stdout, stderr } = await run(command[0] ?? process.execPath, args);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Answer;
}

type Answer = Partial<Record<'value' | 'name' | 'code' | 'message' | 'cause', string>>;

const SHIM = "posix.nativeExecutable('outlive-shim')";
const CALL = 'posix.getpgid(0) > 0';

describe('the addon', () => {
  it('that was not built is ERR_NATIVE_LOAD, with the command that builds it', async () => {
    const directory = packageCopy();
    expect(await evaluate(directory, 'Object.keys(posix).length > 10')).toEqual({ value: true });
    for (const use of [SHIM, CALL]) {
      const failure = await evaluate(directory, use);
      expect(failure).toMatchObject({ name: 'OutliveError', code: 'ERR_NATIVE_LOAD' });
      expect(failure.message).toContain(`there is no ${directory}/build/Release/outlive.node`);
      expect(failure.message).toContain(`npm run build --prefix '${directory}'`);
    }
  });

  it('that is broken is ERR_NATIVE_LOAD, with the linker’s reason', async () => {
    const directory = packageWith('build/Release');
    writeFileSync(join(directory, 'build/Release/outlive.node'), 'no ELF file', { mode: 0o755 });
    const failure = await evaluate(directory, CALL);
    expect(failure.code).toBe('ERR_NATIVE_LOAD');
    expect(failure.cause).toMatch(/outlive\.node: (file too short|invalid ELF header)/);
  });

  it('is not taken from a stale Debug build', async () => {
    const directory = packageWith('build/Debug');
    copyFileSync(join(built, 'outlive.node'), join(directory, 'build/outlive.node'));
    expect((await evaluate(directory, CALL)).code).toBe('ERR_NATIVE_LOAD');
  });

  it('and its native programs are taken from the build, else from the prebuilt files', async () => {
    const directory = packageWith(PREBUILDS);
    expect(await evaluate(directory, SHIM)).toEqual({ value: join(directory, PREBUILDS, 'outlive-shim') });
    cpSync(join(directory, PREBUILDS), join(directory, 'build/Release'), { recursive: true });
    expect(await evaluate(directory, SHIM)).toEqual({ value: join(directory, 'build/Release/outlive-shim') });
  });

  it('that is prebuilt for glibc is not loaded by a Node.js on musl', async () => {
    const directory = packageWith(PREBUILDS);
    // A Node.js whose ELF file asks for a loader with musl's name; behind the name is the loader that it needs.
    const node = readFileSync(process.execPath);
    const glibc = process.arch === 'x64' ? '/lib64/ld-linux-x86-64.so.2\0' : '/lib/ld-linux-aarch64.so.1\0';
    const musl = join('/tmp', `ld-musl-${String(process.pid).padStart(7, '0')}.1`);
    expect(musl.length).toBeLessThan(glibc.length);
    symlinkSync(glibc.slice(0, -1), musl);
    onTestFinished(() => rmSync(musl));
    node.fill(0, node.indexOf(glibc), node.indexOf(glibc) + glibc.length);
    node.write(musl, readFileSync(process.execPath).indexOf(glibc));
    const program = join(temporaryDirectory(), 'node');
    writeFileSync(program, node, { mode: 0o755 });

    const failure = await evaluate(directory, CALL, [program]);
    expect(failure.code).toBe('ERR_NATIVE_LOAD');
    expect(failure.message).toContain('this Node.js runs on musl');
    expect(failure.message).toContain('npm run build');

    // What was built on the machine is for its libc.
    cpSync(join(directory, PREBUILDS), join(directory, 'build/Release'), { recursive: true });
    expect(await evaluate(directory, CALL, [program])).toEqual({ value: true });
  });

  it('on another system than Linux: the import works, and the first call is ERR_UNSUPPORTED_SYSTEM', async () => {
    const directory = packageCopy();
    const preload = join(directory, 'other-system.cjs');
    writeFileSync(preload, "Object.defineProperty(process, 'platform', { value: 'darwin' });");
    const node = [process.execPath, '--require', preload];
    expect(await evaluate(directory, 'Object.keys(posix).length > 10', node)).toEqual({ value: true });
    for (const call of [SHIM, "posix.mkfifo('/x', 0o600)", 'posix.getpgid(0)']) {
      const failure = await evaluate(directory, call, node);
      expect(failure).toMatchObject({ code: 'ERR_UNSUPPORTED_SYSTEM', message: 'outlive needs Linux; this is darwin' });
    }
    const load = `await import('${directory}/dist/index.js').then(({ Container }) => Container.load('/tmp', 'none'))`;
    const failure = await evaluate(directory, load, node);
    expect(failure.code).toBe('ERR_UNSUPPORTED_SYSTEM');
    expect(failure.message).toContain('needs Linux');
  });

  it.for(['esm', 'cjs'] as const)(
    'in a %s bundle: ERR_NATIVE_LOAD says that the package is external',
    async (format) => {
      const directory = temporaryDirectory();
      mkdirSync(join(directory, 'app'));
      const program = join(directory, 'program.js');
      writeFileSync(program, `import { posix } from '${root}/dist/index.js'; console.log(posix.getpgid(0));`);
      const bundle = await rolldown({ input: program, platform: 'node', logLevel: 'silent' });
      const file = join(directory, 'app', format === 'esm' ? 'bundle.mjs' : 'bundle.cjs');
      await bundle.write({ file, format });
      await bundle.close();
      const { code, stderr } = await run(process.execPath, [file]);
      expect(code).toBe(1);
      expect(stderr).toContain('ERR_NATIVE_LOAD');
      expect(stderr).toContain('tell your bundler that the package `outlive` is external');
    },
  );
});

describe('a native program', () => {
  it('that is missing, or has lost its permission to be executed, is ERR_NATIVE_LOAD; no mode is changed', async () => {
    const directory = packageWith(PREBUILDS);
    const shim = join(directory, PREBUILDS, 'outlive-shim');
    chmodSync(shim, 0o644);
    expect(await evaluate(directory, SHIM)).toMatchObject({
      code: 'ERR_NATIVE_LOAD',
      message: `${shim} has lost its permission to be executed: install the package by a package manager, which keeps file modes`,
    });
    expect(statSync(shim).mode & 0o777).toBe(0o644);
    rmSync(shim);
    expect(await evaluate(directory, SHIM)).toMatchObject({
      code: 'ERR_NATIVE_LOAD',
      message: `${shim} is missing: install the package again`,
    });
  });

  const mounts = isRoot && succeeds('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']);
  describe.runIf(wantRight('root, to mount file systems', mounts))('on a file system of its own', () => {
    const mounted = (directory: string, flag: string): string[] => {
      const script = `mount --bind "$1" "$1" && mount -o remount,bind,${flag} "$1" && shift && exec "$@"`;
      return ['unshare', '--mount', 'sh', '-c', script, 'sh', directory, process.execPath];
    };

    it('mounted with noexec: ERR_NATIVE_LOAD says so, for the addon as for a program', async () => {
      const directory = packageWith(PREBUILDS);
      const failure = await evaluate(directory, CALL, mounted(directory, 'noexec'));
      expect(failure.code).toBe('ERR_NATIVE_LOAD');
      expect(failure.message).toContain('not mounted with noexec');
      expect(failure.cause).toContain('failed to map segment');
    });

    it('mounted read-only is as good as any', async () => {
      const directory = packageWith(PREBUILDS);
      const command = mounted(directory, 'ro');
      expect(await evaluate(directory, SHIM, command)).toEqual({ value: join(directory, PREBUILDS, 'outlive-shim') });
      expect(await evaluate(directory, CALL, command)).toEqual({ value: true });
    });
  });

  it('is found beside the addon', () => {
    expect(posix.nativeExecutable('outlive-shim')).toBe(join(root, 'build', 'Release', 'outlive-shim'));
    expect(posix.nativeExecutable('outlive-host')).toBe(join(root, 'build', 'Release', 'outlive-host'));
  });
});
