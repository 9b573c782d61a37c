// `pause` stops every member, by the cgroup's freezer or by signals. `resume` continues exactly those that it stopped.
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { installed, isRoot, want, wantRight } from '../support/strict.js';
import { processesWith } from '../support/proc.js';
import { until } from '../support/until.js';
import { cgroupsWork } from './cgroups.js';
import { defaultProcess, Host, processState, runs, shell } from './harness.js';

const cgroups = wantRight('a cgroup v2 in which we may make others', cgroupsWork());
/** A caller without a cgroup, as most unprivileged users are. */
const unprivileged = isRoot ? { uid: 65534 } : {};
const signals = isRoot || !cgroups;
const ways = [
  ...(cgroups ? ([['the freezer', {}, true]] as const) : []),
  ...(signals ? ([['signals', unprivileged, false]] as const) : []),
];

let host: Host;
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

async function ok(...args: string[]): Promise<void> {
  expect((await host.command(args)).errors).toEqual([]);
}

function frozen(id: string): boolean {
  return readFileSync(`${readlinkSync(`${host.root}/${id}/cgroup`)}/cgroup.events`, 'utf8').includes('frozen 1');
}

function recorded(id: string): { stopped?: { pid: number }[] } {
  return JSON.parse(readFileSync(`${host.root}/${id}/state.json`, 'utf8')) as ReturnType<typeof recorded>;
}

/** A shell line that appends to a file for ever. */
function counting(file: string): string {
  return `while :; do echo >> ${file}; sleep 0.001; done`;
}

/** State D: a shell in vfork(2) whose child is stopped. */
const standing = ['T', 'D'];

function size(name: string): number {
  return existsSync(host.path(name)) ? host.read(name).length : 0;
}

async function grows(name: string): Promise<void> {
  const before = size(name);
  await until(`more in ${name}`, () => size(name) > before);
}

