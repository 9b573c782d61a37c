/** docs/cli.md against `--help` of each verb, in both directions; and each of its shell blocks is run. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { main, test } from './command.js';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
/** The sections by the verb of their heading: `## outlive ps`. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const verb = /^outlive (\S+)\n/.exec(section)?.[1];
      return verb === undefined ? [] : [[verb, section] as const];
    }),
);

const help = (...args: string[]): string =>
  execFileSync(process.execPath, [main, ...args, '--help'], { encoding: 'utf8' });

/** The lines of a part of the help, as `Options:`: the first column. A line of a text that is folded is deeper. */
function column(text: string, title: string): string[] {
  const [, part = ''] = new RegExp(`^${title}:\\n((?: .*\\n)+)`, 'm').exec(text) ?? [];
  return part.split('\n').flatMap((line) => /^ {2}(\S.*?)(?: {2,}|$)/.exec(line)?.[1] ?? []);
}

function optionsIn(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].flat();
}

/** All options that there are. */
const known = new Set<string>();

const verbs = column(help(), 'Commands')
  .map((line) => line.split(' ')[0] ?? '')
  .filter((verb) => verb !== 'help');

it('has a section for each verb, in the order of --help, and for nothing else', () => {
  expect([...sections.keys()]).toEqual(verbs);
});

const helps = new Map(verbs.map((verb) => [verb, help(verb)]));
for (const text of [help(), ...helps.values()]) for (const option of optionsIn(text)) known.add(option);

describe.each(verbs)('%s', (verb) => {
  const told = helps.get(verb) ?? '';
  const section = sections.get(verb) ?? '';

  it('has the same options as --help', () => {
    const documented = [...section.matchAll(/^\| `(-[^`]*)` +\|/gm)].map(([, option]) => option);
    expect(documented).toEqual(column(told, 'Options').filter((option) => option !== '-h, --help'));
  });

  it('names no option that no verb has', () => {
    for (const option of optionsIn(section)) expect([...known]).toContain(option);
  });

  it('has a block of shell, and --help has examples', () => {
    expect(section).toMatch(/^```sh\n/m);
    expect(told).toMatch(/^Examples?:\n(?: {2}outlive .*\n)+/m);
  });
});

test('each block of shell runs, one after the other, and leaves no job', async ({ jobs, scratch }) => {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  expect(blocks.length).toBeGreaterThanOrEqual(verbs.length);
  const bin = scratch.mkdir('bin');
  writeFileSync(join(bin, 'outlive'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
  const cwd = scratch.mkdir('work');
  mkdirSync(join(cwd, 'home'));
  for (const block of blocks) {
    const child = spawn('sh', ['-e'], {
      cwd,
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, OUTLIVE_ROOT: jobs.root, HOME: join(cwd, 'home') },
    });
    child.stdin.end(block);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    if (child.exitCode !== 0) throw new Error(`this ended with ${child.exitCode}:\n${block}\n${stdout}\n${stderr}`);
  }
  expect((await jobs.outlive(['ps', '-aq'])).stdout).toBe('');
}, 120_000);
