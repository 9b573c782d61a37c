// `create` makes the first process, which waits; `start` lets it run its program.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';
import { callers, eachWithHost, type Host, processState, runs, shell } from './harness.js';

const asRoot = wantRight('root, to run programs as another user', isRoot);

let host: Host;
eachWithHost((one) => {
  host = one;
});

/** How often a process has gone to sleep. */
function sleeps(pid: number): string {
  return /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
}

describe.each(callers)('by %s', (_, options) => {
  eachWithHost((one) => {
    host = one;
  }, options);

  it('the process exists after create, and its program runs after start', async () => {
    const pid = await host.create('a', shell('echo $$ $FOO; pwd; umask; exit 7', { env: ['FOO=bar'], cwd: '/usr' }));
    expect(host.state('a')).toMatchObject({ status: 'created', pid, bundle: host.path('bundle-a') });
    expect(host.read('out-a')).toBe('');
    expect((await host.command(['start', 'a'])).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ code: 7 });
    expect(host.read('out-a')).toBe(`${pid} bar\n/usr\n0022\n`);
    expect(host.state('a')).toMatchObject({ status: 'stopped', pid: 0 });
    expect((await host.delete('a')).errors).toEqual([]);
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('the process sleeps until start, with its stdio and one socket', async () => {
    const pid = await host.create('a', shell('exec sleep 1000'));
    const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    const stdio = ['/dev/null', host.path('out-a'), host.path('err-a')];
    expect(links).toEqual([...stdio, expect.stringMatching(/^socket:/)]);
    await until('its sleep', () => processState(pid) === 'S');
    const before = sleeps(pid);
    expect(before).not.toBe('');
    for (let i = 0; i < 5; i++) expect(host.state('a').status).toBe('created');
    expect({ state: processState(pid), sleeps: sleeps(pid) }).toEqual({ state: 'S', sleeps: before });
    expect((await host.command(['start', 'a'])).errors).toEqual([]);
    expect(host.state('a').status).toBe('running');
    // While the program starts, it has its libraries open.
    await until('its stdio alone', () => readdirSync(`/proc/${pid}/fd`).join() === '0,1,2');
    expect(readdirSync(`${host.root}/a`)).not.toContain('start');
  });

  it('delete ends a container that was never started, without --force', async () => {
    const pid = await host.create('a', shell('exec sleep 1000'));
    expect((await host.delete('a')).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('kill ends it, and start then fails', async () => {
    const pid = await host.create('a', shell('exec sleep 1000'));
    expect((await host.command(['kill', 'a', 'TERM'])).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal: 15 });
    expect(host.state('a').status).toBe('stopped');
    expect((await host.command(['start', 'a'])).errors).toEqual(['cannot start a container that has stopped']);
    expect((await host.delete('a')).errors).toEqual([]);
  });

  it('exec works before the start', async () => {
    const pid = await host.create('a', shell('exec sleep 1000'));
    expect(await host.exit(await host.exec('a', 'b', shell('exit 3')))).toEqual({ code: 3 });
    expect(host.state('a')).toMatchObject({ status: 'created', pid });
    expect((await host.command(['start', 'a'])).errors).toEqual([]);
    expect(host.state('a')).toMatchObject({ status: 'running', pid });
  });
});

describe('an error that can be known before start is an error of create:', () => {
  it.each([
    ['no-such-tool', 'exec: "no-such-tool": executable file not found in $PATH'],
    ['/x/foo', 'exec: "/x/foo": stat /x/foo: no such file or directory'],
    ['/etc/passwd', 'exec: "/etc/passwd": permission denied'],
    ['/etc', 'exec: "/etc": permission denied'],
  ])('%s', async (program, message) => {
    const outcome = await host.tryCreate('a', { ...shell(''), args: [program] });
    expect(outcome).toMatchObject({ status: 1, errors: [message] });
    expect(existsSync(host.path('pid-a'))).toBe(false);
    expect(readdirSync(host.root)).toEqual([]);
  });

  it.runIf(asRoot)('a program that only others may execute', async () => {
    const program = host.write('program', '#!/bin/sh\n');
    chmodSync(program, 0o700);
    const user = { uid: 65534, gid: 65534 };
    expect((await host.tryCreate('a', { ...shell(''), args: [program], user })).errors).toEqual([
      `exec: "${program}": permission denied`,
    ]);
  });

  it('a working directory that does not exist', async () => {
    expect((await host.tryCreate('a', shell('true', { cwd: '/no/such' }))).errors).toEqual([
      'process.cwd: chdir /no/such: no such file or directory',
    ]);
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('a pid file that cannot be written', async () => {
    const bundle = host.bundle('a', { process: shell('exec sleep 1000') });
    const { errors } = await host.command(['create', '-b', bundle, '--pid-file', host.path('no/pid'), 'a']);
    expect(errors).toEqual([`pid file ${host.path('no/pid')}: no such file or directory`]);
    expect(readdirSync(host.root)).toEqual([]);
  });
});

describe('an error that only execve(2) reports is an error of start:', () => {
  async function startOf(args: string[], between: () => void = () => undefined): Promise<string[]> {
    const pid = await host.create('a', { ...shell(''), args });
    between();
    const { status, errors } = await host.command(['start', 'a']);
    expect(status).toBe(1);
    expect(await host.exit(pid)).toEqual({ code: 1 });
    expect(host.state('a').status).toBe('stopped');
    expect((await host.delete('a')).errors).toEqual([]);
    return errors;
  }

  it('a file that is no program', async () => {
    const file = host.write('text', 'no program');
    chmodSync(file, 0o755);
    expect(await startOf([file])).toEqual([`exec: "${file}": exec format error`]);
  });

  it('an interpreter that does not exist', async () => {
    const file = host.write('script', '#!/no/such/interpreter\n');
    chmodSync(file, 0o755);
    expect(await startOf([file])).toEqual([`exec: "${file}": no such file or directory (its interpreter or loader)`]);
  });

  it('a program that was removed after create', async () => {
    const file = host.write('script', '#!/bin/sh\n');
    chmodSync(file, 0o755);
    const errors = await startOf([file], () => {
      rmSync(file);
    });
    expect(errors).toEqual([`exec: "${file}": stat ${file}: no such file or directory`]);
  });

  it('arguments that are too long', async () => {
    const long = 'x'.repeat(130 * 1024);
    expect(await startOf(['/bin/true', long])).toEqual(['exec: "/bin/true": argument list too long']);
  });
});

describe('start', () => {
  it('is refused if there is nothing to start', async () => {
    expect((await host.command(['start', 'a'])).errors).toEqual(['container does not exist: a']);
    await host.run('a', shell('exec sleep 1000'));
    expect((await host.command(['start', 'a'])).errors).toEqual(['cannot start an already running container']);
    mkdirSync(`${host.root}/half`, { mode: 0o700 });
    expect((await host.command(['start', 'half'])).errors).toEqual([
      'cannot start a container that is not created yet',
    ]);
  });

  it('succeeds once, however many try', async () => {
    for (let round = 0; round < 5; round++) {
      const pid = await host.create('a', shell('exec sleep 1000'));
      const starts = await Promise.all(Array.from({ length: 5 }, () => host.command(['start', 'a'])));
      expect(starts.filter(({ status }) => status === 0)).toHaveLength(1);
      expect(starts.flatMap(({ errors }) => errors)).toEqual(
        Array(4).fill('cannot start an already running container'),
      );
      expect(host.state('a')).toMatchObject({ status: 'running', pid });
      expect((await host.delete('a', '--force')).errors).toEqual([]);
    }
  });

  it('fails when the process is killed before it starts', async () => {
    // A stopped process does not read the start.
    const pid = await host.create('a', shell('exec sleep 1000'));
    process.kill(pid, 'SIGSTOP');
    const { pid: starting } = await host.begin(['start', 'a']);
    const log = host.path('log-1.json');
    await until('its wait for an answer', () => processState(starting) === 'S');
    process.kill(pid, 'SIGKILL');
    expect(await host.exit(starting)).toEqual({ code: 1 });
    expect(readFileSync(log, 'utf8')).toContain('the process was killed before it started');
  });

  it('does not block a delete while it waits for the program', async () => {
    const pid = await host.create('a', shell('exec sleep 1000'));
    process.kill(pid, 'SIGSTOP');
    const { pid: starting } = await host.begin(['start', 'a']);
    await until('its wait for an answer', () => processState(starting) === 'S');
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    // `start` runs below the adopter, so delete may kill it, too.
    expect([{ code: 1 }, { signal: 9 }]).toContainEqual(await host.exit(starting));
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('is not triggered by a connection that closes without a message', async () => {
    const pid = await host.create('a', shell('exec sleep 1000'));
    const socket = createConnection(join(host.root, 'a/start'));
    await once(socket, 'connect');
    socket.destroy();
    await once(socket, 'close');
    expect(host.state('a').status).toBe('created');
    expect((await host.command(['start', 'a'])).errors).toEqual([]);
    expect(host.state('a')).toMatchObject({ status: 'running', pid });
  });

  it('does not need the bundle', async () => {
    const pid = await host.create('a', shell('exit 5'));
    rmSync(host.path('bundle-a'), { recursive: true });
    expect((await host.command(['start', 'a'])).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ code: 5 });
  });

  it('works below a state root whose name is longer than a socket address', async () => {
    const deep = join(host.dir, 'd'.repeat(120), 'root');
    const bundle = host.bundle('a', { process: shell('exit 6') });
    const at = ['--root', deep];
    expect((await host.command([...at, 'create', '-b', bundle, '--pid-file', host.path('p'), 'a'])).errors).toEqual([]);
    expect((await host.command([...at, 'start', 'a'])).errors).toEqual([]);
    expect(await host.exit(Number(host.read('p')))).toEqual({ code: 6 });
    expect((await host.command([...at, 'delete', 'a'])).errors).toEqual([]);
  });
});

it.each([3, 4, 5, 6])('a limit of %i descriptors applies to the program and does not break the wait', async (limit) => {
  const rlimits = [{ type: 'RLIMIT_NOFILE', soft: limit, hard: limit + 1 }];
  const pid = await host.create('a', { ...shell(''), args: ['/bin/busybox', 'sleep', '1000'], rlimits });
  expect((await host.command(['start', 'a'])).errors).toEqual([]);
  expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(
    new RegExp(`^Max open files +${limit} +${limit + 1} +files`, 'm'),
  );
  expect(runs(pid)).toBe(true);
});

it('the working directory, the user and the umask are set before the start', async () => {
  const user = isRoot ? { uid: 65534, gid: 65533, umask: 0o77 } : {};
  const pid = await host.create('a', shell('exec sleep 1000', { cwd: '/usr', user }));
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/usr');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  if (isRoot) expect(status).toMatch(/^Umask:\t0077[\s\S]*^Uid:(\t65534){4}\nGid:(\t65533){4}$/m);
});