describe.each(ways)('by %s', (_, options, byFreezer) => {
  it('all members stop, and continue', async () => {
    host = new Host(options);
    const daemon = `(setsid sh -c '${counting(host.path('daemon'))}' &)`;
    const pid = await host.run('a', shell(`${daemon}; ${counting(host.path('init'))}`));
    await host.exec('a', 'b', shell(counting(host.path('exec'))));
    const names = ['init', 'daemon', 'exec'];
    await Promise.all(names.map(grows));
    await ok('pause', 'a');
    expect(host.state('a')).toMatchObject({ status: 'paused', pid });
    const before = names.map(size);
    if (byFreezer) expect(frozen('a')).toBe(true);
    else expect(standing).toContain(processState(pid));
    for (let i = 0; i < 10; i++) expect(host.state('a').status).toBe('paused');
    expect(names.map(size)).toEqual(before);
    await ok('resume', 'a');
    expect(host.state('a')).toMatchObject({ status: 'running', pid });
    await Promise.all(names.map(grows));
    expect(recorded('a')).not.toHaveProperty('stopped');
  });

  it('a member that was stopped before stays stopped after the resume', async () => {
    host = new Host(options);
    const stopped = host.path('stopped');
    await host.run(
      'a',
      shell(`sh -c 'echo $$ > ${stopped}; kill -STOP $$; echo > ${host.path('went-on')}' & sleep 1000`),
    );
    const pid = await host.pidIn('stopped');
    await until('its stop', () => processState(pid) === 'T');
    for (let i = 0; i < 3; i++) {
      await ok('pause', 'a');
      await ok('resume', 'a');
    }
    expect(processState(pid)).toBe('T');
    expect(existsSync(host.path('went-on'))).toBe(false);
    process.kill(pid, 'SIGCONT');
    await until('its own end', () => existsSync(host.path('went-on')));
  });

  it('a member with threads, and one that makes children without end, stop completely', async () => {
    host = new Host(options);
    const hops = host.path('hops');
    const hop = host.write('hop.sh', `echo >> ${hops}\nsleep 0.002\nsetsid sh "$0" </dev/null >/dev/null 2>&1 &\n`);
    const script = host.write('threads.mjs', "setInterval(() => process.stdout.write('.'), 1)");
    const pid = await host.run('a', shell(`sh ${hop}; exec "${process.execPath}" ${script}`));
    await Promise.all([grows('hops'), grows('out-a')]);
    await ok('pause', 'a');
    const before = [size('hops'), size('out-a')];
    for (let i = 0; i < 10; i++) expect(host.state('a')).toMatchObject({ status: 'paused', pid });
    expect([size('hops'), size('out-a')]).toEqual(before);
    await ok('resume', 'a');
    await Promise.all([grows('hops'), grows('out-a')]);
  });

  it('SIGKILL ends a paused process, and delete ends the rest', async () => {
    host = new Host(options);
    const pid = await host.run('a', shell(`sleep 1000 & echo $! > ${host.path('child')}; wait`));
    const child = await host.pidIn('child');
    await ok('pause', 'a');
    await ok('kill', 'a', 'KILL');
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(host.state('a')).toMatchObject({ status: 'stopped', pid: 0 });
    expect((await host.command(['resume', 'a'])).errors).toEqual(['container not paused']);
    expect(runs(child)).toBe(true);
    expect((await host.delete('a')).errors).toEqual([]);
    expect(await host.exit(child)).toEqual({ signal: 9 });
  });

  it('a signal with a handler is handled after the resume', async () => {
    host = new Host(options);
    const ready = host.path('ready');
    const pid = await host.run('a', shell(`trap 'exit 9' TERM; echo > ${ready}; while :; do sleep 0.01; done`));
    await until('the trap', () => existsSync(ready));
    await ok('pause', 'a');
    await ok('kill', 'a', 'TERM');
    for (let i = 0; i < 5; i++) expect(host.state('a')).toMatchObject({ status: 'paused', pid });
    await ok('resume', 'a');
    expect(await host.exit(pid)).toEqual({ code: 9 });
  });

  it('delete needs --force', async () => {
    host = new Host(options);
    const pid = await host.run('a', shell('sleep 1000 & sleep 1000'));
    await ok('pause', 'a');
    expect((await host.delete('a')).errors).toEqual(['cannot delete container a that is not stopped: paused']);
    await ok('delete', '--force', 'a');
    expect(await host.exit(pid)).toEqual({ signal: 9 });
  });

  it('a container that was not started can be paused, and is started after the resume', async () => {
    host = new Host(options);
    const pid = await host.create('a', shell('exit 4'));
    await ok('pause', 'a');
    expect(host.state('a')).toMatchObject({ status: 'paused', pid });
    expect((await host.command(['start', 'a'])).errors).toEqual(['cannot start a container in the paused state']);
    await ok('resume', 'a');
    expect(host.state('a').status).toBe('created');
    await ok('start', 'a');
    expect(await host.exit(pid)).toEqual({ code: 4 });
  });

  it('is refused in any other state', async () => {
    host = new Host(options);
    expect((await host.command(['pause', 'a'])).errors).toEqual(['container does not exist: a']);
    expect((await host.command(['resume', 'a'])).errors).toEqual(['container does not exist: a']);
    await host.run('a', shell('exec sleep 1000'));
    expect((await host.command(['resume', 'a'])).errors).toEqual(['container not paused']);
    await ok('pause', 'a');
    expect((await host.command(['pause', 'a'])).errors).toEqual(['container not running']);
    expect((await host.tryExec('a', 'x', shell('true'))).errors).toEqual(['cannot exec in a paused container']);
    expect((await host.command(['ps', '-f', 'json', 'a'])).stdout).toMatch(/^\[\d+\]\n$/);
    await host.exit(await host.run('b', shell('exit 0')));
    expect((await host.command(['pause', 'b'])).errors).toEqual(['container not running']);
  });

  it('processes of another container keep running', async () => {
    host = new Host(options);
    await using other = new Host(options);
    const spared = other.path('spared');
    await other.run('o', shell(counting(spared)));
    await host.run('a', shell('sleep 1000 & sleep 1000'));
    await ok('pause', 'a');
    const before = other.read('spared').length;
    await until('more', () => other.read('spared').length > before);
    expect(other.state('o').status).toBe('running');
  });

  it('a pause by a process of the container itself is refused', async () => {
    host = new Host(options);
    const log = host.path('inside.json');
    const call = `${host.binary} --log ${log} --log-format json --root ${host.root} pause a`;
    expect(await host.exit(await host.run('a', shell(`${call}; exit $?`)))).toEqual({ code: 1 });
    expect(readFileSync(log, 'utf8')).toContain('called from inside of the container that it is to pause');
  });
});

