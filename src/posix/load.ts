/**
 * Finds the native files and loads the addon (native/addon/): from build/Release, if it was built on this machine, else
 * the prebuilt one. The addon and both programs come from the same directory.
 * Nothing is looked for before the first use, so that an import is quick and works everywhere. Each use throws
 * `ERR_NATIVE_LOAD` if the addon can't be loaded, `ERR_UNSUPPORTED_SYSTEM` on other systems than Linux.
 */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type bindings from 'bindings';
import { hasCode, messageOf, OutliveError } from '../base/errors.js';
import type { Addon } from './addon.js';
import { libcOf } from './libc.js';

/** This file, also in the package's bundle, is two directories below the package's root. */
const moduleUrl = import.meta.url as string | undefined;
const BUILD = ['build', 'Release'];
const PREBUILD = ['prebuilds', `linux-${process.arch}`];
const FILE = 'outlive.node';

/** The root of the package, which holds the native files. */
function findPackageRoot(): string {
  // A bundler replaces `import.meta.url` by the place of the bundle, or by undefined.
  const root = moduleUrl?.startsWith('file:') === true ? resolve(fileURLToPath(moduleUrl), '../../..') : undefined;
  if (root !== undefined && isPackage(root)) return root;
  const message =
    `this copy of outlive (${moduleUrl ?? 'in a CommonJS bundle'}) is not in its package, which holds its native files: ` +
    'tell your bundler that the package `outlive` is external, and install it beside the bundle';
  throw new OutliveError('ERR_NATIVE_LOAD', message);
}

function isPackage(root: string): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name?: unknown };
    return name === 'outlive';
  } catch {
    return false;
  }
}

/** The directory of the native files, as names below the root. */
function findNativeFiles(root: string): string[] {
  // The file is looked for here, since bindings() tells no missing file from one that does not load.
  if (existsSync(join(root, ...BUILD, FILE))) return BUILD;
  const lacks = (what: string): OutliveError =>
    new OutliveError('ERR_NATIVE_LOAD', `outlive's addon did not load: ${what}. ${howToBuild(root)}`);
  if (!existsSync(join(root, ...PREBUILD, FILE))) {
    throw lacks(`there is no ${join(root, ...BUILD, FILE)}, and none is prebuilt for linux-${process.arch}`);
  }
  if (libcOf('/proc/self/exe') === 'musl') throw lacks('it is prebuilt for glibc, and this Node.js runs on musl');
  return PREBUILD;
}

function howToBuild(root: string): string {
  return `To build it: npm run build --prefix '${root}' (it needs a C++ compiler, make and python3)`;
}

/** Where the native files are: the package's root, and their directory below it. */
function locate(): { root: string; directory: readonly string[] } {
  if (process.platform !== 'linux') {
    throw new OutliveError('ERR_UNSUPPORTED_SYSTEM', `outlive needs Linux; this is ${process.platform}`);
  }
  const root = findPackageRoot();
  return { root, directory: findNativeFiles(root) };
}

let located: ReturnType<typeof locate> | undefined;

/** Located once: a package that is replaced while this program runs must not mix two releases. */
function nativeFiles(): ReturnType<typeof locate> {
  return (located ??= locate());
}

function loadAddon(): Addon {
  const { root, directory } = nativeFiles();
  const path = join(root, ...directory, FILE);
  try {
    // By require: an import would parse it for names of exports. An exact path: by default `bindings` prefers a Debug
    // build, which may be out of date.
    const load = createRequire(path)('bindings') as typeof bindings;
    const options = { bindings: FILE, module_root: root, try: [['module_root', ...directory, 'bindings']] };
    return load(options) as Addon;
  } catch (cause) {
    const obstacle = obstacleTo(path);
    const what = obstacle === undefined ? messageOf(cause) : `${path} ${obstacle}`;
    throw new OutliveError('ERR_NATIVE_LOAD', `outlive's addon did not load: ${what}. ${howToBuild(root)}`, { cause });
  }
}

/** Why a native file can't be mapped or run as a program; undefined if nothing about the file forbids it. */
function obstacleTo(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
    return undefined;
  } catch (error) {
    if (!hasCode(error, 'EACCES')) return 'is missing: install the package again';
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0o111;
    if ((mode & 0o111) === 0) {
      return 'has lost its permission to be executed: install the package by a package manager, which keeps file modes';
    }
    return 'may not be executed: install the package on a file system that is not mounted with noexec, in directories that you may search';
  }
}

/** The addon; until its first use, what loads it and then takes its own place. */
export let addon: Addon = new Proxy({} as Addon, {
  get: (_, name) => Reflect.get((addon = loadAddon()), name) as unknown,
});

/**
 * Where the native files are, and whether they were built on this machine or are those of the package.
 * @throws {OutliveError} `ERR_NATIVE_LOAD` if there are none; `ERR_UNSUPPORTED_SYSTEM` on another system than Linux.
 */
export function nativeDirectory(): { path: string; isPrebuilt: boolean } {
  const { root, directory } = nativeFiles();
  return { path: join(root, ...directory), isPrebuilt: directory === PREBUILD };
}

/**
 * The absolute path of a native program that is shipped with the addon.
 * @param name `'outlive-shim'` or `'outlive-host'`.
 * @throws {OutliveError} `ERR_NATIVE_LOAD` if the file is missing or can't be executed, with what to do;
 *   `ERR_UNSUPPORTED_SYSTEM` on another system than Linux.
 */
export function nativeExecutable(name: 'outlive-shim' | 'outlive-host'): string {
  const { root, directory } = nativeFiles();
  const path = join(root, ...directory, name);
  const obstacle = obstacleTo(path);
  if (obstacle !== undefined) throw new OutliveError('ERR_NATIVE_LOAD', `${path} ${obstacle}`);
  return path;
}
