/**
 * Library and shim of different releases (docs/protocol.md, "Releases"): what an old release wrote and sent is kept in
 * fixtures/releases, as bytes. This library works with a process of an old shim; and an old library that sends its bytes
 * to this shim finds all that it reads.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { Container, posix } from '../../src/index.js';
import { currentBootId, identify } from '../../src/kernel/identity.js';
import { writeTestBundle } from '../support/bundles.js';
import { isGone, readIfThere } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { until } from '../support/until.js';

const RELEASES = fileURLToPath(new URL('../fixtures/releases/', import.meta.url));
const packageJson = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
const { version } = JSON.parse(packageJson) as { version: string };

interface Recorded {
  readonly container: Record<string, string>;
  readonly process: Record<'process.json' | 'identity.json', string>;
  readonly ended: Record<'exit.json' | 'exitStatus', string>;
  readonly control: Record<'closeStdin' | 'resize' | 'release', string>;
  readonly shimArguments: readonly string[];
}

const O_READ = constants.O_RDONLY | constants.O_NONBLOCK;
const O_WRITE = constants.O_WRONLY | constants.O_NONBLOCK;

const JOB = ['sh', '-c', 'while read l; do echo "got $l"; done; exit 5'];

/** A container as an old library made it, up to the start of its shim. */
class OldContainer {
  readonly id: string;
  /** The directory of its first process. */
  readonly init: string;
  readonly words: Record<string, string | number>;

  private constructor(
    readonly recorded: Recorded,
    scratch: Scratch,
    bundle: string,
  ) {
    this.id = scratch.newId();
    const container = join(scratch.root, this.id);
    this.init = join(container, 'init');
    const { stdin, stdout, stderr } = scratch.fifos();
    const runtime = posix.nativeExecutable('outlive-host');
    this.words = { id: this.id, container, bundle, stdin, stdout, stderr, runtime, boot: currentBootId() };
    mkdirSync(container, { mode: 0o700 });
    for (const [name, bytes] of Object.entries(recorded.container)) this.#write(join(container, name), bytes);
    mkdirSync(join(container, '.runtime'), { mode: 0o700 });
    mkdirSync(this.init, { mode: 0o700 });
    for (const name of ['exit', 'control']) posix.mkfifo(join(this.init, name), 0o600);
    this.#write(join(this.init, 'process.json'), recorded.process['process.json']);
  }

  static async make(scratch: Scratch, recorded: Recorded): Promise<OldContainer> {
    const bundle = await writeTestBundle(scratch.mkdir('bundle'), 'host', { args: JOB });
    return new OldContainer(recorded, scratch, bundle);
  }

  fill(text: string): string {
    return text.replace(/<(\w+)>/g, (_, word: string) => String(this.words[word]));
  }

  #write(path: string, bytes: string): void {
    writeFileSync(path, this.fill(bytes), { mode: 0o600 });
  }
}

