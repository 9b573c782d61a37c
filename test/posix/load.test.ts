// The addon is loaded from the one place where it is built; else the error says what to do.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { run, temporaryDirectory } from './helpers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The error of importing `posix` in a copy of the package without its native build. */
async function loadFailure(prepare: (packageRoot: string) => void): Promise<Record<string, string>> {
  const directory = temporaryDirectory();
  cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  prepare(directory);
  const script = `import('${directory}/dist/posix/index.js').catch(({ name, code, message, cause }) =>
    console.log(JSON.stringify({ name, code, message, cause: cause.message })))`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  return JSON.parse(stdout) as Record<string, string>;
}

describe('the addon', () => {
  it('that was not built is ERR_NATIVE_LOAD, with what to do and the first failure as its cause', async () => {
    const failure = await loadFailure(() => undefined);
    expect(failure).toMatchObject({ name: 'OutliveError', code: 'ERR_NATIVE_LOAD' });
    expect(failure.message).toContain('npm rebuild outlive');
    expect(failure.cause).toContain('build/Release/outlive.node');
  });

  it('that is broken is ERR_NATIVE_LOAD, with the linker’s reason', async () => {
    const failure = await loadFailure((directory) => {
      mkdirSync(join(directory, 'build', 'Release'), { recursive: true });
      writeFileSync(join(directory, 'build', 'Release', 'outlive.node'), 'no ELF file');
    });
    expect(failure.code).toBe('ERR_NATIVE_LOAD');
    expect(failure.cause).toMatch(/outlive\.node: (file too short|invalid ELF header)/);
  });

  it('is not taken from a stale Debug build', async () => {
    const failure = await loadFailure((directory) => {
      mkdirSync(join(directory, 'build', 'Debug'), { recursive: true });
      const built = join(dirname(posix.nativeExecutable('outlive-shim')), 'outlive.node');
      cpSync(built, join(directory, 'build', 'Debug', 'outlive.node'));
      cpSync(built, join(directory, 'build', 'outlive.node'));
    });
    expect(failure.code).toBe('ERR_NATIVE_LOAD');
  });

  it('has its native programs beside it', () => {
    expect(posix.nativeExecutable('outlive-shim')).toBe(join(root, 'build', 'Release', 'outlive-shim'));
    expect(posix.nativeExecutable('outlive-host')).toBe(join(root, 'build', 'Release', 'outlive-host'));
  });
});
