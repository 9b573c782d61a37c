// spawn(): the arguments, environment, descriptors, signals and groups with which a child starts.
import { Buffer } from 'node:buffer';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { fixture, run, sleeper, temporaryDirectory } from './helpers.js';

/** What a program writes to its standard output, and how it ends. */
async function output(
  file: posix.PathArgument,
  args: readonly (string | Uint8Array)[] = [],
  options: posix.SpawnOptions = {},
): Promise<Buffer> {
  const path = join(temporaryDirectory(), 'output');
  const fd = openSync(path, 'w');
  const spawning = posix.spawn(file, args, { ...options, stdio: options.stdio ?? [null, fd, 2] });
  closeSync(fd); // spawn has duplicated it
  const child = await spawning;
  expect(await child.exited).toMatchObject({ code: 0, signal: null });
  return readFileSync(path);
}

const text = async (...args: Parameters<typeof output>): Promise<string> => (await output(...args)).toString();

function program(path: string, body: string): void {
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

function withPath(path: string | undefined): void {
  const before = process.env.PATH;
  if (path === undefined) delete process.env.PATH;
  else process.env.PATH = path;
  onTestFinished(() => {
    process.env.PATH = before;
  });
}

describe('arguments, environment, directory', () => {
  it('reach the program byte for byte', async () => {
    const args = ['-c', 'cat /proc/$$/cmdline', '', 'a b', 'é', Buffer.from([0xff, 0xfe])];
    const expected = ['sh', ...args].map((arg) => Buffer.concat([Buffer.from(arg), Buffer.of(0)]));
    expect(await output('sh', args)).toEqual(Buffer.concat(expected));
  });

  it('have the given argv[0]', async () => {
    const cmdline = await text('/bin/sh', ['-c', 'cat /proc/$$/cmdline'], { argv0: '-login' });
    expect(cmdline.split('\0')[0]).toBe('-login');
  });

  it('give the whole environment, and only that', async () => {
    const env = { A: '1', B: '', C: undefined, D: Buffer.from([0xff]), 'a.b': 'x=y' };
    const environ = await output('/bin/cat', ['/proc/self/environ'], { env });
    expect(environ.toString('latin1').split('\0').sort()).toEqual(['', 'A=1', 'B=', 'D=\xff', 'a.b=x=y']);
  });

  it('are process.env if no environment is given', async () => {
    process.env.OUTLIVE_TEST_INHERITED = 'é';
    onTestFinished(() => {
      delete process.env.OUTLIVE_TEST_INHERITED;
    });
    expect(await text('sh', ['-c', 'printf %s "$OUTLIVE_TEST_INHERITED"'])).toBe('é');
  });

  it('start it in cwd: a string, a Buffer, a URL', async () => {
    const directory = realpathSync(temporaryDirectory());
    for (const cwd of [directory, Buffer.from(directory), pathToFileURL(directory)]) {
      expect(await text('pwd', [], { cwd, env: {} })).toBe(`${directory}\n`);
    }
  });

  it('take a relative program from cwd', async () => {
    const directory = temporaryDirectory();
    program(join(directory, 'program'), 'echo ran');
    expect(await text('./program', [], { cwd: directory })).toBe('ran\n');
  });

  it('take a file URL and a name that is not UTF-8', async () => {
    const directory = temporaryDirectory();
    const path = Buffer.concat([Buffer.from(`${directory}/`), Buffer.of(0xff)]);
    writeFileSync(path, '#!/bin/sh\necho ran\n');
    chmodSync(path, 0o755);
    expect(await text(path)).toBe('ran\n');
    expect(await text(new URL(`${pathToFileURL(directory).href}/%ff`))).toBe('ran\n');
  });
});

describe('the search of PATH', () => {
  it("takes the first program that can be executed, in this process's PATH and not in the child's", async () => {
    const directory = temporaryDirectory();
    for (const name of ['a', 'b', 'c']) mkdirSync(join(directory, name));
    writeFileSync(join(directory, 'a', 'outlive-prog'), 'not executable');
    program(join(directory, 'b', 'outlive-prog'), 'echo b');
    program(join(directory, 'c', 'outlive-prog'), 'echo c');
    withPath(['/nonexistent', '/etc/passwd', 'a', 'b', 'c'].map((name) => join(directory, name)).join(':'));
    expect(await text('outlive-prog', [], { env: { PATH: join(directory, 'c') } })).toBe('b\n');
  });

  it('has ended when the call returns: PATH may change after that', async () => {
    const directory = temporaryDirectory();
    program(join(directory, 'outlive-prog'), 'exit 4');
    withPath(directory);
    const spawning = posix.spawn('outlive-prog');
    process.env.PATH = '/nonexistent';
    expect(await (await spawning).exited).toMatchObject({ code: 4 });
  });

  it('treats an empty element as the working directory', async () => {
    const directory = temporaryDirectory();
    program(join(directory, 'outlive-prog'), 'echo here');
    for (const path of [':/nonexistent', '/nonexistent:', '/nonexistent::/none', '']) {
      withPath(path);
      expect(await text('outlive-prog', [], { cwd: directory, env: {} })).toBe('here\n');
    }
  });

  it('is done in /bin and /usr/bin without PATH', async () => {
    withPath(undefined);
    expect(await text('echo', ['found'])).toBe('found\n');
  });
});

describe('descriptors', () => {
  it('are exactly those of stdio, in order, whatever their numbers', async () => {
    const directory = temporaryDirectory();
    const fds = ['0', '1', '2', '3', '4'].map((name) => openSync(join(directory, name), 'w+'));
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = fds;
    const child = await posix.spawn(
      'sh',
      ['-c', 'for i in 0 1 2 3 4; do readlink /proc/$$/fd/$i; done; ls /proc/$$/fd'],
      {
        stdio: [e, d, a, b, c],
      },
    );
    expect(await child.exited).toMatchObject({ code: 0 });
    const names = ['4', '3', '0', '1', '2'].map((name) => join(directory, name));
    expect(readFileSync(join(directory, '3'), 'utf8').split('\n')).toEqual([...names, '0', '1', '2', '3', '4', '']);
    fds.forEach(closeSync);
  });

  it('may swap the low numbers that this process uses itself', async () => {
    const finished = await run('sh', ['-c', `exec "$0" "$1" swap 3>&1 1>&2`, process.execPath, fixture('spawns.js')]);
    expect(finished).toMatchObject({ code: 0, stdout: 'to error\n', stderr: 'to output\n' });
  });

  it('may be the same one several times', async () => {
    const path = join(temporaryDirectory(), 'output');
    const fd = openSync(path, 'w');
    const child = await posix.spawn('sh', ['-c', 'echo a; echo b >&2; echo c >&3'], { stdio: [null, fd, fd, fd] });
    await child.exited;
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe('a\nb\nc\n');
  });

  it('are /dev/null if none is given', async () => {
    const path = join(temporaryDirectory(), 'output');
    const fd = openSync(path, 'w');
    const child = await posix.spawn('sh', ['-c', 'exec >&3; readlink /proc/$$/fd/0 /proc/$$/fd/2; cat'], {
      stdio: [null, null, null, fd],
    });
    expect(await child.exited).toMatchObject({ code: 0 });
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe('/dev/null\n/dev/null\n');
  });

  it('may be very many', async () => {
    const stdio = Array.from({ length: 300 }, () => null);
    const child = await posix.spawn('sh', ['-c', 'test "$(ls /proc/$$/fd | wc -l)" -ge 300'], { stdio });
    expect(await child.exited).toMatchObject({ code: 0 });
  });
});

describe('signals, groups, sessions', () => {
  it('are all at default and unblocked, though Node ignores SIGPIPE', async () => {
    // An empty environment, so that no LD_PRELOAD changes the result.
    const status = await text('cat', ['/proc/self/status'], { env: {} });
    const fields = [...status.matchAll(/^Sig(Pnd|Blk|Ign|Cgt):\s+(\w+)$/gm)].map((match) => match[2]);
    expect(fields).toEqual(['0', '0', '0', '0'].map((zero) => zero.padStart(16, '0')));
  });

  it('stay in the group and session of this process unless asked', async () => {
    const child = await sleeper();
    expect([posix.getpgid(child.pid), posix.getsid(child.pid)]).toEqual([posix.getpgid(0), posix.getsid(0)]);
  });

  it('lead a group of their own, or join one', async () => {
    const leader = await sleeper({ setpgid: true });
    const member = await sleeper({ setpgid: leader.pid });
    const another = await sleeper({ setpgid: 0 });
    expect(posix.getpgid(leader.pid)).toBe(leader.pid);
    expect(posix.getpgid(member.pid)).toBe(leader.pid);
    expect(posix.getpgid(another.pid)).toBe(another.pid);
    expect(posix.getsid(member.pid)).toBe(posix.getsid(0));
  });

  it('lead a session of their own', async () => {
    const child = await sleeper({ setsid: true });
    expect([posix.getpgid(child.pid), posix.getsid(child.pid)]).toEqual([child.pid, child.pid]);
  });
});
