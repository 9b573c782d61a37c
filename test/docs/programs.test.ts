/**
 * Runs the programs of the pages as a reader would: in a fresh directory, one after the other, with the package installed. The
 * other blocks of code are named here, each with what runs it.
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
import { delimiter, dirname, join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Container, list } from '../../src/index.js';
import { type Block, CODE, blocksOf, pages, repository, valueOf } from '../support/pages.js';
import { freePort } from '../support/ports.js';
import { installed, isRoot, want, wantRight } from '../support/strict.js';

/** A block that no test of this file runs: where its first line is, what runs it, and the words there that show it. */
interface Elsewhere {
  readonly page: string;
  readonly begins: string;
  readonly by: string;
  readonly shownBy: string;
}

const ELSEWHERE: readonly Elsewhere[] = [
  { page: 'README.md', begins: 'npm install', by: 'test/package/run', shownBy: 'npm install' },
  { page: 'README.md', begins: 'npm ci && npm run demo', by: '.ci/run', shownBy: 'npm ci && npm run demo' },
  { page: 'README.md', begins: 'npm ci && npm test', by: '.ci/run', shownBy: 'npm test' },
  { page: 'README.md', begins: 'apt-get update', by: '.ci/run', shownBy: 'apt-get install' },
  { page: 'CONTRIBUTING.md', begins: 'apt-get update', by: '.ci/run', shownBy: 'apt-get install' },
  {
    page: 'CONTRIBUTING.md',
    begins: 'dpkg --add-architecture',
    by: '.ci/run',
    shownBy: 'dpkg --add-architecture arm64',
  },
  { page: 'test/vm/README.md', begins: 'apt-get install', by: '.ci/run', shownBy: 'test/vm/run' },
  { page: 'docs/install.md', begins: 'npm install', by: 'test/package/run', shownBy: 'npm install' },
  {
    page: 'docs/install.md',
    begins: 'npm run build --prefix',
    by: 'test/package/run',
    shownBy: 'npm run build --prefix',
  },
  { page: 'docs/cli.md', begins: '', by: 'test/cli/docs.test.ts', shownBy: 'docs/cli.md' },
  { page: 'docs/systemd.md', begins: '# ', by: 'test/vm/checks/unit-files.js', shownBy: 'systemd.md' },
];

/** What a program may need, by the word `needs=`. */
const NEEDS: Record<string, () => boolean> = {
  runc: () => wantRight('root', isRoot) && want('runc and busybox', installed('runc') && installed('busybox')),
};

const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  typeRoots: [join(repository, 'node_modules/@types')],
  strict: true,
  // A page's JavaScript has no annotations.
  noImplicitAny: false,
  useUnknownInCatchVariables: false,
  allowJs: true,
  checkJs: true,
  noEmit: true,
};

/** Reads each file once for all pages. */
const host = ts.createCompilerHost(options);
const sources = new Map<string, ts.SourceFile | undefined>();
const readSource = host.getSourceFile.bind(host);
host.getSourceFile = (name, ...rest) => {
  if (!sources.has(name)) sources.set(name, readSource(name, ...rest));
  return sources.get(name);
};

const isProgram = ({ language, name }: Block): boolean => ['js', 'ts', 'sh'].includes(language) && name !== '';

/** What tries the calls of a program that can't be run here, by the word `tried=`. */
const triedBy = (block: Block): string | undefined => valueOf(block, 'tried');

const withPrograms = pages.filter((page) => blocksOf(page).some(isProgram));

