/** What forbids a release. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { obstacles } from '../../packaging/release.js';

test('uncommitted changes, a tag that exists, a changelog without the version', () => {
  const tree = mkdtempSync(join(tmpdir(), 'outlive-release-'));
  onTestFinished(() => rmSync(tree, { recursive: true, force: true }));
  const git = (...args: string[]): unknown =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd: tree });
  git('init', '--quiet');
  writeFileSync(join(tree, 'CHANGELOG.md'), '## [Unreleased]\n\n## [1.2.3] - 2026-01-31\n');
  expect([...obstacles(tree, '1.2.3')]).toEqual(['the working tree has changes that are not committed']);
  git('add', '.');
  git('commit', '--quiet', '--message', 'first');
  expect([...obstacles(tree, '1.2.3')]).toEqual([]);
  expect([...obstacles(tree, '1x2.3')]).toEqual(['CHANGELOG.md has no "## [1x2.3] - <date>"']);
  git('tag', 'v1.2.3');
  expect([...obstacles(tree, '1.2.3')]).toEqual(['the tag v1.2.3 exists: raise the version in package.json']);
});