describe.for(['0.1.0-first'])('release %s', (release) => {
  const recorded = JSON.parse(readFileSync(join(RELEASES, `${release}.json`), 'utf8')) as Recorded;

  /** The old shim's part, played by a program; and the lines that it gets. */
  async function oldShim(
    scratch: Scratch,
    old: OldContainer,
  ): Promise<{ shim: ChildProcess; lines: string[]; job: number }> {
    const argument = JSON.stringify({ recorded, words: old.words });
    const shim = fork(join(RELEASES, 'shim.mjs'), [argument], { cwd: old.init, execArgv: [] });
    scratch.atEnd(async () => {
      if (shim.exitCode !== null || shim.signalCode !== null) return;
      shim.kill('SIGKILL');
      await once(shim, 'exit');
    });
    const [{ started }] = (await once(shim, 'message')) as [{ started: number }];
    const lines: string[] = [];
    shim.on('message', ({ line }: { line: string }) => lines.push(line));
    return { shim, lines, job: started };
  }

  test('this library has a process of the old shim: output, resize, close of stdin, exact status, delete', async ({
    scratch,
  }) => {
    const old = await OldContainer.make(scratch, recorded);
    const { shim, lines, job } = await oldShim(scratch, old);
    const container = scratch.keep(await Container.load(scratch.root, old.id));
    const [process] = container.processes();
    expect(container.state()).toBe('running');
    expect(process).toMatchObject({ id: 'init', systemPid: job, shimVersion: undefined, problem: undefined });

    const stdout = process?.openStdout().setEncoding('utf8');
    const input = process?.openStdin();
    input?.write('hello\n');
    expect(await once(stdout ?? input ?? shim, 'data')).toEqual(['got hello\n']);
    process?.resize(91, 33);
    await new Promise<void>((done) => input?.end(done));
    process?.closeStdin();
    expect(await process?.wait()).toEqual({
      status: 5,
      record: expect.objectContaining({ code: 5, signal: null, maxRssBytes: 1503232 }) as object,
    });
    stdout?.destroy();

    const left = once(shim, 'exit');
    await container.delete();
    await left;
    expect(lines).toEqual([recorded.control.resize, recorded.control.closeStdin, recorded.control.release]);
  });

  test('this library runs more in the container of the old shim, signals exactly, and ends it', async ({ scratch }) => {
    const old = await OldContainer.make(scratch, recorded);
    const { job } = await oldShim(scratch, old);
    const container = scratch.keep(await Container.load(scratch.root, old.id));
    const second = await container.exec('second', { args: ['sh', '-c', 'exit 8'] });
    expect(await second.wait()).toMatchObject({ status: 8 });
    expect(second.shimVersion).toBe(version);
    await container.removeProcess('second');
    expect(await container.pids()).toContain(job);
    const [process] = container.processes();
    process?.signal('SIGKILL');
    await process?.wait();
    expect(isGone(job)).toBe(true);
    await container.delete();
  });

  test('this library has the end that an old shim recorded while nobody looked', async ({ scratch }) => {
    const old = await OldContainer.make(scratch, recorded);
    const { job, shim } = await oldShim(scratch, old);
    process.kill(job, 'SIGKILL');
    await until('the end is recorded', () => readIfThere(join(old.init, 'exitStatus')) !== '');
    shim.kill('SIGKILL');
    await once(shim, 'exit');
    const container = scratch.keep(await Container.load(scratch.root, old.id));
    expect(await container.processes()[0]?.wait()).toMatchObject({ status: 5, record: { code: 5 } });
  });

  test('an old library’s bytes to this shim: it reads all that it knows, and the shim obeys', async ({ scratch }) => {
    const old = await OldContainer.make(scratch, recorded);
    const { init } = old;
    const exit = posix.open(join(init, 'exit'), O_READ);
    const control = (line: string): void => {
      const fd = posix.open(join(init, 'control'), O_WRITE);
      posix.write(fd, Buffer.from(line));
      closeSync(fd);
    };
    // As the old library started it: a child, in a process group of its own, with its whole environment.
    const shim = await posix.spawn(
      posix.nativeExecutable('outlive-shim'),
      recorded.shimArguments.map((word) => old.fill(word)),
      { cwd: init, stdio: [null, null, null], setpgid: true },
    );
    const read = (name: string): string => readIfThere(join(init, name));
    try {
      await until('identity.json', () => read('identity.json').endsWith('\n'));
      const pid = Number(read('pid'));
      Object.assign(old.words, { pid, ticks: identify(pid)?.startTimeTicks });
      // An old library takes these members of it, and ignores others.
      const known = JSON.parse(old.fill(recorded.process['identity.json'])) as object;
      expect(JSON.parse(read('identity.json'))).toMatchObject(known);
      expect(read('identity.json').length).toBeLessThan(4096);
      expect(posix.tryRead(exit, Buffer.alloc(1))).toBeUndefined();
      expect(read('exitStatus')).toBe('');

      writeFileSync(String(old.words.stdin), 'hello\n');
      control(recorded.control.resize);
      control(recorded.control.closeStdin);
      await until('the status', () => read('exitStatus') !== '');
      expect(read('exitStatus')).toBe(recorded.ended.exitStatus);
      const members = Object.keys(JSON.parse(recorded.ended['exit.json']) as object);
      const exitRecord = JSON.parse(read('exit.json')) as Record<string, unknown>;
      expect(Object.keys(exitRecord)).toEqual(expect.arrayContaining(members));
      expect(exitRecord).toMatchObject({ code: 5, signal: null, coreDumped: false });
      await until('`exit` hangs up', () => posix.tryRead(exit, Buffer.alloc(1)) === 0);
      // Nobody has read the output: the shim holds it until the release.
      expect(posix.pidfdHasEnded(shim.pidfd)).toBe(false);
      control(recorded.control.release);
      expect(await shim.exited).toMatchObject({ code: 0 });
      expect(() => control(recorded.control.release)).toThrow(expect.objectContaining({ code: 'ENXIO' }) as Error);
      expect([read('shim-log.json'), read('log.json')]).toEqual(['', '']);
    } finally {
      closeSync(exit);
      if (shim.pidfd >= 0) shim.kill('SIGKILL');
      await shim.exited;
    }
  });
});