describe.each(withPrograms)('%s', (page) => {
  const blocks = blocksOf(page).filter(isProgram);
  const outputs = new Map(
    blocksOf(page)
      .filter(({ language, name }) => language === 'text' && name !== '')
      .map(({ name, text }) => [name, text]),
  );
  // Who runs or imports a program shows what it does.
  const isUsed = ({ name }: Block): boolean => blocks.some((other) => other.name !== name && other.text.includes(name));
  let dir = '';

  beforeAll(() => {
    dir = makeDirectory(blocks);
  });

  afterAll(async () => {
    for (const root of rootsIn(dir)) {
      for (const left of await list({}, { root })) await left.remove({ force: true });
    }
    rmSync(dir, { recursive: true, force: true });
  });

  test('its programs have no errors of types', { timeout: 120_000 }, () => {
    const files = blocks.filter(({ language }) => language !== 'sh').map(({ name }) => join(dir, name));
    const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram(files, options, host));
    const messages = diagnostics.map(
      ({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
    expect(messages).toEqual([]);
  });

  test('its programs have different names, and what it says of an output is of one of them', () => {
    const names = blocks.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect([...outputs.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });

  for (const needed of new Set(blocks.map((block) => valueOf(block, 'needs')))) {
    const run = blocks.filter(
      (block) => valueOf(block, 'needs') === needed && !isUsed(block) && triedBy(block) === undefined,
    );
    describe.runIf(needed === undefined || NEEDS[needed]?.())(needed ?? 'anywhere', () => {
      test.each(run)('$name', { timeout: 120_000 }, async (block) => {
        const { stdout, stderr, end } = await runBlock(dir, block);
        const expected = outputs.get(block.name);
        expect({ stderr, end }).toEqual({ stderr: '', end: valueOf(block, 'ends') ?? '0' });
        if (expected !== undefined) expect(stdout).toBe(expected);
      });
    });
  }

  for (const block of blocks.filter((one) => triedBy(one) !== undefined)) {
    const by = triedBy(block) ?? '';
    test(`${block.name} is only checked for its types: ${by} tries what it does`, () => {
      expect(readFileSync(join(repository, by), 'utf8')).toContain(block.name.replace(/\.\w+$/, ''));
    });
  }

  test('its programs leave no job that runs; in all pages but the README, which is short, none at all', async () => {
    const jobs = (await Promise.all(rootsIn(dir).map((root) => list({}, { root })))).flat();
    expect(jobs.filter((job) => job.state() !== 'stopped')).toEqual([]);
    // A program that is killed while it makes a container leaves that half made.
    for (const root of rootsIn(dir)) await Container.cleanUp(root);
    if (page !== 'README.md') expect(rootsIn(dir).flatMap((root) => readdirSync(root))).toEqual([]);
    for (const job of jobs) job.close();
  });
});

test('the first example of the README has five lines beside the imports', () => {
  const typed = blocksOf('README.md').filter(({ language }) => language === 'ts');
  expect(typed.map(({ name }) => name)).toEqual(['run.ts', 'find.ts']);
  const lines = typed.flatMap(({ text }) => text.trimEnd().split('\n'));
  expect(lines.filter((line) => !line.startsWith('import'))).toHaveLength(5);
});

/** A directory with the programs and the package. */
function makeDirectory(blocks: readonly Block[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'outlive-page-'));
  mkdirSync(join(dir, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(repository, join(dir, 'node_modules', 'outlive'));
  const { bin = {} } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { bin?: object };
  for (const [name, path] of Object.entries(bin)) {
    symlinkSync(join('../outlive', String(path)), join(dir, 'node_modules', '.bin', name));
  }
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  for (const { name, language, text } of blocks) {
    writeFileSync(join(dir, name), text);
    if (language === 'ts') writeFileSync(join(dir, compiled(name)), compile(text));
  }
  return dir;
}

const compiled = (name: string): string => name.replace('.ts', '.compiled.js');

function compile(text: string): string {
  const module = ts.ModuleKind.ESNext;
  return ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2022, module } }).outputText;
}

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status or the signal. */
  readonly end: string;
}

async function runBlock(dir: string, { language, name }: Block): Promise<Ran> {
  const file = language === 'sh' ? '/bin/sh' : process.execPath;
  const args = language === 'sh' ? ['-e', name] : [language === 'ts' ? compiled(name) : name];
  const path = [join(dir, 'node_modules/.bin'), dirname(process.execPath), process.env.PATH ?? ''].join(delimiter);
  const { stdout, stderr, status, signal } = spawnSync(file, args, {
    cwd: dir,
    encoding: 'utf8',
    timeout: 100_000,
    env: {
      ...process.env,
      OUTLIVE_ROOT: join(dir, 'runs'),
      PATH: path,
      NODE_TEST_CONTEXT: undefined,
      PORT: String(await freePort()),
      npm_config_update_notifier: 'false',
    },
    killSignal: 'SIGABRT',
  });
  // The shell says "Killed" of a program that it waited for.
  return { stdout, stderr: stderr.replaceAll(/^Killed\n/gm, ''), end: signal ?? String(status) };
}

/** The state roots that programs made: `runs`, to which OUTLIVE_ROOT points, and those whose name begins with `state`. */
function rootsIn(dir: string): string[] {
  return ['runs', ...readdirSync(dir).filter((name) => name.startsWith('state'))]
    .map((name) => join(dir, name))
    .filter((root) => existsSync(root));
}

describe('a block of code that is not run here is run elsewhere', () => {
  const others = pages.flatMap(blocksOf).filter((block) => CODE.includes(block.language) && !isProgram(block));

  test.each(others.map((block) => ({ ...block, first: block.text.split('\n')[0] })))(
    '$page: $first',
    ({ page, text }) => {
      const known = ELSEWHERE.find((entry) => entry.page === page && text.startsWith(entry.begins));
      expect(known, `no test runs this block:\n${text}`).toBeDefined();
      expect(readFileSync(join(repository, known?.by ?? ''), 'utf8')).toContain(known?.shownBy);
    },
  );

  test('and each of these is there', () => {
    const isThere = ({ page, begins }: Elsewhere): boolean =>
      others.some((block) => block.page === page && block.text.startsWith(begins));
    expect(ELSEWHERE.filter((entry) => pages.includes(entry.page) && !isThere(entry))).toEqual([]);
  });
});
