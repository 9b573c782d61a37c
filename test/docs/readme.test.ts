/**
 * Runs the README's programs as a reader would: in a fresh directory, one after the other, with the package installed.
 * A block "```js <name>" is a program, a block "```text <name>" what it prints.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Container } from '../../src/index.js';

const repository = resolve(import.meta.dirname, '../..');
const readme = readFileSync(join(repository, 'README.md'), 'utf8');
let dir: string;

/** The README's blocks of one language, by file name. */
function blocks(language: string): Map<string, string> {
  const found = readme.matchAll(new RegExp(`^\`\`\`${language} (\\S+)\\n(.*?)^\`\`\`$`, 'gms'));
  return new Map([...found].map(([, name = '', text = '']) => [name, text]));
}

const programs = blocks('js');
const outputs = blocks('text');

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'outlive-readme-'));
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(repository, join(dir, 'node_modules', 'outlive'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of programs) writeFileSync(join(dir, name), text);
});

afterAll(async () => {
  const root = join(dir, 'state');
  for (const id of existsSync(root) ? readdirSync(root) : []) await (await Container.load(root, id)).delete();
  rmSync(dir, { recursive: true, force: true });
});

function run(name: string): { stdout: string; stderr: string; end: string | number | null } {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, [name], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGABRT',
  });
  return { stdout, stderr, end: signal ?? status };
}

test('every JavaScript block of the README is a program that is run here', () => {
  expect([...programs.keys()]).toEqual(['start.js', 'resume.js', 'terminal.js']);
  expect(readme.match(/^```(js|ts|javascript|typescript)\b.*$/gm)).toHaveLength(programs.size);
});

test('start.js starts the job and is killed, resume.js reads all its output and the exact exit status', () => {
  const started = run('start.js');
  expect(started).toMatchObject({ end: 'SIGKILL', stderr: '' });
  expect(started.stdout).toMatch(/^The job runs, pid \d+\.\n$/);

  expect(run('resume.js')).toEqual({ stdout: outputs.get('resume.js'), stderr: '', end: 0 });
});

test('terminal.js types into a shell on a terminal of the size that it set', () => {
  expect(run('terminal.js')).toEqual({ stdout: outputs.get('terminal.js'), stderr: '', end: 0 });
});

test('the examples leave nothing in the state root', () => {
  expect(readdirSync(join(dir, 'state'))).toEqual([]);
});
