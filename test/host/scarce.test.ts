// A resource runs out: every command does its work or says why not, and delete finds everything that is left.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { installed, isRoot, succeeds, want, wantRight } from '../support/strict.js';
import { eachWithHost, Host, runs, shell } from './harness.js';

const asRoot = wantRight('root, to run programs as another user', isRoot);

let host: Host;
eachWithHost((one) => {
  host = one;
});

function containers(): string[] {
  return existsSync(host.root) ? readdirSync(host.root) : [];
}

function cgroupsLeft(id: string): string[] {
  const own = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  const mount = /^\S+ \S+ \S+ \/ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
  return mount === undefined ? [] : readdirSync(`${mount}${own}`).filter((name) => name.startsWith(`outlive-${id}-`));
}

describe.runIf(want('prlimit', installed('prlimit')))('limits of the caller', () => {
  it.each([['run', '-d'], ['create']])('too few descriptors: %s works whole or not at all', async (...command) => {
    const id = `few${process.pid}`;
    const bundle = host.bundle('a', { process: shell('exec sleep 1000') });
    const statuses = new Set<number>();
    for (let limit = 3; limit <= 16; limit++) {
      const few = ['prlimit', `--nofile=${limit}:${limit}`];
      const { status } = await host.command([...command, '-b', bundle, id], few);
      statuses.add(status);
      expect(containers(), `with ${limit}`).toEqual(status === 0 ? [id] : []);
      if (status === 0) expect((await host.delete(id, '--force')).errors).toEqual([]);
      expect(cgroupsLeft(id)).toEqual([]);
    }
    expect(statuses).toEqual(new Set([0, 1]));
  });

  it('more processes than descriptors: delete ends all, or fails with the reason', async () => {
    const pid = await host.run(
      'a',
      shell('for i in $(seq 40); do setsid sleep 1000 & done; echo > started; wait', { cwd: host.dir }),
    );
    const few = (limit: number): string[] => ['prlimit', `--nofile=${limit}:${limit}`];
    for (let limit = 4; limit < 12; limit++) {
      const { status, errors } = await host.command(['delete', '--force', 'a'], few(limit));
      if (status === 0) break;
      expect(errors.join()).toMatch(/^$|too many open files/);
    }
    expect((await host.command(['delete', '--force', 'a'], few(16))).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(containers()).toEqual([]);
  });

  it.runIf(asRoot)('no further process', async () => {
    await using other = new Host({ uid: 65534 });
    const bundle = other.bundle('a', { process: shell('true') });
    const { status, errors } = await other.command(['run', '-d', '-b', bundle, 'a'], ['prlimit', '--nproc=1:1']);
    expect({ status, errors }).toEqual({
      status: 1,
      errors: ['cannot make a process: resource temporarily unavailable'],
    });
    expect(readdirSync(other.root)).toEqual([]);
  });

  it('a file that may not grow', async () => {
    const { status } = await host.command(
      ['run', '-d', '-b', host.bundle('a', { process: shell('exec sleep 1000') }), 'a'],
      ['prlimit', '--fsize=0:0'],
    );
    expect(status).not.toBe(0);
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(containers()).toEqual([]);
  });
});

const mounts = wantRight('root and mount namespaces', isRoot && succeeds('unshare', ['-m', 'true']));

describe.runIf(mounts)('a file system for the state', () => {
  /** Runs a command that sees a file system mounted on the state root; gives the outcome and what lies there. */
  async function mounted(mount: string, ...commands: string[][]): Promise<string> {
    if (!existsSync(host.root)) mkdirSync(host.root, { mode: 0o700 });
    const call = `${host.binary} --log ${host.path('log')} --root ${host.root}`;
    const lines = commands.map((args) => `${call} ${args.join(' ')}; echo $?`);
    const out = host.path('answers');
    if (existsSync(out)) unlinkSync(out);
    const script = [mount, ...lines, `ls -A ${host.root}`].join('\n');
    await host.exit(await host.launch([`>${out}`, 'unshare', '-m', 'sh', '-c', script.replaceAll('\n', ';')]));
    return readFileSync(out, 'utf8');
  }

  it('that is full: run succeeds, or fails with ENOSPC and leaves nothing', async () => {
    const bundle = host.bundle('a', { process: shell('exec sleep 1000') });
    const run = ['run', '-d', '-b', bundle, 'a'];
    const remove = ['delete', '--force', 'a'];
    const answers = new Set<string>();
    for (let inodes = 1; inodes <= 6; inodes++) {
      const mount = `mount -t tmpfs -o mode=700,nr_inodes=${inodes} none ${host.root}`;
      answers.add(await mounted(mount, run, remove));
    }
    expect(answers).toEqual(new Set(['1\n0\n', '0\n0\n']));
    expect(readFileSync(host.path('log'), 'utf8')).toContain('no space left on device');
  });

  it('that is read-only: run and delete fail with EROFS', async () => {
    const pid = await host.run('a', shell('exec sleep 1000'));
    const mount = `mount --bind ${host.root} ${host.root}; mount -o remount,ro,bind ${host.root}`;
    const run = ['run', '-d', '-b', host.path('bundle-a'), 'b'];
    expect(await mounted(mount, run, ['delete', '--force', 'a'])).toBe('1\n1\na\n');
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(readFileSync(host.path('log'), 'utf8').match(/read-only file system/g)).toHaveLength(2);
    expect((await host.delete('a')).errors).toEqual([]);
  });
});

it('whatever the umask, the modes are exact', async () => {
  // File modes do not bind root.
  await using other = new Host(isRoot ? { uid: 65534 } : {});
  const pidFile = other.path('pid');
  const words = [
    'run',
    '-d',
    '-b',
    other.bundle('a', { process: shell('exec sleep 1000') }),
    '--pid-file',
    pidFile,
    'a',
  ];
  expect((await other.command(words, ['sh', '-c', 'umask 0777; exec "$@"', 'sh'])).errors).toEqual([]);
  for (const each of [other.root, `${other.root}/a`]) expect(statSync(each).mode & 0o777).toBe(0o700);
  expect(runs(Number(other.read('pid')))).toBe(true);
  expect((await other.delete('a', '--force')).errors).toEqual([]);
});

it('a link as the state root is refused with a slash at its end too', async () => {
  mkdirSync(host.path('elsewhere'), { mode: 0o700 });
  symlinkSync(host.path('elsewhere'), host.path('link'));
  const bundle = host.bundle('a', { process: shell('true') });
  const { status, errors } = await host.command(['--root', `${host.path('link')}/`, 'run', '-d', '-b', bundle, 'a']);
  expect({ status, errors }).toEqual({ status: 1, errors: [`state root ${host.path('link')}: not a directory`] });
  rmdirSync(host.path('elsewhere'));
});
