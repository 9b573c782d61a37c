// The process gets exactly what its config says: arguments, environment, descriptors, limits, user.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { isRoot, wantRight } from '../support/strict.js';
import { defaultProcess, eachWithHost, Host, shell } from './harness.js';

const asRoot = wantRight('root, to run programs as another user', isRoot);

let host: Host;
eachWithHost((one) => {
  host = one;
});

async function stdout(what: object): Promise<string> {
  const { exit, stdout: text } = await host.output('a', what);
  expect(exit).toEqual({ code: 0 });
  return text;
}

async function failure(what: object): Promise<string> {
  const { status, errors } = await host.tryRun('a', what);
  expect(status).toBe(1);
  expect(errors).toHaveLength(1);
  return errors[0] ?? '';
}

describe('arguments and environment', () => {
  it('arrive byte for byte', async () => {
    const args = ['cat', '/proc/self/cmdline', '/dev/null', '--', '/proc/self/environ'];
    const env = ['PATH=/usr/bin:/bin', 'EMPTY=', 'ODD= a="b"\n\t\\', 'ÜMLAUT=☃ 𝄞', 'TWICE=1', 'TWICE=2'];
    const text = await stdout({ args, env, cwd: '/' });
    expect(text).toBe([...args, ...env].map((word) => `${word}\0`).join(''));
  });

  it('the environment holds nothing else', async () => {
    expect(await stdout({ args: ['/bin/cat', '/proc/self/environ'], cwd: '/' })).toBe('');
  });
});

describe('the program', () => {
  it('is searched in the PATH of the process', async () => {
    mkdirSync(host.path('first'));
    mkdirSync(host.path('second'));
    writeFileSync(host.path('first/tool'), 'not executable');
    writeFileSync(host.path('second/tool'), '#!/bin/sh\necho second\n', { mode: 0o755 });
    const env = [`PATH=/nowhere:${host.path('first')}:${host.path('second')}`];
    expect(await stdout({ args: ['tool'], env, cwd: '/' })).toBe('second\n');
  });

  it('with a slash is relative to cwd', async () => {
    writeFileSync(host.path('tool'), '#!/bin/sh\npwd\n', { mode: 0o755 });
    expect(await stdout({ args: ['./tool'], env: ['PATH=/bin'], cwd: host.dir })).toBe(`${host.dir}\n`);
  });

  it('is searched in cwd for an empty element of PATH', async () => {
    writeFileSync(host.path('tool'), '#!/bin/sh\necho here\n', { mode: 0o755 });
    expect(await stdout({ args: ['tool'], env: ['PATH=/nowhere:'], cwd: host.dir })).toBe('here\n');
  });

  it.each([
    [['no-such-tool'], ['PATH=/usr/bin'], 'exec: "no-such-tool": executable file not found in $PATH'],
    [['sh'], [], 'exec: "sh": executable file not found in $PATH'],
    [['/x/foo'], [], 'exec: "/x/foo": stat /x/foo: no such file or directory'],
    [['/etc/passwd'], [], 'exec: "/etc/passwd": permission denied'],
    [['passwd'], ['PATH=/etc'], 'exec: "passwd": permission denied'],
    [['/tmp'], [], 'exec: "/tmp": permission denied'],
  ])('%j with %j fails: %s', async (args, env, message) => {
    expect(await failure({ args, env, cwd: '/' })).toBe(message);
    // The failed run leaves no state.
    expect((await host.command(['state', 'a'])).errors).toEqual(['container does not exist: a']);
    expect(() => host.read('pid-a')).toThrow('ENOENT');
  });

  it('of an unknown format, or without its interpreter, fails with the reason', async () => {
    writeFileSync(host.path('odd'), 'echo no interpreter line\n', { mode: 0o755 });
    writeFileSync(host.path('lost'), '#!/no/such/interpreter\n', { mode: 0o755 });
    const odd = host.path('odd');
    const lost = host.path('lost');
    expect(await failure({ args: [odd], cwd: '/' })).toBe(`exec: "${odd}": exec format error`);
    expect(await failure({ args: [lost], cwd: '/' })).toBe(
      `exec: "${lost}": no such file or directory (its interpreter or loader)`,
    );
  });

  it('with too long arguments fails with the reason', async () => {
    const args = ['/bin/true', 'x'.repeat(200_000)];
    expect(await failure({ args, cwd: '/' })).toBe('exec: "/bin/true": argument list too long');
  });
});

