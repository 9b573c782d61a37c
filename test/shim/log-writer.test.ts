/** The log of a process's output as the shim writes it: bytes, streams, times, the end, and what is refused. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { posix } from '../../src/index.js';
import { fakeContainer, noProcessLeft, shimPid } from '../support/fake-runtime.js';
import { crc32c, readLogFiles, readSegments } from '../support/log-files.js';
import { type LogSetup, hasWriter, logShim, startLogged } from '../support/log-shim.js';
import { descriptorsOf, isGone } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { installed, want } from '../support/strict.js';
import { until } from '../support/until.js';

test('each byte is there once, with its stream and time, and the end with the status', async ({ scratch }) => {
  const before = Date.now() * 1000;
  const script = 'printf one; read x; printf two >&2; read x; printf three; read x; exit 3';
  const { process, read, ended } = await startLogged(scratch, script, {}, scratch.fifos());
  const stdin = process.openStdin();
  for (const all of ['one', 'onetwo', 'onetwothree']) {
    await until(
      `${all} is logged`,
      () =>
        read()
          .chunks.map(({ text }) => text)
          .join('') === all,
    );
    stdin.write('\n');
  }
  expect(await process.wait()).toMatchObject({ status: 3 });
  const { stdout, stderr, chunks, gaps, end, position } = await ended();
  expect({ stdout, stderr, gaps, end, position }).toEqual({
    stdout: 'onethree',
    stderr: 'two',
    gaps: [],
    end: 3,
    position: 11,
  });
  expect(chunks.map(({ kind }) => kind)).toEqual([1, 2, 1]);
  const times = [before, ...chunks.map(({ timeUs }) => timeUs), (Date.now() + 1) * 1000];
  expect([...times].sort((a, b) => a - b)).toEqual(times);
  stdin.destroy();
});

test('a record is 32 bytes of little-endian numbers and a CRC-32C', async ({ scratch }) => {
  // The check value of the CRC catalogue.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  const { process, log, ended } = await startLogged(scratch, 'exit 37');
  await process.wait();
  await ended();
  const record = readFileSync(join(log, '0'.repeat(20) + '.idx'));
  const time = record.subarray(8, 16);
  expect(Math.abs(Number(time.readBigInt64LE()) / 1000 - Date.now())).toBeLessThan(20_000);
  const head = Buffer.concat([Buffer.alloc(8), time, Buffer.from([4, 0, 0, 0, 37, 0, 0, 0, 0, 0, 0, 0])]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32c(head));
  expect(record.toString('hex')).toBe(Buffer.concat([head, checksum]).toString('hex'));
  expect(statSync(join(log, '0'.repeat(20) + '.raw')).size).toBe(0);
});

test('there are no files before the first byte, and their modes do not depend on the umask', async ({ scratch }) => {
  const old = globalThis.process.umask(0o777);
  globalThis.process.umask(0o027);
  const stdio = scratch.fifos();
  globalThis.process.umask(old);
  const setup = { before: 'umask 0377' };
  const { process, log, read } = await startLogged(scratch, 'read x; echo begun; read x', setup, stdio);
  expect(readdirSync(log)).toEqual(['writer']);
  const stdin = process.openStdin();
  stdin.write('\n');
  await until('the output', () => read().stdout === 'begun\n');
  const names = readdirSync(log).sort();
  expect(names).toEqual(['0'.repeat(20) + '.idx', '0'.repeat(20) + '.raw', 'writer']);
  for (const name of names) expect([name, statSync(join(log, name)).mode & 0o777]).toEqual([name, 0o600]);
  stdin.end('\n');
  await process.wait();
});

test('the process has pipes, and nothing of the log; it may open them again', async ({ scratch }) => {
  const script =
    'ls -l /proc/$$/fd >&2; echo by descriptor; echo by path >/dev/stdout; echo more >>/dev/stderr; echo end; read x';
  const { process, dir, read, ended } = await startLogged(scratch, script, {}, scratch.fifos());
  // Not sooner: the shell keeps its stderr beside while it writes to another one.
  await until('the output', () => read().stdout.endsWith('end\n') && read().stderr.endsWith('more\n'));
  const own = Object.values(descriptorsOf(process.systemPid));
  expect(own).toEqual([0, 1, 2].map(() => expect.stringMatching(/^pipe:/) as string));
  expect(own.filter((to) => Object.values(descriptorsOf(shimPid(dir))).includes(to)).length).toBe(3);
  process.openStdin().end('\n');
  await process.wait();
  expect((await ended()).stdout).toBe('by descriptor\nby path\nend\n');
});

test('one stream goes to the log, the other to a file; the log is where the caller says', async ({ scratch }) => {
  const [dir, path] = [scratch.mkdir('log'), join(scratch.dir, 'err')];
  const setup: LogSetup = { dir, streams: ['Stdout'] };
  const { process, ended } = await startLogged(scratch, 'echo out; echo err >&2', setup, { stderr: path });
  await process.wait();
  expect(await ended()).toMatchObject({ stdout: 'out\n', stderr: '', end: 0 });
  expect(readFileSync(path, 'utf8')).toBe('err\n');
});

test('a shim without readers leaves at the end; until then `writer` has a writer', async ({ scratch }) => {
  const { process, dir, log } = await startLogged(scratch, 'echo unread; read x', {}, { stdin: scratch.fifos().stdin });
  const shim = shimPid(dir);
  expect(hasWriter(log)).toBe(true);
  process.openStdin().end('\n');
  await process.wait();
  await until('the shim has left', () => isGone(shim));
  expect(hasWriter(log)).toBe(false);
});

test('a process that closes its output runs on', async ({ scratch }) => {
  const stdio = { stdin: scratch.fifos().stdin };
  const { process, dir, ended } = await startLogged(
    scratch,
    'echo last; exec >/dev/null 2>&1; read x; exit 6',
    {},
    stdio,
  );
  const shim = shimPid(dir);
  await until('the shim has closed the pipes', () => {
    return Object.values(descriptorsOf(shim)).filter((to) => to.startsWith('pipe:')).length === 1;
  });
  process.openStdin().end('\n');
  expect(await process.wait()).toMatchObject({ status: 6 });
  expect(await ended()).toMatchObject({ stdout: 'last\n', end: 6 });
});

test('what children write after the end is kept, until the last of them has gone', async ({ scratch }) => {
  const fifo = join(scratch.dir, 'gate');
  posix.mkfifo(fifo, 0o600);
  const script = `(read x <'${fifo}'; echo late; echo too late >&2) & echo in time; exit 5`;
  const { process, dir, log, ended } = await startLogged(scratch, script);
  const shim = shimPid(dir);
  expect(await process.wait()).toMatchObject({ status: 5 });
  expect(await ended()).toMatchObject({ stdout: 'in time\n', end: 5, position: 8 });
  writeFileSync(fifo, '\n');
  await until('the shim has left', () => isGone(shim));
  expect(readLogFiles(log)).toMatchObject({ stdout: 'in time\nlate\n', stderr: 'too late\n', end: 5 });
  const kinds = readSegments(log).flatMap(({ records }) => records.map(({ kind }) => kind));
  expect(kinds.filter((kind) => kind === 4)).toEqual([4]);
  expect(kinds.indexOf(4)).toBeLessThan(kinds.lastIndexOf(1));
});

test('children that never stop writing delay neither the end nor the other stream', async ({ scratch }) => {
  const file = join(scratch.dir, 'writer');
  // More than the shim can read one by one, and less than what pushes the rest out of the log before it is read here.
  const writes = '(while :; do printf %0256d 0 || exit; done)';
  const script = `${writes} & echo $! >${file}; read x; echo done >&2; exit 4`;
  const setup = { maxBytes: 1 << 30, segmentBytes: 1 << 26 };
  const fifos = { stdin: scratch.fifos().stdin };
  const { process, ended, read } = await startLogged(scratch, script, setup, fifos);
  const writer = await until('its pid', () => existsSync(file) && /^\d+(?=\n)/.exec(readFileSync(file, 'utf8'))?.[0]);
  // The shim stays as long as its children do, so the test ends this one even when it fails.
  scratch.atEnd(() => {
    globalThis.process.kill(Number(writer), 'SIGKILL');
    return Promise.resolve();
  });
  await until('it writes', () => read().stdout !== '');
  process.openStdin().end('\n');
  expect(await process.wait()).toMatchObject({ status: 4 });
  const { stderr, end, stdout } = await ended();
  expect([stderr, end]).toEqual([expect.stringMatching(/done\n$/), 4]);
  expect(stdout.length).toBeGreaterThan(0);
});

test('control lines are served while a process writes without end', async ({ scratch }) => {
  const script = 'yes & read x; kill -9 $!; exit 8';
  const { process, read } = await startLogged(scratch, script, {}, { stdin: scratch.fifos().stdin });
  await until('it writes', () => read().stdout.length > 1 << 16);
  process.closeStdin();
  expect(await process.wait()).toMatchObject({ status: 8 });
});

test.for(['release', 'SIGTERM'])(
  'after the end, a shim that has a writer left leaves on %s',
  async (how, { scratch }) => {
    // A process that is no child of the shim has the pipe: the test itself.
    const { process, dir, log } = await startLogged(scratch, 'echo here; read x', {}, { stdin: scratch.fifos().stdin });
    const shim = shimPid(dir);
    const own = posix.open(`/proc/${process.systemPid}/fd/1`, 0o4001);
    try {
      process.openStdin().end('\n');
      await process.wait();
      await until('the exit is told', () => readdirSync(dir).includes('exitStatus'));
      posix.write(own, Buffer.from('late\n'));
      await until('it is logged', () => readLogFiles(log).stdout === 'here\nlate\n');
      expect(isGone(shim)).toBe(false);
      if (how === 'release') writeFileSync(join(dir, 'control'), '2 0 0\n');
      else globalThis.process.kill(shim, 'SIGTERM');
      await until('the shim has left', () => isGone(shim));
    } finally {
      posix.close(own);
    }
  },
);

test('a log that is there already is gone on with, and never overwritten', async ({ scratch }) => {
  const dir = scratch.mkdir('log');
  const name = (position: number, suffix: string): string => join(dir, String(position).padStart(20, '0') + suffix);
  const record = execFileSync('head', ['-c', '32', '/dev/zero']);
  for (let position = 0; position < 90_000; position += 1000) {
    writeFileSync(name(position, '.raw'), 'o'.repeat(1000));
    writeFileSync(name(position, '.idx'), record);
  }
  writeFileSync(name(90_000, '.idx'), record);
  writeFileSync(join(dir, 'notes.raw'), 'not ours');
  const setup = { dir, maxBytes: 20_000, segmentBytes: 4096 };
  const { process } = await startLogged(scratch, 'printf %03000d 0', setup);
  await process.wait();
  await until('the end record', () => statSync(name(90_001, '.idx')).size === 64);
  expect(readFileSync(name(90_001, '.raw'), 'utf8')).toBe('0'.repeat(3000));
  const left = readdirSync(dir).filter((entry) => /^\d/.test(entry));
  const size = left.reduce((sum, entry) => sum + statSync(join(dir, entry)).size, 0);
  expect(size).toBeLessThanOrEqual(20_000);
  expect(size).toBeGreaterThan(18_900);
  expect(readFileSync(name(89_000, '.raw'), 'utf8')).toBe('o'.repeat(1000));
  expect(readFileSync(join(dir, 'notes.raw'), 'utf8')).toBe('not ours');
});

// In the words of glibc's strerror(3), or of musl's.
test.for([
  ['a directory that is a link', 'mv "$log" real && ln -s real "$log"', 'Not a directory'],
  ['no directory', 'rm -r "$log"', 'No such file or directory'],
  ['a file', 'rm -r "$log"; : >"$log"', 'Not a directory'],
  ['no writer', 'rm "$log/writer"', 'No such file or directory'],
  ['a file as writer', 'rm "$log/writer"; : >"$log/writer"', 'Invalid argument'],
  [
    'a link as writer',
    'mv "$log/writer" w; ln -s ../w "$log/writer"',
    '(?:Too many levels of s|S)ymbolic link(?:s| loop)',
  ],
] as const)('%s is an error, and nothing is left', async ([, before, reason], { scratch }) => {
  const container = await fakeContainer(scratch, 'run-script', 'exit 0', { shim: logShim(scratch, { before }) });
  await expect(container.start()).rejects.toMatchObject({
    code: 'ERR_SHIM',
    message: expect.stringMatching(new RegExp(`open stdout .*/log: ${reason}$`)) as string,
  });
  expect(container.processes()).toEqual([]);
  await noProcessLeft(container);
});

if (want('strace', installed('strace'))) {
  test('the end is written in the order of docs/protocol.md', async ({ scratch }) => {
    const trace = join(scratch.dir, 'trace');
    const calls = 'trace=pwrite64,rename,renameat,renameat2,execve,fsync,close';
    const under = `strace -f -y -s 32 -o '${trace}' -e ${calls}`;
    const shim = logShim(scratch, { under, segmentBytes: 4096 });
    // Its last output is in the pipe when it ends.
    const script = 'i=0; while [ $i -lt 6 ]; do printf %01000d 0; i=$((i+1)); done; printf last';
    const container = await scratch.container('host', { args: ['sh', '-c', script] }, { shim, durable: true });
    const process = await container.start();
    await process.wait();
    await noProcessLeft(container);
    const events = readFileSync(trace, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const found =
          /(pwrite64)\(\d+<[^>]*\/\d+(\.\w+)>/.exec(line) ??
          /(rename)\w*\(.*"(exit\w*\.?\w*)"/.exec(line) ??
          /(fsync)\(\d+<[^>]*\/(?:log\/)?([\w.]+)>/.exec(line) ??
          /(execve)\(.*outlive-(host)"/.exec(line) ??
          /(close)\(\d+<[^>]*\/(exit)>/.exec(line);
        return found === null ? [] : [`${String(found[1])} ${String(found[2])}`.replace(/\d{20}/, 'N')];
      });
    const from = events.findIndex((event) => event.startsWith('fsync N'));
    // A program that is wrapped by a script is executed twice.
    const rest = events
      .slice(from)
      .filter((event, i, all) => event !== 'fsync init' && !(event === 'execve host' && all[i - 1] === event));
    // Two segments. The order of files in a directory is the file system's.
    expect(rest.slice(0, 4).sort()).toEqual(['fsync N.idx', 'fsync N.idx', 'fsync N.raw', 'fsync N.raw']);
    expect(rest.slice(4)).toEqual([
      'fsync log',
      'fsync .exit.json.tmp',
      'rename exit.json',
      'fsync .exitStatus.tmp',
      'rename exitStatus',
      'pwrite64 .idx',
      'execve host',
      'close exit',
    ]);
    // The host runtime may record its identity.json between the two.
    expect(events.slice(0, from).findLast((event) => !event.includes('identity'))).toBe('pwrite64 .raw');
  });
}

test('output that is read as a stream is not touched by a log of the other stream', async ({ scratch }) => {
  const fifos = scratch.fifos();
  const setup: LogSetup = { streams: ['Stderr'] };
  const { process, ended } = await startLogged(scratch, 'echo out; echo err >&2', setup, { stdout: fifos.stdout });
  expect(await text(process.openStdout())).toBe('out\n');
  await process.wait();
  expect(await ended()).toMatchObject({ stdout: '', stderr: 'err\n', end: 0 });
});
