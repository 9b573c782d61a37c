/** The shim run without the library: what it requires of its directory, process.json, arguments and descriptors. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { posix } from '../../src/index.js';
import { type Scratch, test } from '../support/scratch.js';

/** Runs the shim without the library, in a directory that the test made. */
async function runShim(
  dir: string,
  args: string[] = ['id', '/', '/bin/true'],
): Promise<{ code: number | null; log: string }> {
  const child = spawn(posix.nativeExecutable('outlive-shim'), args, { cwd: dir, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  const log = join(dir, 'shim-log.json');
  return { code, log: existsSync(log) ? readFileSync(log, 'utf8') : '' };
}

function byHand(scratch: Scratch, processJson: string): string {
  const dir = scratch.mkdir('by-hand');
  posix.mkfifo(join(dir, 'exit'), 0o600);
  posix.mkfifo(join(dir, 'control'), 0o600);
  writeFileSync(join(dir, 'process.json'), processJson);
  return dir;
}

test('a shim whose supervisor has gone before it opens exit does not hang', async ({ scratch }) => {
  const dir = byHand(scratch, '{}');
  const { code, log } = await runShim(dir);
  expect(code).toBe(1);
  expect(log).toBe('{"level":"error","msg":"the runtime ended without writing a pid"}\n');
});

test.for([
  ['{"exec": tru}', 'process.json:1:10: '],
  ['{\n  "exec": true,\n}', 'process.json:3:1: '],
  ['{"a":"\\ud800"}', 'process.json:1:'],
  ['', 'process.json:1:1: '],
  ['[]', 'process.json: must be an object'],
  ['{"exec":1}', 'process.json: exec must be a boolean'],
  ['{"create":"yes"}', 'process.json: create must be a boolean'],
  ['{"terminal":"yes"}', 'process.json: terminal must be a boolean'],
  ['{"containerdStdin":5}', 'process.json: containerdStdin must be a string without NUL'],
  ['{"containerdStdout":"a\\u0000b"}', 'process.json: containerdStdout must be a string without NUL'],
  ['{"rootUID":-1}', 'process.json: rootUID must be an id from 0 to 4294967294'],
  ['{"log":"/x"}', 'process.json: log must be an object'],
  ['{"log":{}}', 'process.json: log: dir must be an absolute path'],
  ['{"log":{"dir":"x"}}', 'process.json: log: dir must be an absolute path'],
  ['{"log":{"dir":["/x"]}}', 'process.json: log: dir must be a string without NUL'],
  ['{"log":{"dir":"/x"}}', 'process.json: log: segmentBytes must be an integer, at least 4096'],
  ['{"log":{"dir":"/x","segmentBytes":4095}}', 'log: segmentBytes must be an integer, at least 4096'],
  ['{"log":{"dir":"/x","segmentBytes":"4096"}}', 'log: segmentBytes must be an integer, at least 4096'],
  ['{"log":{"dir":"/x","segmentBytes":4096.5}}', 'log: segmentBytes must be an integer, at least 4096'],
  ['{"log":{"dir":"/x","segmentBytes":4096}}', 'log: maxBytes must be an integer, at least twice segmentBytes'],
  ['{"log":{"dir":"/x","segmentBytes":4096,"maxBytes":8191}}', 'log: maxBytes must be an integer, at least twice'],
  ['{"log":{"dir":"/x","segmentBytes":4096,"maxBytes":1e99}}', 'log: maxBytes must be an integer, at least twice'],
  ['{"runtimeArgs":["a",1]}', 'process.json: runtimeArgs must be strings without NUL'],
] as const)('the process.json %j is an error: %s', async ([json, message], { scratch }) => {
  const dir = byHand(scratch, json);
  const { code, log } = await runShim(dir);
  expect(code).toBe(1);
  expect(JSON.parse(log)).toEqual({ level: 'error', msg: expect.stringContaining(message) as string });
  // The runtime was not started.
  expect(existsSync(join(dir, 'log.json'))).toBe(false);
});

test('a missing process.json is an error', async ({ scratch }) => {
  const dir = byHand(scratch, '');
  rmSync(join(dir, 'process.json'));
  expect(await runShim(dir)).toEqual({
    code: 1,
    log: '{"level":"error","msg":"read process.json: No such file or directory"}\n',
  });
});

test.for(['exit', 'control'])('%s as a link, as a file or missing is refused', async (name, { scratch }) => {
  const dir = byHand(scratch, '{}');
  const elsewhere = join(scratch.mkdir('elsewhere'), 'fifo');
  posix.mkfifo(elsewhere, 0o600);
  const make: [() => void, string][] = [
    [() => symlinkSync(elsewhere, join(dir, name)), 'Too many levels of symbolic links'],
    [() => writeFileSync(join(dir, name), ''), 'Invalid argument'],
    [() => undefined, 'No such file or directory'],
  ];
  for (const [plant, reason] of make) {
    rmSync(join(dir, name), { force: true });
    rmSync(join(dir, 'shim-log.json'), { force: true });
    plant();
    expect(await runShim(dir)).toEqual({ code: 1, log: `{"level":"error","msg":"open ${name}: ${reason}"}\n` });
  }
});

test('wrong arguments print the usage', async ({ scratch }) => {
  const { code, log } = await runShim(scratch.mkdir('empty'), ['id']);
  expect(code).toBe(1);
  expect(log).toContain('usage: outlive-shim <container id> <bundle> <runtime>');
});

test('a shim that was started without stdio, and with other descriptors open, works the same', ({ scratch }) => {
  const io = scratch.mkdir('io');
  const out = join(io, 'out');
  const dir = byHand(scratch, JSON.stringify({ containerdStdout: out, runtimeArgs: ['--script', 'ls /proc/self/fd'] }));
  const runtime = join(import.meta.dirname, '../fixtures/runtimes/run-script');
  const command = 'trap "" CHLD; exec "$0" id / "$1" 0<&- 1>&- 2>&- 7</dev/null 9</';
  execFileSync('sh', ['-c', command, posix.nativeExecutable('outlive-shim'), runtime], { cwd: dir, stdio: 'ignore' });
  expect(readFileSync(out, 'utf8')).toBe('0\n1\n2\n3\n');
  expect(readFileSync(join(dir, 'exitStatus'), 'latin1')).toBe('0');
});

test('a process directory whose path is too long for the names in it is refused', async ({ scratch }) => {
  const top = scratch.mkdir('deep');
  const dir = top + `/${'d'.repeat(200)}`.repeat(Math.floor((4050 - top.length) / 201)).padEnd(4050 - top.length, '/e');
  mkdirSync(dir, { recursive: true });
  for (const name of ['exit', 'control']) posix.mkfifo(join(dir, name), 0o600);
  writeFileSync(join(dir, 'process.json'), '{}');
  expect(await runShim(dir)).toEqual({
    code: 1,
    log: '{"level":"error","msg":"process directory: File name too long"}\n',
  });
});