describe('its surroundings', () => {
  it('has its cwd', async () => {
    expect(await stdout(shell('pwd', { cwd: host.dir }))).toBe(`${host.dir}\n`);
  });

  it('a cwd that is not there is an error', async () => {
    expect(await failure(shell('pwd', { cwd: '/no/such' }))).toBe(
      'process.cwd: chdir /no/such: no such file or directory',
    );
    expect(await failure(shell('pwd', { cwd: '/etc/passwd' }))).toBe('process.cwd: chdir /etc/passwd: not a directory');
  });

  it('has no descriptor but 0, 1 and 2', async () => {
    const bundle = host.bundle('a', { process: { ...defaultProcess, args: ['ls', '/proc/self/fd'] } });
    // The runtime itself has more descriptors open.
    const open = `exec 5</dev/null 9</dev/null 1000</dev/null; exec ${host.binary} --root ${host.root}`;
    const pid = await host.launch([
      `>${host.path('out-a')}`,
      'bash',
      '-c',
      `${open} run -d -b ${bundle} --pid-file ${host.path('pid-a')} a`,
    ]);
    expect(await host.exit(pid)).toEqual({ code: 0 });
    await host.exit(Number(host.read('pid-a')));
    // 3 is the directory that ls reads.
    expect(host.read('out-a')).toBe('0\n1\n2\n3\n');
  });

  it('leads a session of its own', async () => {
    const text = await stdout(shell('echo $$; cut -d" " -f1,5,6 /proc/$$/stat'));
    const [pid = '', ids] = text.split('\n');
    expect(ids).toBe(`${pid} ${pid} ${pid}`);
  });

  it('has every signal at its default, none blocked', async () => {
    const bundle = host.bundle('a', { process: { ...defaultProcess, args: ['cat', '/proc/self/status'] } });
    const ignoring = `trap '' HUP INT QUIT PIPE TERM USR1 USR2 CHLD; exec ${host.binary} --root ${host.root}`;
    const pid = await host.launch([
      `>${host.path('out-a')}`,
      'bash',
      '-c',
      `${ignoring} run -d -b ${bundle} --pid-file ${host.path('pid-a')} a`,
    ]);
    expect(await host.exit(pid)).toEqual({ code: 0 });
    await host.exit(Number(host.read('pid-a')));
    const none = '0'.repeat(16);
    const masks = host.read('out-a').match(/^Sig(Blk|Ign|Cgt).*$/gm);
    expect(masks).toEqual([`SigBlk:\t${none}`, `SigIgn:\t${none}`, `SigCgt:\t${none}`]);
  });

  it('has umask 022, or the given one', async () => {
    expect(await stdout(shell('umask'))).toBe('0022\n');
    expect(await stdout(shell('umask', { user: { umask: 0o137 } }))).toBe('0137\n');
  });

  it('has no_new_privs if the config says so', async () => {
    const show = 'grep NoNewPrivs /proc/self/status';
    expect(await stdout(shell(show, { noNewPrivileges: true }))).toBe('NoNewPrivs:\t1\n');
    expect(await stdout(shell(show))).toBe('NoNewPrivs:\t0\n');
  });

  it('has its oom score', async () => {
    expect(await stdout(shell('cat /proc/self/oom_score_adj', { oomScoreAdj: 321 }))).toBe('321\n');
  });

  it('has its resource limits', async () => {
    const rlimits = [
      { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 4096 },
      { type: 'RLIMIT_CPU', soft: 3600, hard: 2 ** 64 },
    ];
    const text = await stdout(shell('ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -St; ulimit -Ht', { rlimits }));
    expect(text).toBe('100\n200\n0\n3600\nunlimited\n');
  });

  // JavaScript rounds 18446744073709551615 to 2 ** 64.
  it('reads the largest limit as JSON has it', async () => {
    const config = JSON.stringify({
      process: shell('ulimit -Hc', { rlimits: [{ type: 'RLIMIT_CORE', soft: 7, hard: 8 }] }),
    });
    const bundle = host.bundle('big', config.replace('"hard":8', '"hard":18446744073709551615'));
    await host.exit(await host.run('a', bundle));
    expect(host.read('out-a')).toBe('unlimited\n');
  });
});