describe.runIf(signals)('by signals', () => {
  it('members that send each other SIGSTOP and SIGCONT end up stopped, and continue', async () => {
    host = new Host(unprivileged);
    const child = `sh -c '${counting(host.path('child'))}' & c=$!`;
    await host.run(
      'a',
      shell(`${child}; while :; do kill -STOP $c; kill -CONT $c; echo >> ${host.path('init')}; done`),
    );
    await Promise.all(['child', 'init'].map(grows));
    for (let i = 0; i < 10; i++) {
      await ok('pause', 'a');
      const before = ['child', 'init'].map(size);
      expect(host.state('a').status).toBe('paused');
      expect(['child', 'init'].map(size)).toEqual(before);
      await ok('resume', 'a');
      await grows('init');
    }
  });

  it('it records which processes it stopped', async () => {
    host = new Host(unprivileged);
    const stopped = host.path('stopped');
    const pid = await host.run('a', shell(`sh -c 'echo $$ > ${stopped}; kill -STOP $$' & echo $$; exec sleep 1000`));
    const other = await host.pidIn('stopped');
    await until('its stop', () => processState(other) === 'T');
    await ok('pause', 'a');
    expect(recorded('a').stopped?.map((each) => each.pid)).toEqual([pid]);
  });

  it.runIf(want('python3', installed('python3')))(
    'a parent in posix_spawn(3) whose child has not called execve(2) yet counts as stopped',
    async () => {
      host = new Host(unprivileged);
      const fifo = host.path('fifo');
      const open = `(os.POSIX_SPAWN_OPEN, 0, ${JSON.stringify(fifo)}, os.O_RDONLY, 0)`;
      const program = `import os\nos.mkfifo(${JSON.stringify(fifo)})\nos.posix_spawn("/bin/true", ["true"], {}, file_actions=[${open}])\n`;
      const pid = await host.run('a', { ...defaultProcess, args: ['python3', host.write('spawn.py', program)] });
      await until('the child', () => existsSync(fifo) && processState(pid) === 'D');
      await ok('pause', 'a');
      expect(host.state('a').status).toBe('paused');
      await ok('resume', 'a');
      writeFileSync(fifo, '');
      expect(await host.exit(pid)).toEqual({ code: 0 });
    },
  );

  it('a pid that another process has by now is not continued', async () => {
    host = new Host(unprivileged);
    await using other = new Host(unprivileged);
    const stranger = await other.run('o', shell('kill -STOP $$; exec sleep 1000'));
    await until('its stop', () => processState(stranger) === 'T');
    await host.run('a', shell('exec sleep 1000'));
    await ok('pause', 'a');
    const file = `${host.root}/a/state.json`;
    const state = JSON.parse(readFileSync(file, 'utf8')) as { stopped: object[] };
    state.stopped.push({ pid: stranger, startTimeTicks: 1 });
    writeFileSync(file, JSON.stringify(state));
    await ok('resume', 'a');
    expect(processState(stranger)).toBe('T');
  });
});

describe.runIf(cgroups)('by the freezer', () => {
  it('a process that was moved out of the cgroup is stopped by signals', async () => {
    host = new Host();
    await host.run(
      'a',
      shell(`sh -c 'echo $$ > ${host.path('pid')}; ${counting(host.path('out'))}' & exec sleep 1000`),
    );
    const pid = await host.pidIn('pid');
    const below = readlinkSync(`${host.root}/a/cgroup`);
    writeFileSync(`${below}/../cgroup.procs`, String(pid));
    await grows('out');
    await ok('pause', 'a');
    expect(recorded('a').stopped?.map((each) => each.pid)).toContain(pid);
    expect(standing).toContain(processState(pid));
    await ok('resume', 'a');
    await grows('out');
  });

  it('a process that the container itself froze counts as paused', async () => {
    host = new Host();
    await host.run('a', shell('exec sleep 1000'));
    const path = readlinkSync(`${host.root}/a/cgroup`);
    writeFileSync(`${path}/cgroup.freeze`, '1');
    expect(host.state('a').status).toBe('paused');
    await ok('resume', 'a');
    expect(host.state('a').status).toBe('running');
    mkdirSync(`${path}/below`);
    await ok('pause', 'a');
    await ok('delete', '--force', 'a');
    expect(existsSync(path)).toBe(false);
    expect(processesWith(host.dir).filter((pid) => pid !== host.reaperPid)).toEqual([]);
  });
});
