/** What it costs a program to import the package as users install it: time on a processor, beside a Node.js that does nothing. */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { posix } from '../dist/index.js';
import { bundle } from '../packaging/bundle.js';
import { atMostTimes } from './starts.js';
import { median, row } from './world.js';

const repository = join(import.meta.dirname, '..');

export async function importing(/** @type {import('./world.js').World} */ world) {
  const dir = world.dir();
  await bundle(repository, join(dir, 'dist'));
  cpSync(join(repository, 'package.json'), join(dir, 'package.json'));
  writeFileSync(join(dir, 'nothing.js'), '');
  writeFileSync(join(dir, 'program.js'), "import './dist/index.js';\n");
  /** @type {Record<'nothing' | 'empty' | 'imported', number[]>} */
  const times = { nothing: [], empty: [], imported: [] };
  for (let round = world.quick ? 21 : 61; round > 0; round--) {
    times.nothing.push(await nodeMs(['-e', '0']));
    times.empty.push(await nodeMs([join(dir, 'nothing.js')]));
    times.imported.push(await nodeMs([join(dir, 'program.js')]));
  }
  const peer = median(times.nothing);
  const peerName = 'node -e 0';
  const ours = median(times.imported) - peer;
  return [
    row('import of the package, CPU beyond it', {
      ours,
      unit: 'ms',
      peer,
      peerName,
      ...atMostTimes(ours, 0.3, peer),
    }),
    row('  of it for an empty ES module', { ours: median(times.empty) - peer, unit: 'ms', peer, peerName }),
  ];
}

/** Milliseconds on a processor. */
async function nodeMs(/** @type {string[]} */ args) {
  const child = await posix.spawn(process.execPath, args, { stdio: [null, null, 2] });
  const { code, resourceUsage } = await child.exited;
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  return (resourceUsage.userCPUTime + resourceUsage.systemCPUTime) / 1000;
}
