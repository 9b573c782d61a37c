// Loads the addon (native/addon/), and gives the paths of the native programs that are built beside it.
// Throws `ERR_NATIVE_LOAD` at import if the addon can't be loaded.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';
import { messageOf, OutliveError } from '../base/errors.js';
import type { Addon } from './addon.js';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const buildDir = ['build', 'Release'];

function loadAddon(): Addon {
  try {
    // An exact path: by default `bindings` prefers a Debug build, which may be out of date.
    const options = { bindings: 'outlive', module_root: packageRoot, try: [['module_root', ...buildDir, 'bindings']] };
    return bindings(options) as Addon;
  } catch (cause) {
    const reason = messageOf(cause);
    const message = `outlive's native addon did not load; run \`npm rebuild outlive\` (Linux, a C++ compiler): ${reason}`;
    throw new OutliveError('ERR_NATIVE_LOAD', message, { cause });
  }
}

export const addon = loadAddon();

/**
 * The absolute path of a native program that was built with the addon.
 * @param name `'outlive-shim'` or `'outlive-host'`.
 */
export function nativeExecutable(name: 'outlive-shim' | 'outlive-host'): string {
  return join(packageRoot, ...buildDir, name);
}
