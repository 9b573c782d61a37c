// Every process that a container left behind ends with it, however it tried to escape; no other process is touched.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';
import { processesWith, statOf } from '../support/proc.js';
import { cgroupsWork } from './cgroups.js';
import { Host, runs, shell, type HostOptions } from './harness.js';

/** A process that belongs to no container; killed after the test, even if that fails. */
class Bystander {
  readonly #process: ChildProcess;
  readonly pid: number;
  constructor(uid?: number) {
    this.#process = spawn('sleep', ['1000'], { stdio: 'ignore', ...(uid === undefined ? {} : { uid, gid: uid }) });
    if (this.#process.pid === undefined) throw new Error('no sleep');
    this.pid = this.#process.pid;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'exit');
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGKILL');
      await ended;
    }
  }
}

let host: Host;
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

/** Runs a script that starts daemons, and waits for the file into which each writes its pid. */
async function withDaemons(id: string, count: number, script: string): Promise<{ pid: number; daemons: number[] }> {
  const pid = await host.run(id, shell(script));
  const daemons = await until('the daemons', () => {
    const names = readdirSync(host.dir).filter((name) => name.startsWith(`daemon-${id}-`));
    const pids = names.map((name) => Number(host.read(name)));
    return pids.length === count && pids.every((each) => each > 0) ? pids : undefined;
  });
  expect(daemons.every(runs)).toBe(true);
  return { pid, daemons };
}

/** A shell line that makes a daemon: its own session, no descriptors of ours, and no parent. */
function daemonize(id: string, name: number | string, extra = '', where = host): string {
  const file = where.path(`daemon-${id}-${name}`);
  return `(${extra} setsid sh -c 'echo $$ > ${file}; exec sleep 1000 <&- >&- 2>&-' &)`;
}

const cgroups = wantRight('a cgroup v2 in which we may make others', cgroupsWork());
const ways: [string, HostOptions][] = [
  [cgroups ? 'cgroup and adopter' : 'adopter', {}],
  ...(cgroups ? [['cgroup alone', { adopter: false }] satisfies [string, HostOptions]] : []),
  ...(isRoot ? [['adopter alone', { uid: 65534 }] satisfies [string, HostOptions]] : []),
];