describe.runIf(asRoot)('the user', () => {
  it('is set with exactly the given groups', async () => {
    const show = 'grep -E "^(Uid|Gid|Groups)" /proc/self/status';
    const user = { uid: 1234, gid: 2345, additionalGids: [5, 60000, 4294967294] };
    const ids = (id: number) => [id, id, id, id].join('\t');
    expect(await stdout(shell(show, { user }))).toBe(
      `Uid:\t${ids(1234)}\nGid:\t${ids(2345)}\nGroups:\t5 60000 4294967294 \n`,
    );
    expect(await stdout(shell(show, { user: { uid: 1234, gid: 2345 } }))).toBe(
      `Uid:\t${ids(1234)}\nGid:\t${ids(2345)}\nGroups:\t \n`,
    );
  });

  it('absent, is the caller', async () => {
    expect(await stdout(shell('id -u; id -g'))).toBe('0\n0\n');
  });

  it('owns its stdio, whose group does not change', async () => {
    await host.exit(
      await host.run('a', shell('cat /dev/stdout; echo x > /dev/stderr', { user: { uid: 1234, gid: 2345 } })),
    );
    const { uid, gid } = statSync(host.path('out-a'));
    expect({ uid, gid }).toEqual({ uid: 1234, gid: 0 });
    expect(host.read('err-a')).toBe('x\n');
    expect(statSync('/dev/null').uid).toBe(0);
  });

  it('may have a cwd that only it, or only the caller, may enter', async () => {
    mkdirSync(host.path('theirs'), { mode: 0o700 });
    chownSync(host.path('theirs'), 1234, 1234);
    mkdirSync(host.path('ours'));
    chmodSync(host.path('ours'), 0o700);
    const user = { uid: 1234, gid: 1234 };
    for (const name of ['theirs', 'ours']) {
      const { exit } = await host.output('a', { ...defaultProcess, args: ['/bin/true'], cwd: host.path(name), user });
      expect(exit).toEqual({ code: 0 });
    }
  });

  it('must be allowed to run the program', async () => {
    writeFileSync(host.path('tool'), '#!/bin/sh\n');
    chmodSync(host.path('tool'), 0o700);
    const tool = host.path('tool');
    expect(await failure({ args: [tool], cwd: '/', user: { uid: 1234, gid: 1234 } })).toBe(
      `exec: "${tool}": permission denied`,
    );
  });
});

describe.runIf(asRoot)('an unprivileged caller', () => {
  beforeEach(async () => {
    await host[Symbol.asyncDispose]();
    host = new Host({ uid: 65534 });
  });

  it('may name itself as the user', async () => {
    expect(await stdout(shell('id -u; id -g', { user: { uid: 65534, gid: 65534 } }))).toBe('65534\n65534\n');
  });

  const ofUser =
    'only root (CAP_SETUID, CAP_SETGID) may choose user and groups, and this is uid 65534: name no other user, or run this as root';

  it.each([
    [{ user: { uid: 0, gid: 65534 } }, `process.user.uid: setresuid: operation not permitted: ${ofUser}`],
    [{ user: { uid: 65534, gid: 0 } }, `process.user.gid: setresgid: operation not permitted: ${ofUser}`],
    [{ user: { additionalGids: [1] } }, `process.user.additionalGids: setgroups: operation not permitted: ${ofUser}`],
    [
      { oomScoreAdj: -999 },
      'process.oomScoreAdj: write /proc/self/oom_score_adj: permission denied: only root (CAP_SYS_RESOURCE) may set it below its own value',
    ],
    [
      { rlimits: [{ type: 'RLIMIT_NICE', soft: 40, hard: 40 }] },
      'process.rlimits[0]: setrlimit: operation not permitted: only root (CAP_SYS_RESOURCE) may set a hard limit above its own',
    ],
  ])('is told what it may not, and who may: %j', async (more, message) => {
    expect(await failure(shell('true', more))).toBe(message);
  });

  it('has a state root of its own by default', () => {
    mkdirSync(host.path('runtime'), { mode: 0o700 });
    chownSync(host.path('runtime'), 65534, 65534);
    const env = { XDG_RUNTIME_DIR: host.path('runtime') };
    const options = { uid: 65534, gid: 65534, env, encoding: 'utf8' } as const;
    const bundle = host.bundle('a', { process: { args: ['/no/such'], cwd: '/' } });
    expect(spawnSync(host.binary, ['run', '-d', '-b', bundle, 'a'], options).stderr).toContain('no such file');
    expect(statSync(host.path('runtime/outlive-host')).mode & 0o777).toBe(0o700);
  });
});
