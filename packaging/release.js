/**
 * npm run release [-- --tag]: makes the release of the version in package.json: checks that the tree is committed and the
 * changelog has the version, then makes and tries the package, beside the last release too. With `--tag` it tags the
 * commit, which later versions are tested against; nothing else is changed. It asks nothing and pushes nothing. The package
 * that was tried is the one to be published: `npm publish <file>`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { pack } from './pack.js';

const repository = resolve(import.meta.dirname, '..');

/** @param {string} program @param {string[]} args */
const run = (program, ...args) => execFileSync(program, args, { cwd: repository, stdio: 'inherit' });
/** @param {string} tree @param {string[]} args */
const git = (tree, ...args) => execFileSync('git', args, { cwd: tree, encoding: 'utf8' }).trim();

/** What forbids a release. @param {string} tree the root of the repository @param {string} version */
export function* obstacles(tree, version) {
  if (git(tree, 'status', '--porcelain') !== '') yield 'the working tree has changes that are not committed';
  if (git(tree, 'tag', '--list', `v${version}`) !== '')
    yield `the tag v${version} exists: raise the version in package.json`;
  const changelog = readFileSync(join(tree, 'CHANGELOG.md'), 'utf8');
  const heading = new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm');
  if (!heading.test(changelog)) yield `CHANGELOG.md has no "## [${version}] - <date>"`;
}

async function release() {
  const { values } = parseArgs({ options: { tag: { type: 'boolean', default: false } } });
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  const found = [...obstacles(repository, version)];
  for (const obstacle of found) console.error(`release: ${obstacle}`);
  if (found.length > 0 && values.tag) return 1;

  run('npm', 'run', '--silent', 'check');
  const tarball = await pack(repository);
  run('test/last-release.sh');
  run('test/package/run', '-p', tarball);
  if (values.tag) {
    git(repository, 'tag', '--annotate', `v${version}`, '--message', `outlive ${version}`);
  }
  console.log(
    `${tarball}\n${values.tag ? `tagged v${version}` : 'a dry run: nothing was tagged; npm run release -- --tag'}`,
  );
  return found.length > 0 ? 1 : 0;
}

if (process.argv[1] === import.meta.filename) {
  try {
    process.exitCode = await release();
  } catch (error) {
    console.error(`release: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
