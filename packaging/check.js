/**
 * Checks a package before anyone installs it: what is in it, what its native files need of a machine, and its entry
 * points and types. Throws with all faults.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAX_PACKED_BYTES = 2 * 1024 * 1024;
const MAX_LINE = 2000;
/** Debian 10, RHEL 8: the oldest that Node.js 20 runs on. */
const MAX_GLIBC = 28;
const MACHINES = { 'linux-x64': 'Advanced Micro Devices X86-64', 'linux-arm64': 'AArch64' };
const NATIVE = ['outlive-host', 'outlive-shim', 'outlive.node'];

/** @param {string} tarball the path of the package */
export function check(tarball) {
  const directory = mkdtempSync(join(tmpdir(), 'outlive-check-'));
  try {
    // With the modes of the archive, as a package manager keeps them.
    execFileSync('tar', ['-xpzf', tarball, '-C', directory, '--strip-components', '1']);
    const faults = [
      ...contents(tarball, directory),
      ...nativeFiles(directory),
      ...passes('publint', [tarball, '--strict']),
      // Node.js loads an ES module by require() in all versions that the package is for.
      ...passes('attw', [tarball, '--profile', 'esm-only', '--no-emoji']),
    ];
    if (faults.length > 0) throw new Error(`${tarball} is not fit to be published:\n- ${faults.join('\n- ')}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Faults of what is in it. @param {string} tarball @param {string} directory where it is unpacked */
export function* contents(tarball, directory) {
  const { size } = statSync(tarball);
  if (size > MAX_PACKED_BYTES) yield `it has ${size} bytes, more than ${MAX_PACKED_BYTES}`;
  const names = readdirSync(directory);
  const expected = ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'package.json', 'prebuilds', 'source'];
  if (names.sort().join() !== expected.join()) yield `it has ${names.join(', ')} in place of ${expected.join(', ')}`;
  const sources = readdirSync(join(directory, 'source')).sort().join();
  if (sources !== 'binding.gyp,build.sh,native,node-addon-api,package.json') yield `source has ${sources}`;
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  // Each other name might be run at an install.
  if (Object.keys(manifest.scripts).join() !== 'build') yield `it has scripts: ${Object.keys(manifest.scripts).join()}`;
  yield* Object.entries(manifest.bin ?? {}).flatMap(([name, file]) => commandFaults(name, join(directory, file)));
  yield* readdirSync(join(directory, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .flatMap((name) => scriptFaults(name, join(directory, 'dist', name)));
  if (manifest.private || manifest.devDependencies) yield 'package.json is that of the repository';
}

/** A program of the package, and its map. @param {string} name @param {string} path */
function scriptFaults(name, path) {
  // Node.js prints the line of an error that is not caught.
  const longest = Math.max(
    ...readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.length),
  );
  const faults = longest > MAX_LINE ? [`dist/${name} has a line of ${longest} characters`] : [];
  if (!existsSync(`${path}.map`)) return faults;
  /** @type {{ sources: string[] }} */
  const { sources } = JSON.parse(readFileSync(`${path}.map`, 'utf8'));
  const isOurs = (/** @type {string} */ source) => /^(\.\.\/)+(src|node_modules)\//.test(source);
  const others = sources.filter((source) => !isOurs(source));
  return [...faults, ...others.map((source) => `dist/${name}.map has a path of this machine: ${source}`)];
}

/** A command must be a file that a shell can run. @param {string} name @param {string} path */
function commandFaults(name, path) {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o111) !== 0o111) return [`the command ${name} is missing, or not everyone may execute it`];
  return readFileSync(path, 'utf8').startsWith('#!/usr/bin/env node\n') ? [] : [`the command ${name} has no #! line`];
}

/** Faults of the native files. @param {string} directory where the package is unpacked */
export function* nativeFiles(directory) {
  for (const [platform, machine] of Object.entries(MACHINES)) {
    const names = readdirSync(join(directory, 'prebuilds', platform)).sort();
    if (names.join() !== NATIVE.join()) yield `prebuilds/${platform} has ${names.join(', ')}`;
    for (const name of names) {
      const path = join(directory, 'prebuilds', platform, name);
      const faults = name.endsWith('.node') ? addonFaults(path) : programFaults(path);
      if (!readelf('--file-header', path).includes(machine)) faults.push(`is not for ${machine}`);
      if (/ \.(symtab|debug_info) /.test(readelf('--sections', path))) faults.push('is not stripped');
      const mode = statSync(path).mode & 0o777;
      if (mode !== 0o755) faults.push(`has mode ${mode.toString(8)}`);
      yield* faults.map((fault) => `prebuilds/${platform}/${name} ${fault}`);
    }
  }
}

/** @param {string} path */
function addonFaults(path) {
  const versions = [...readelf('--version-info', path).matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  if (versions.length === 0) return ['names no version of glibc'];
  return Math.max(...versions) > MAX_GLIBC ? [`needs glibc 2.${Math.max(...versions)}`] : [];
}

/** @param {string} path */
function programFaults(path) {
  const headers = readelf('--program-headers', path);
  const faults = [];
  if (/INTERP|DYNAMIC/.test(headers)) faults.push('is not static');
  if (!headers.includes('EXEC (Executable file)')) faults.push('is position-independent');
  return faults;
}

/** readelf reads the files of each processor; objdump only those of its own. @param {string} what @param {string} path */
function readelf(what, path) {
  return execFileSync('readelf', ['--wide', what, path], { encoding: 'utf8' });
}

/** @param {string} program @param {string[]} args */
function passes(program, args) {
  const { status, stdout, stderr } = spawnSync('npx', ['--no-install', program, ...args], { encoding: 'utf8' });
  return status === 0 ? [] : [`${program}: ${stdout}${stderr}`];
}