describe.each(ways)('by %s', (_, options) => {
  it('daemonised grandchildren end when the container is deleted', async () => {
    host = new Host(options);
    const release = host.path('release');
    const script = `${daemonize('a', 1)}; ${daemonize('a', 2, 'env -i')}; while [ ! -e ${release} ]; do sleep 0.01; done; exit 4`;
    const { pid, daemons } = await withDaemons('a', 2, script);
    writeFileSync(release, '');
    expect(await host.exit(pid)).toEqual({ code: 4 });
    expect(daemons.every(runs)).toBe(true);
    expect((await host.delete('a')).errors).toEqual([]);
    for (const daemon of daemons) expect(await host.exit(daemon)).toEqual({ signal: 9 });
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('a tree of stopped and busy processes ends with --force', async () => {
    host = new Host(options);
    const busy = `(trap "" TERM HUP INT; echo $$ > ${host.path('daemon-a-busy')}; while :; do :; done) & `;
    const stopped = `sh -c 'echo $$ > ${host.path('daemon-a-stopped')}; kill -STOP $$' & `;
    const { pid, daemons } = await withDaemons('a', 3, `${busy}${stopped}${daemonize('a', 1)}; wait`);
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(daemons.some(runs)).toBe(false);
  });

  it('a process that forks without end, where each parent exits, is caught', async () => {
    host = new Host(options);
    const hops = host.path('hops');
    const hop = host.write('hop.sh', `echo $$ >> ${hops}\nsleep 0.002\nsetsid sh "$0" </dev/null >/dev/null 2>&1 &\n`);
    await host.run('a', shell(`sh ${hop}; exec sleep 1000`));
    await until('some hops', () => existsSync(hops) && host.read('hops').split('\n').length > 10);
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(processesWith(hop)).toEqual([]);
  });

  it('kill --all reaches the daemons', async () => {
    host = new Host(options);
    const { pid, daemons } = await withDaemons('a', 1, `${daemonize('a', 1)}; exec sleep 1000`);
    expect((await host.command(['kill', '--all', 'a', 'USR1'])).errors).toEqual([]);
    for (const each of [pid, ...daemons]) expect(await host.exit(each)).toEqual({ signal: 10 });
  });

  it('processes that an exec left behind end too', async () => {
    host = new Host(options);
    const pid = await host.run('a', shell('exec sleep 1000'));
    const exec = await host.exec('a', 'b', shell(`${daemonize('b', 1)}; exec sleep 1000`));
    const daemon = await host.pidIn('daemon-b-1');
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(await host.exit(exec)).toEqual({ signal: 9 });
    expect(await host.exit(daemon)).toEqual({ signal: 9 });
  });

  it('processes of another container, and of no container, live on', async () => {
    host = new Host(options);
    await using other = new Host(options);
    await using outside = new Bystander(options.uid);
    await other.run('o', shell(`${daemonize('o', 1, '', other)}; exec sleep 1000`));
    const daemon = await other.pidIn('daemon-o-1');
    const pid = await host.run('a', shell(`${daemonize('a', 1)}; exec sleep 1000`));
    await host.pidIn('daemon-a-1');
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(runs(daemon)).toBe(true);
    expect(other.state('o').status).toBe('running');
    expect(runs(outside.pid)).toBe(true);
  });
});

it.runIf(cgroups)('a cgroup that the process made below its own is removed with the container', async () => {
  host = new Host();
  const pid = await host.run('a', shell('exec sleep 1000'));
  const path = readlinkSync(`${host.root}/a/cgroup`);
  expect(readFileSync(`${path}/cgroup.procs`, 'utf8')).toBe(`${pid}\n`);
  mkdirSync(`${path}/below/deep`, { recursive: true });
  writeFileSync(`${path}/below/deep/cgroup.procs`, String(pid));
  expect((await host.delete('a', '--force')).errors).toEqual([]);
  expect(await host.exit(pid)).toEqual({ signal: 9 });
  expect(existsSync(path)).toBe(false);
});

describe('a state file is not trusted:', () => {
  async function forge(change: (state: { init: object; execs: object[]; adopters: object[]; bootId: string }) => void) {
    host = new Host();
    await host.exit(await host.run('a', shell('exit 0')));
    const file = `${host.root}/a/state.json`;
    const state = JSON.parse(readFileSync(file, 'utf8')) as Parameters<typeof change>[0];
    change(state);
    writeFileSync(file, JSON.stringify(state));
  }

  const startTimeTicks = (pid: number): number => statOf(pid)?.startTimeTicks ?? NaN;

  it('a pid that another process has by now is never signalled', async () => {
    await using bystander = new Bystander();
    const { pid } = bystander;
    await forge((state) => {
      const stranger = { pid, startTimeTicks: startTimeTicks(pid) - 1 };
      Object.assign(state, { init: stranger, execs: [stranger], adopters: [{ pid: process.pid, startTimeTicks: 1 }] });
    });
    expect((await host.command(['kill', 'a', 'KILL'])).errors).toEqual(['container not running']);
    expect((await host.command(['kill', '--all', 'a', 'KILL'])).errors).toEqual([]);
    expect(host.state('a').status).toBe('stopped');
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(runs(pid)).toBe(true);
  });

  it('a pid that is a thread of another process by now is never signalled', async () => {
    // Every Node.js program has threads.
    const thread = readdirSync('/proc/self/task')
      .map(Number)
      .find((each) => each !== process.pid);
    const stranger = { pid: thread, startTimeTicks: startTimeTicks(thread ?? 0) };
    await forge((state) => {
      Object.assign(state, { init: stranger, execs: [stranger], adopters: [stranger] });
    });
    expect((await host.command(['kill', 'a', 'KILL'])).errors).toEqual(['container not running']);
    expect((await host.command(['kill', '--all', 'a', 'KILL'])).errors).toEqual([]);
    expect((await host.delete('a')).errors).toEqual([]);
  });

  it('a pid of another boot is never signalled', async () => {
    await using bystander = new Bystander();
    const { pid } = bystander;
    await forge((state) => {
      const same = { pid, startTimeTicks: startTimeTicks(pid) };
      Object.assign(state, { init: same, execs: [same], bootId: '00000000-0000-0000-0000-000000000000' });
    });
    expect((await host.command(['kill', 'a', 'KILL'])).errors).toEqual(['container not running']);
    expect((await host.delete('a')).errors).toEqual([]);
    expect(runs(pid)).toBe(true);
  });

  it('a damaged file is an error, and delete --force removes it', async () => {
    await forge((state) => {
      Object.assign(state, { init: { pid: -1, startTimeTicks: 0 } });
    });
    expect((await host.command(['state', 'a'])).errors).toEqual(['state.json of the container is damaged']);
    expect((await host.delete('a')).errors).toEqual(['state.json of the container is damaged']);
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(readdirSync(host.root)).toEqual([]);
  });
});

it('a delete by a process of the container itself is refused', async () => {
  host = new Host();
  const log = host.path('inside.json');
  const call = `${host.binary} --log ${log} --log-format json --root ${host.root} delete --force a`;
  expect(await host.exit(await host.run('a', shell(`${call}; exit $?`)))).toEqual({ code: 1 });
  expect(readFileSync(log, 'utf8')).toContain('called from inside of the container');
});

it('a delete by a daemon of the container, which has lost its link to the first process, is refused', async () => {
  // There is no cgroup and the first process has ended: only the shim that adopted the daemon shows where it belongs.
  host = new Host(isRoot ? { uid: 65534 } : {});
  const log = host.path('inside.json');
  const call = `${host.binary} --log ${log} --log-format json --root ${host.root} delete --force a`;
  const gone = host.path('gone');
  const script = `while [ ! -e ${gone} ]; do sleep 0.01; done; env -u OUTLIVE_SUBREAPER ${call}; echo $? > ${host.path('status')}`;
  const pid = await host.run('a', shell(`setsid sh -c '${script}' & exit 0`));
  expect(await host.exit(pid)).toEqual({ code: 0 });
  writeFileSync(gone, '');
  await until('the answer', () => existsSync(host.path('status')) && host.read('status') !== '');
  expect(host.read('status')).toBe('1\n');
  expect(readFileSync(log, 'utf8')).toContain('called from inside of the container');
  expect((await host.delete('a')).errors).toEqual([]);
});

it('a shim that runs inside the container ends with it', async () => {
  host = new Host(isRoot ? { uid: 65534 } : {});
  const file = host.write('process-inner.json', JSON.stringify(shell('exec sleep 1000')));
  const pidFile = host.path('pid-inner');
  const exec = ['exec', '-d', '--process', file, '--pid-file', pidFile, 'a'];
  const line = [host.binary, '--root', host.root, ...exec].join('\\t');
  const fifo = host.path('fifo');
  const inner = `sh -c 'echo $$ > ${host.path('inner')}; exec ${host.path('outlive-test-reaper')}' <&3 3<&3`;
  // Descriptor 3 is open for both ends, so the inner reaper never reads the end of its commands.
  const script = `mkfifo ${fifo}; exec 3<>${fifo}; printf '${line}\\n' >&3; ${inner}`;
  await host.run('a', shell(script));
  await until('the inner process', () => existsSync(pidFile));
  const pids = [await host.pidIn('inner'), Number(readFileSync(pidFile, 'utf8'))];
  expect(pids.map(runs)).toEqual([true, true]);
  expect((await host.delete('a', '--force')).errors).toEqual([]);
  expect(pids.map(runs)).toEqual([false, false]);
});
