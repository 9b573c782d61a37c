/** The links of the pages: each file and each anchor is there. Each error code has an anchor of its own. */
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import ts from 'typescript';
import { anchorsOf, pages, readPage, repository } from '../support/pages.js';

/** The targets of a page's links into the repository. */
function linksOf(page: string): { path: string; anchor: string }[] {
  const text = readPage(page).replace(/^```.*?^```$/gms, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { path: path === '' ? page : relative(repository, join(repository, dirname(page), path)), anchor };
    });
}

test.each(pages)('%s: its links lead somewhere', (page) => {
  const broken = linksOf(page).filter(
    ({ path, anchor }) =>
      !existsSync(join(repository, path)) ||
      (anchor !== '' && path.endsWith('.md') && !anchorsOf(path).includes(anchor)),
  );
  expect(broken).toEqual([]);
});

test.each(pages)('%s: the tests that it names are there', (page) => {
  const named = [...readPage(page).matchAll(/`((?:test|src|native|chaos|packaging)\/[\w./-]+)`/g)].map(
    ([, path = '']) => path,
  );
  const isThere = (path: string): boolean =>
    ['', '.test.ts', '.ts'].some((end) => existsSync(join(repository, path + end)));
  expect(named.filter((path) => !isThere(path))).toEqual([]);
});

test('every code of the types has an anchor in docs/troubleshooting.md, and no other is there', () => {
  const file = join(repository, 'src/base/errors.ts');
  const source = ts.createSourceFile(file, ts.sys.readFile(file) ?? '', ts.ScriptTarget.ES2022);
  const type = source.statements.find(
    (statement): statement is ts.TypeAliasDeclaration =>
      ts.isTypeAliasDeclaration(statement) && statement.name.text === 'OutliveErrorCode',
  );
  const codes = [...(type?.type.getText(source).matchAll(/'(\w+)'/g) ?? [])].map(([, code = '']) => code);
  expect(codes.length).toBeGreaterThan(20);
  const nodes = ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE'];
  const anchors = anchorsOf('docs/troubleshooting.md').filter((anchor) => anchor.startsWith('err_'));
  expect(anchors.sort()).toEqual([...codes, ...nodes].map((code) => code.toLowerCase()).sort());
});
