/** The examples in the docstrings, which editors show: the calls that a user needs first have one, and it has no errors of types. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import ts from 'typescript';
import { repository } from '../support/pages.js';

const FILES = [
  ...['run', 'process', 'process-streams', 'container', 'commands'].map((name) => `src/container/${name}.ts`),
  ...['src/monitor/monitor.ts', 'src/supervisor/supervisor.ts', 'src/output/read.ts'],
];

/** What an example may use without saying where it is from. */
const GIVEN = `import { Container, Monitor, Supervisor, find, list, readLog, run, writeHostBundle } from './index.js';
import type { Process } from './index.js';
import type { Duplex } from 'node:stream';
declare const container: Container, job: Process, socket: Duplex;
declare let savedCursor: string;
void [Container, Monitor, Supervisor, find, list, readLog, run, writeHostBundle];
`;

/** The examples of a file, each with the name of what it is about. */
function examplesOf(path: string): { name: string; code: string }[] {
  const source = ts.createSourceFile(path, readFileSync(join(repository, path), 'utf8'), ts.ScriptTarget.ES2022, true);
  const found: { name: string; code: string }[] = [];
  const visit = (node: ts.Node): void => {
    const name = ts.isClassElement(node) || ts.isDeclarationStatement(node) ? node.name?.getText() : undefined;
    for (const tag of ts.getJSDocTags(node)) {
      if (tag.tagName.text !== 'example' || tag.parent.parent !== node) continue;
      const [, code = ''] = /```ts\n(.*)\n```/s.exec(ts.getTextOfJSDocComment(tag.comment) ?? '') ?? [];
      found.push({ name: name ?? '', code });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const examples = FILES.flatMap((path) => examplesOf(path));

test('the calls that a user needs first have an example', () => {
  expect(examples.map(({ name }) => name).sort()).toEqual(
    [
      ...['run', 'find', 'list', 'output', 'attach', 'openStdout', 'stop', 'create', 'exec', 'exec'],
      ...['Monitor', 'open', 'readLog'],
    ].sort(),
  );
});

test('the examples have no errors of types', () => {
  const file = join(repository, 'src/docstring-examples.ts');
  const text = GIVEN + examples.map(({ code }) => `{\n${code}\n}\n`).join('');
  const config = ts.readConfigFile(join(repository, 'tsconfig.build.json'), (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, repository);
  const host = ts.createCompilerHost({ ...options, noEmit: true });
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, target, ...rest) =>
    name === file ? ts.createSourceFile(name, text, target, true) : read(name, target, ...rest);
  const program = ts.createProgram([file], { ...options, noEmit: true, noUnusedLocals: false }, host);
  const diagnostics = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
  expect(diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))).toEqual([]);
});
