/** docs/api.md is what the types and their docstrings say, and these say what a caller must know. */
import { expect, test } from 'vitest';
import { apiPage } from '../../packaging/api-page.js';
import { readPage } from '../support/pages.js';

/** The headings of the page with what is below each. */
const parts = readPage('docs/api.md')
  .split(/^(?=##+ )/m)
  .map((part) => {
    const [heading = '', ...rest] = part.split('\n');
    return { heading: heading.replace(/^#+ /, ''), text: rest.join('\n').trim() };
  });

test('the page is as `npm run docs` makes it', async () => {
  expect(readPage('docs/api.md')).toBe(await apiPage());
});

test('every optional option says its default', () => {
  const options = parts.filter(({ heading }) =>
    /^(\w+Options|ListFilter|Host\w+|CapabilityChanges)\.\w+$/.test(heading),
  );
  expect(options.length).toBeGreaterThan(60);
  const optional = options.filter(({ text }) => text.includes(', optional'));
  expect(optional.filter(({ text }) => !/default/i.test(text)).map(({ heading }) => heading)).toEqual([]);
});

test('every call says what it does', () => {
  const calls = parts.filter(({ heading }) => heading.includes('('));
  expect(calls.length).toBeGreaterThan(50);
  const silent = calls.filter(({ text }) =>
    text.split('\n\n').every((line) => line.startsWith('`') && line.includes('): ')),
  );
  expect(silent.map(({ heading }) => heading)).toEqual([]);
});
