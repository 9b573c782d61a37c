/**
 * Makes the JavaScript of the package from `src`: few modules, since each one costs a program's start some tenths of a
 * millisecond; and the type declarations that the entry points reach, as tsc writes them.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';

/** The entry points, as paths below `src` and `dist`. `oci/types` has only types. */
const ENTRIES = ['index', 'posix/index', 'oci/types'];
/** The command `outlive`: it shares its chunks with the library, which it loads when a verb needs it. No one imports it. */
const COMMAND = 'cli/main';

/**
 * Writes the JavaScript.
 * @param {string} repository the root of the repository
 * @param {string} dist where to write
 */
export async function bundle(repository, dist) {
  const build = await rolldown({
    cwd: repository,
    input: Object.fromEntries([...ENTRIES, COMMAND].map((entry) => [entry, join(repository, 'src', `${entry}.ts`)])),
    platform: 'node',
    external: ['commander'],
    // What the entries share is a chunk: an entry exports its public names only.
    preserveEntrySignatures: 'strict',
    onLog(level, log) {
      if (level !== 'debug') throw new Error(`rolldown: ${log.message}`);
    },
    // As tsc, which has the target of tsconfig.json: the oldest Node.js of the package knows no `using`.
    transform: { target: 'es2022' },
  });
  await build.write({
    dir: dist,
    format: 'esm',
    // The maps have the sources with their comments; without them Node.js reads half as much. The lines stay: of an error that is
    // not caught, Node.js prints the whole line.
    comments: false,
    minify: false,
    sourcemap: true,
    // As if the repository were the package: the paths of the machine that made it are of no use to anyone.
    sourcemapPathTransform: (source, map) => {
      const file = relative(repository, resolve(dirname(map), source));
      return relative(dirname(map), join(dist, '..', file));
    },
    entryFileNames: '[name].js',
    // src/posix/load.ts must stay two directories below the package's root, wherever it is put.
    chunkFileNames: 'posix/[name].js',
  });
  await build.close();
  chmodSync(join(dist, `${COMMAND}.js`), 0o755);
}

/**
 * Copies the declarations that the entry points reach.
 * @param {string} from the directory that tsc wrote
 * @param {string} dist where to write
 */
export function copyTypes(from, dist) {
  const reached = new Set(ENTRIES.map((entry) => join(from, `${entry}.d.ts`)));
  for (const path of reached) {
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']*)\.js'/g)) {
      reached.add(join(dirname(path), `${specifier}.d.ts`));
    }
    const target = join(dist, relative(from, path));
    mkdirSync(dirname(target), { recursive: true });
    if (!existsSync(path)) throw new Error(`no ${path}`);
    cpSync(path, target);
  }
}
