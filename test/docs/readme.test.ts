/**
 * Runs the README's programs as a reader would: in a fresh directory, one after the other, with the package installed.
 * A block "```js <name>" or "```ts <name>" is a program, a block "```text <name>" what it prints.
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
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Container, list } from '../../src/index.js';

const repository = resolve(import.meta.dirname, '../..');
const readme = readFileSync(join(repository, 'README.md'), 'utf8');
let dir: string;

/** The README's blocks of one language, by file name. */
function blocks(language: string): Map<string, string> {
  const found = readme.matchAll(new RegExp(`^\`\`\`${language} (\\S+)\\n(.*?)^\`\`\`$`, 'gms'));
  return new Map([...found].map(([, name = '', text = '']) => [name, text]));
}

const typed = blocks('ts');
const programs = blocks('js');
const outputs = blocks('text');

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'outlive-readme-'));
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(repository, join(dir, 'node_modules', 'outlive'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of [...typed, ...programs]) writeFileSync(join(dir, name), text);
  for (const [name, text] of typed) writeFileSync(join(dir, compiled(name)), compile(text));
});

afterAll(async () => {
  const root = join(dir, 'state');
  for (const id of existsSync(root) ? readdirSync(root) : []) await (await Container.load(root, id)).delete();
  for (const left of await list({}, { root: runs() })) await left.remove({ force: true });
  rmSync(dir, { recursive: true, force: true });
});

/** The state root of the programs that name none. */
const runs = (): string => join(dir, 'runs');

const compiled = (name: string): string => name.replace('.ts', '.compiled.js');

const options = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 };

function compile(text: string): string {
  return ts.transpileModule(text, { compilerOptions: { ...options, module: ts.ModuleKind.ESNext } }).outputText;
}

function run(name: string): { stdout: string; stderr: string; end: string | number | null } {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, [name], {
    cwd: dir,
    encoding: 'utf8',
    timeout: 20_000,
    env: { ...process.env, OUTLIVE_ROOT: runs() },
    killSignal: 'SIGABRT',
  });
  return { stdout, stderr, end: signal ?? status };
}

test('every block of code of the README is a program that is run here', () => {
  expect([...typed.keys()]).toEqual(['run.ts', 'find.ts']);
  expect([...programs.keys()]).toEqual(['start.js', 'resume.js', 'terminal.js']);
  expect(readme.match(/^```(js|ts|javascript|typescript)\b.*$/gm)).toHaveLength(typed.size + programs.size);
});

test('run.ts and find.ts have no errors of types, and five lines beside the imports', () => {
  const files = [...typed.keys()].map((name) => join(dir, name));
  const strict = { ...options, strict: true, noEmit: true, moduleResolution: ts.ModuleResolutionKind.NodeNext };
  const program = ts.createProgram(files, {
    ...strict,
    types: ['node'],
    typeRoots: [join(repository, 'node_modules/@types')],
  });
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  expect(messages).toEqual([]);
  const lines = [...typed.values()].flatMap((text) => text.trimEnd().split('\n'));
  expect(lines.filter((line) => !line.startsWith('import'))).toHaveLength(5);
});

test('run.ts runs the job and is killed, find.ts reads all its output and the exact exit status', async () => {
  expect(run(compiled('run.ts'))).toEqual({ stdout: '', stderr: '', end: 'SIGKILL' });
  expect(run(compiled('find.ts'))).toEqual({ stdout: outputs.get('find.ts'), stderr: '', end: 0 });
  for (const job of await list({}, { root: runs() })) await job.remove();
  expect(readdirSync(runs())).toEqual([]);
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
