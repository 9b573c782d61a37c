/** Where the output of the command can't be written, or its words can't be read: nothing is lost in silence. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { asTyped } from '../../src/cli/failure.js';
import { type Jobs, main, type Result, sentence, test } from './command.js';

/** Runs a script of sh, in which `"$node" "$main"` is the command. */
async function shell({ root }: Jobs, script: string): Promise<Result> {
  const child = spawn('sh', ['-c', `node=$0 main=$1; ${script}`, process.execPath, main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, OUTLIVE_ROOT: root, NO_COLOR: '1' },
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { stdout, stderr, code: child.exitCode };
}

describe('stdout that can not be written to', () => {
  test('a file that has room for a part of a write only: a failure', async ({ jobs, scratch }) => {
    await jobs.startEnded('a', ['head', '-c', '10000', '/dev/zero']);
    const file = join(scratch.dir, 'out');
    // 4096 bytes, or 8192 where a block has 1024.
    const { stderr, code } = await shell(jobs, `ulimit -f 8; exec "$node" "$main" logs a >'${file}'`);
    expect(stderr).toMatch(sentence(/stdout: EFBIG/));
    expect(code).toBe(125);
    expect([4096, 8192]).toContain(statSync(file).size);
  });

  test('a file that has room: all of it', async ({ jobs, scratch }) => {
    await jobs.startEnded('a', ['sh', '-c', 'head -c 300000 /dev/zero; echo e >&2']);
    const file = join(scratch.dir, 'out');
    expect(await shell(jobs, `exec "$node" "$main" logs a >'${file}' 2>'${file}.err'`)).toMatchObject({ code: 0 });
    expect([statSync(file).size, readFileSync(`${file}.err`, 'utf8')]).toEqual([300_000, 'e\n']);
  });

  test('no room at all: the sentence says why', async ({ jobs }) => {
    await jobs.startEnded('a', ['echo', 'x']);
    for (const verb of ['logs a', 'ps -a', 'wait a', '--help']) {
      const { stderr, code } = await shell(jobs, `exec "$node" "$main" ${verb} >/dev/full`);
      expect([verb, code]).toEqual([verb, 125]);
      expect(stderr).toMatch(sentence(/stdout: ENOSPC/));
    }
  });
});

test('a reader that goes away ends the command at once, also if nothing more is printed; the job goes on', async ({
  jobs,
}) => {
  await jobs.start('a', ['sh', '-c', 'echo ready; exec sleep 1000']);
  const verbs = ['logs -f a', 'logs -f --json a', 'exec a sh -c "echo ready; exec sleep 1000"'];
  for (const verb of [...verbs, 'run --name b sh -c "echo ready; exec sleep 1000"']) {
    const { stdout, stderr } = await shell(jobs, `{ "$node" "$main" ${verb}; echo $? >&2; } | grep -om1 ready`);
    expect([verb, stdout, stderr]).toEqual([verb, 'ready\n', '141\n']);
  }
  expect((await shell(jobs, '{ "$node" "$main" attach a; echo $? >&2; } | true')).stderr).toBe('141\n');
  expect((await jobs.outlive(['ps', '-q'])).stdout).toBe('a\nb\n');
});

test('a log without an end, as on a disk that is full: logs says that bytes may be missing', async ({ jobs }) => {
  const job = await jobs.startEnded('a', ['sh', '-c', 'echo x; exit 3']);
  expect(await jobs.outlive(['logs', 'a'])).toEqual({ stdout: 'x\n', stderr: '', code: 0 });
  const [index = ''] = readdirSync(job.stdio.stdout).filter((name) => name.endsWith('.idx'));
  const path = join(job.stdio.stdout, index);
  // Without the end record.
  truncateSync(path, statSync(path).size - 32);
  for (const args of [
    ['logs', 'a'],
    ['logs', '-f', 'a'],
    ['logs', '--tail', '1', 'a'],
  ]) {
    const { stdout, stderr, code } = await jobs.outlive(args);
    expect([args, stdout, code]).toEqual([args, 'x\n', 0]);
    expect(stderr).toMatch(sentence(/last output of a may be missing/));
  }
});

test('bytes that are no UTF-8 are refused: Node.js would pass on others', async ({ jobs }) => {
  const { stdout, stderr, code } = await shell(jobs, `exec "$node" "$main" run -- echo "$(printf 'a\\377')"`);
  expect([stdout, code]).toEqual(['', 125]);
  expect(stderr).toMatch(sentence(/not valid UTF-8/));
  // U+FFFD itself is text.
  expect((await jobs.outlive(['run', '--rm', '--', 'echo', 'a\ufffd'])).stdout).toBe('a\ufffd\n');
  expect(await jobs.json(['ps', '-a', '--json'])).toEqual([]);
});

test("errors have the command line's names, not the library's", async ({ jobs }) => {
  const wrong: [args: string[], what: string][] = [
    [['run', '--name', 'ä', 'true'], '--name must match '],
    [['run', '--log-size', '1', 'true'], '--log-size is out of range'],
    [['run', '--runtime', 'runc', 'true'], '--runtime needs --bundle'],
    [['run', '-w', '', 'true'], '--workdir must not be empty'],
    [['--root', '', 'ps'], '--root must not be empty'],
    [['logs', 'a/b'], 'an id must match '],
  ];
  for (const [args, what] of wrong) {
    const { stderr, code } = await jobs.outlive(args);
    expect([args, code, stderr.startsWith(`outlive: ${what}`)]).toEqual([args, 125, true]);
  }
  expect(asTyped("The argument 'other' is options.other")).toBe("The argument 'other' is options.other");
});
