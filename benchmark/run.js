/**
 * npm run bench: runs bench.js on the native files that users get. The package has shim and host runtime static against musl;
 * build/Release has them against glibc, whose static programs take 0.15 ms longer to start on a virtual machine. So this makes
 * a copy of the tree with the package's native files. Without musl, it measures those of build/Release, and says so.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '..');
/** A module's place is that of the file itself, not of a link to it: so what looks for the package's root is copied. */
const COPIED = ['package.json', 'dist', 'benchmark'];
const LINKED = ['src', 'native', 'test', 'packaging', 'docs', 'node_modules'];

/** Makes the tree. False if the native files can't be built. */
function makeTree(/** @type {string} */ tree) {
  for (const name of COPIED) cpSync(join(repository, name), join(tree, name), { recursive: true });
  for (const name of LINKED) symlinkSync(join(repository, name), join(tree, name));
  const prebuilds = join(tree, 'prebuilds', `linux-${process.arch}`);
  mkdirSync(prebuilds, { recursive: true });
  console.error('benchmark: builds the native files of the package …');
  const script = join(repository, 'packaging/native.sh');
  return spawnSync(script, [process.arch, prebuilds], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

async function main() {
  const tree = mkdtempSync(join(tmpdir(), 'outlive-bench-tree-'));
  try {
    const isShipped = makeTree(tree);
    if (!isShipped)
      console.error('benchmark: measures the native files of build/Release, which no user of the package gets');
    const bench = join(isShipped ? tree : repository, 'benchmark/bench.js');
    const child = spawn(process.execPath, [...process.execArgv, bench, ...process.argv.slice(2)], { stdio: 'inherit' });
    // It ends what it has started, and tells then. SIGINT of a terminal reaches it too.
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill(signal));
    const [code] = /** @type {[number | null]} */ (await once(child, 'exit'));
    return code ?? 1;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

process.exit(await main());
