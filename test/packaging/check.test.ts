/** A package with a fault is not fit to be published. */
import { copyFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { contents, nativeFiles } from '../../packaging/check.js';
import { posix } from '../../src/index.js';

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'outlive-packaging-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('an install script, a binding.gyp at the root, the manifest of the repository, too many bytes, a long line, a path', () => {
  const path = directory();
  for (const name of ['dist', 'docs', 'prebuilds', 'source']) mkdirSync(join(path, name));
  writeFileSync(join(path, 'dist/index.js'), 'x'.repeat(2001));
  writeFileSync(
    join(path, 'dist/index.js.map'),
    JSON.stringify({ sources: ['../src/index.ts', '../../home/me/src/run.ts'] }),
  );
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE', 'binding.gyp']) writeFileSync(join(path, name), '');
  const manifest = { private: true, scripts: { install: 'node-gyp rebuild', build: '' } };
  writeFileSync(join(path, 'package.json'), JSON.stringify(manifest));
  const tarball = join(directory(), 'outlive.tgz');
  writeFileSync(tarball, Buffer.alloc(2 * 1024 * 1024 + 1));
  expect([...contents(tarball, path)]).toEqual([
    expect.stringContaining('bytes, more than 2097152'),
    expect.stringContaining('binding.gyp'),
    'source has ',
    'it has scripts: install,build',
    'dist/index.js has a line of 2001 characters',
    'dist/index.js.map has a path of this machine: ../../home/me/src/run.ts',
    'package.json is that of the repository',
  ]);
});

test('native files for another processor, with symbols, without their modes, and with a loader', () => {
  const path = directory();
  const built = dirname(posix.nativeExecutable('outlive-shim'));
  for (const platform of ['linux-x64', 'linux-arm64']) {
    const place = join(path, 'prebuilds', platform);
    mkdirSync(place, { recursive: true });
    for (const name of ['outlive-host', 'outlive.node']) copyFileSync(join(built, name), join(place, name));
    // A program that is linked dynamically.
    copyFileSync(join(built, 'outlive-json-tool'), join(place, 'outlive-shim'));
    chmodSync(join(place, 'outlive-host'), 0o644);
  }
  const faults = [...nativeFiles(path)];
  const other = process.arch === 'arm64' ? ['linux-x64', 'Advanced Micro Devices X86-64'] : ['linux-arm64', 'AArch64'];
  expect(faults).toContain(`prebuilds/${other[0]}/outlive.node is not for ${other[1]}`);
  expect(faults).toContain('prebuilds/linux-x64/outlive.node is not stripped');
  expect(faults).toContain('prebuilds/linux-x64/outlive-host has mode 644');
  expect(faults).toContain('prebuilds/linux-x64/outlive-shim is not static');
  expect(faults).toContain('prebuilds/linux-x64/outlive-shim is position-independent');
  expect(faults.join()).not.toContain('needs glibc');
});
