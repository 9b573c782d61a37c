/**
 * npm run package [-- --directory <where>]: makes the package that users install, `outlive-<version>.tgz`, and checks it.
 * It has no install script, and no binding.gyp at its root, for which package managers would make one: the native files
 * are prebuilt, and `source/` has what builds them for another processor or C library (docs/install.md).
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { bundle, copyTypes } from './bundle.js';
import { check } from './check.js';

const repository = resolve(import.meta.dirname, '..');
const PROCESSORS = ['x64', 'arm64'];
const TEXTS = ['README.md', 'CHANGELOG.md', 'LICENSE', 'docs'];
const SOURCES = ['binding.gyp', 'native/README.md', 'native/addon', 'native/common', 'native/host', 'native/shim'];
const HEADERS = ['napi.h', 'napi-inl.h', 'napi-inl.deprecated.h', 'LICENSE.md'];

/**
 * Makes and checks the package.
 * @param {string} directory where to write it
 * @returns {Promise<string>} its path
 */
export async function pack(directory) {
  const stage = mkdtempSync(join(tmpdir(), 'outlive-package-'));
  try {
    await fill(stage);
    const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', resolve(directory)];
    const file = execFileSync('npm', args, { cwd: stage, encoding: 'utf8' }).trim();
    const tarball = resolve(directory, file);
    check(tarball);
    return tarball;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** @param {string} stage */
async function fill(stage) {
  // The slow part first: it says at once what is missing on this machine.
  const native = join(repository, 'packaging/native.sh');
  await Promise.all(PROCESSORS.map((name) => run(native, name, join(stage, 'prebuilds', `linux-${name}`))));
  const types = join(stage, 'types');
  await run('npx', 'tsc', '-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', types);
  await bundle(repository, join(stage, 'dist'));
  copyTypes(types, join(stage, 'dist'));
  rmSync(types, { recursive: true });

  for (const name of TEXTS) cpSync(join(repository, name), join(stage, name), { recursive: true });
  mkdirSync(join(stage, 'source'));
  for (const name of SOURCES) cpSync(join(repository, name), join(stage, 'source', name), { recursive: true });
  const headers = 'node-addon-api';
  for (const name of HEADERS) {
    cpSync(join(repository, 'node_modules', headers, name), join(stage, 'source', headers, name));
  }
  cpSync(join(repository, 'packaging/build.sh'), join(stage, 'source/build.sh'));

  const {
    scripts,
    devDependencies,
    private: isPrivate,
    gypfile,
    ...manifest
  } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  void [scripts, devDependencies, isPrivate, gypfile];
  writeJson(join(stage, 'package.json'), { ...manifest, scripts: { build: 'sh source/build.sh' } });
  // binding.gyp takes the version from beside it.
  writeJson(join(stage, 'source', 'package.json'), { private: true, version: manifest.version });
}

/** @param {string} path @param {object} value */
function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** @param {string} program @param {string[]} args */
async function run(program, ...args) {
  const child = spawn(program, args, { cwd: repository, stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${signal ?? `exit status ${code}`}`);
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { directory: { type: 'string', default: '.' } } });
  try {
    console.log(await pack(values.directory));
  } catch (error) {
    // What a program said is on stderr already.
    console.error(`package: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
