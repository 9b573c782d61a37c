/** What `diagnose()` finds on this machine, and on one whose programs fail or hang; that it changes nothing. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, vi } from 'vitest';
import { type DiagnoseOptions, type Finding, diagnose } from '../../src/index.js';
import { childrenOf } from '../support/proc.js';
import { until } from '../support/until.js';
import { type Scratch, test } from '../support/scratch.js';
import { installed, isRoot } from '../support/strict.js';

async function look(options: DiagnoseOptions): Promise<Record<string, Finding | undefined>> {
  return Object.fromEntries((await diagnose(options)).map((finding) => [finding.name, finding]));
}

/** A directory of PATH in which `name` is this script. */
function fake(scratch: Scratch, name: string, script: string): void {
  const dir = scratch.mkdir('bin');
  writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${dir}${delimiter}${process.env.PATH}`);
}

afterEach(() => vi.unstubAllEnvs());

test('a machine on which the tests run has no error', async ({ scratch }) => {
  const findings = await diagnose({ root: scratch.root });
  expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
  expect(new Set(findings.map(({ name }) => name)).size).toBe(findings.length);
  for (const { found, advice } of findings)
    for (const text of [found, advice ?? '-']) expect(text).not.toMatch(/undefined|^$/);
  const names = findings.map(({ name }) => name);
  for (const wanted of [
    'kernel',
    'proc',
    'pid 1',
    'native files',
    'cgroups',
    'host limits',
    'unit',
    'scopes',
    'state root',
  ]) {
    expect(names).toContain(wanted);
  }
});

test('what is found is true of this machine', async ({ scratch }) => {
  const found = await look({ root: scratch.root });
  expect(found['pid 1']?.found).toContain(readFileSync('/proc/1/comm', 'utf8').trim());
  expect(found['host runtime']?.found).toMatch(/^outlive-host version /);
  expect(found['native files']?.found).toContain('built from source');
  expect(found['state root']?.found).toContain(scratch.root);
  for (const runtime of ['runc', 'crun']) {
    expect(found[runtime]?.found).toContain(installed(runtime) ? `${runtime} version` : 'not installed');
  }
});

test('nothing is made, not even the state root', async ({ scratch }) => {
  const root = join(scratch.dir, 'a', 'b', 'state');
  const found = await look({ root });
  expect(found['state root']).toMatchObject({
    level: 'ok',
    found: expect.stringContaining('the first start makes') as string,
  });
  expect(existsSync(join(scratch.dir, 'a'))).toBe(false);
});

describe('the state root', () => {
  test('that others may write to is an error', async ({ scratch }) => {
    chmodSync(scratch.root, 0o777);
    expect((await look({ root: scratch.root }))['state root']).toMatchObject({ level: 'error' });
  });

  test('that is a file is an error', async ({ scratch }) => {
    const root = join(scratch.dir, 'file');
    writeFileSync(root, '');
    expect((await look({ root }))['state root']).toMatchObject({ level: 'error', found: `${root}: is no directory` });
  });

  test('that cannot be made is an error', async ({ scratch }) => {
    const file = join(scratch.dir, 'file');
    writeFileSync(file, '');
    const closed = join(scratch.dir, 'closed');
    mkdirSync(closed, { mode: 0o500 });
    for (const dir of [join(file, 'a'), ...(isRoot ? [] : [closed])]) {
      expect((await look({ root: join(dir, 'state') }))['state root']).toMatchObject({
        level: 'error',
        found: expect.stringContaining("can't be made") as string,
      });
    }
  });
});

describe('a program that is asked', () => {
  test('and hangs: a warning after its time limit, and it is ended', async ({ scratch }) => {
    fake(scratch, 'runc', 'exec sleep 1000');
    const before = childrenOf();
    const found = await look({ root: scratch.root, timeoutMs: 300 });
    expect(found.runc).toMatchObject({ level: 'warning', found: expect.stringContaining('300 ms') as string });
    expect(found['state root']?.level).toBe('ok');
    await until('it is ended', () => childrenOf().every((pid) => before.includes(pid)));
  });

  test('and fails, or is no program: a warning', async ({ scratch }) => {
    fake(scratch, 'runc', 'exit 1');
    fake(scratch, 'crun', 'echo nonsense');
    const found = await look({ root: scratch.root });
    expect([found.runc?.level, found.crun?.level]).toEqual(['warning', 'warning']);
    expect(found.crun?.found).toContain('answered "nonsense"');
  });

  test('about checkpoints: crun says whether it has criu, runc needs the program', async ({ scratch }) => {
    fake(scratch, 'runc', 'echo runc version 9');
    fake(scratch, 'crun', 'printf "crun version 9\\n+SYSTEMD +CRIU\\n"');
    fake(scratch, 'criu', 'exit 1');
    const found = await look({ root: scratch.root });
    for (const runtime of ['runc', 'crun']) expect(found[runtime]?.found).toContain('checkpoints by criu');
  });

  test('and is missing is told', async ({ scratch }) => {
    vi.stubEnv('PATH', scratch.dir);
    expect((await look({ root: scratch.root })).runc).toMatchObject({
      level: 'ok',
      found: expect.stringMatching(/^not installed/) as string,
    });
  });
});

test('bad arguments are refused', async () => {
  await expect(diagnose({ root: '' })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  await expect(diagnose({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  await expect(diagnose({ rot: '/' } as DiagnoseOptions)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
});
