// The life of a container: run, state, kill, delete; and the exact exit status of its first process.
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { defaultProcess, eachWithHost, type Host, runs, shell } from './harness.js';

let host: Host;
eachWithHost((one) => {
  host = one;
});

describe('the exit of the first process', () => {
  it('is exact for all 256 codes', async () => {
    for (let code = 0; code < 256; code++) {
      const pid = await host.run('codes', shell(`exit ${code}`));
      expect(await host.exit(pid)).toEqual({ code });
      expect((await host.delete('codes')).status).toBe(0);
    }
  });

  it('is exact for every signal that ends a process', async () => {
    const spared = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']);
    for (const [name, signal] of Object.entries(constants.signals)) {
      if (spared.has(name)) continue;
      const pid = await host.run('signals', shell('ulimit -c 0; exec sleep 1000'));
      expect((await host.command(['kill', 'signals', name])).errors).toEqual([]);
      expect(await host.exit(pid), name).toEqual({ signal });
      expect((await host.delete('signals')).status).toBe(0);
    }
  });
});

describe('run', () => {
  it('writes the pid without a newline, for the owner only', async () => {
    const pid = await host.run('a', shell('exec sleep 1000'));
    expect(host.read('pid-a')).toBe(String(pid));
    expect(statSync(host.path('pid-a')).mode & 0o777).toBe(0o600);
    expect(readdirSync(host.dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('keeps its state for the owner only', async () => {
    await host.run('a', shell('exec sleep 1000'));
    expect(statSync(host.root).mode & 0o777).toBe(0o700);
    expect(statSync(`${host.root}/a`).mode & 0o777).toBe(0o700);
    expect(statSync(`${host.root}/a/state.json`).mode & 0o777).toBe(0o600);
  });

  it('refuses an id that is taken', async () => {
    const pid = await host.run('a', shell('exec sleep 1000'));
    expect(await host.tryRun('a', shell('true'))).toMatchObject({ status: 1, errors: ['container with id exists: a'] });
    expect(runs(pid)).toBe(true);
  });

  it.each(['', '.', '..', 'a/b', '-a', '_a', 'a b', 'ä', 'a'.repeat(256)])('refuses the id %j', async (id) => {
    const bundle = host.bundle('ids', { process: shell('true') });
    const { status, errors } = await host.command(['run', '-d', '-b', bundle, '--', id]);
    expect(status).toBe(1);
    expect(errors[0]).toContain('invalid container id');
    expect(existsSync(host.root)).toBe(false);
  });

  it('takes the longest id', async () => {
    const id = `a${'.b-c_D+9'.repeat(31)}abcdef`;
    expect(id).toHaveLength(255);
    const bundle = host.bundle('ids', { process: shell('exit 3') });
    expect((await host.command(['run', '-d', '-b', bundle, id])).errors).toEqual([]);
    expect((await host.delete(id, '--force')).errors).toEqual([]);
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('refuses a state root that others may write to', async () => {
    mkdirSync(host.root);
    chmodSync(host.root, 0o777);
    expect((await host.tryRun('a', shell('true'))).errors).toEqual([
      `state root ${host.root} may be written to by others`,
    ]);
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('refuses a state root that is a link', async () => {
    mkdirSync(host.path('elsewhere'), { mode: 0o700 });
    symlinkSync(host.path('elsewhere'), host.root);
    expect((await host.tryRun('a', shell('true'))).errors).toEqual([`state root ${host.root}: not a directory`]);
    expect(readdirSync(host.path('elsewhere'))).toEqual([]);
  });

  it('ends the process again when the pid file cannot be written', async () => {
    const bundle = host.bundle('a', { process: shell('exec sleep 1000') });
    const { status, errors } = await host.command(['run', '-d', '-b', bundle, '--pid-file', host.path('no/pid'), 'a']);
    expect({ status, errors }).toEqual({
      status: 1,
      errors: [`pid file ${host.path('no/pid')}: no such file or directory`],
    });
    expect(readdirSync(host.root)).toEqual([]);
  });
});

describe('state', () => {
  it('has the fields that runc prints', async () => {
    const bundle = host.bundle('a', {
      process: shell('exec sleep 1000'),
      annotations: { 'org.example.key': 'a "quoted"\nvalue' },
    });
    const pid = await host.run('a', bundle);
    expect(host.state('a')).toEqual({
      ociVersion: '1.0.2',
      id: 'a',
      pid,
      status: 'running',
      bundle,
      rootfs: '',
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/) as string,
      annotations: { 'org.example.key': 'a "quoted"\nvalue' },
      owner: '',
    });
    const created = Date.parse(host.state('a').created as string);
    expect(Math.abs(Date.now() - created)).toBeLessThan(60_000);
  });

  it('counts an ended process as stopped, reaped or not', async () => {
    const pid = await host.run('a', shell('exit 0'));
    await host.exit(pid);
    expect(host.state('a')).toMatchObject({ status: 'stopped', pid: 0 });
  });

  it('fails for a container that does not exist', async () => {
    expect(await host.command(['state', 'nobody'])).toMatchObject({
      status: 1,
      errors: ['container does not exist: nobody'],
    });
  });
});

describe('kill', () => {
  it.each([
    [['a'], 15],
    [['a', 'KILL'], 9],
    [['a', 'sigusr1'], 10],
    [['a', '2'], 2],
    [['a', '34'], 34],
  ])('%j sends signal %i', async (args, signal) => {
    const pid = await host.run('a', { ...defaultProcess, args: ['sleep', '1000'] });
    expect((await host.command(['kill', ...args])).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal });
  });

  it('refuses a signal that does not exist', async () => {
    await host.run('a', shell('exec sleep 1000'));
    expect((await host.command(['kill', 'a', 'SIGNOPE'])).errors).toEqual(['unknown signal "SIGNOPE"']);
    expect((await host.command(['kill', 'a', '65'])).errors).toEqual(['unknown signal "65"']);
  });

  it('fails when the first process has ended', async () => {
    await host.exit(await host.run('a', shell('exit 0')));
    expect(await host.command(['kill', 'a', 'TERM'])).toMatchObject({ status: 1, errors: ['container not running'] });
  });

  it('signals the first process only, or with --all every member', async () => {
    const script = `setsid sleep 1000 & echo $! > ${host.path('child')}; trap 'echo usr >> ${host.path('trapped')}' USR1`;
    const pid = await host.run('a', shell(`${script}; echo > ${host.path('ready')}; while :; do wait; done`));
    await until('the trap', () => existsSync(host.path('ready')));
    const child = Number(host.read('child'));
    expect((await host.command(['kill', 'a', 'USR1'])).errors).toEqual([]);
    await until('the signal', () => existsSync(host.path('trapped')));
    expect(runs(child)).toBe(true);
    expect((await host.command(['kill', '--all', 'a', 'KILL'])).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(await host.exit(child)).toEqual({ signal: 9 });
  });
});

describe('delete', () => {
  it('refuses while the first process runs', async () => {
    const pid = await host.run('a', shell('exec sleep 1000'));
    expect((await host.delete('a')).errors).toEqual(['cannot delete container a that is not stopped: running']);
    expect(runs(pid)).toBe(true);
  });

  it('with --force ends it', async () => {
    const pid = await host.run('a', shell('exec sleep 1000'));
    expect((await host.delete('a', '--force')).errors).toEqual([]);
    expect(await host.exit(pid)).toEqual({ signal: 9 });
    expect(readdirSync(host.root)).toEqual([]);
  });

  it('of a container that does not exist is an error, but not with --force', async () => {
    expect((await host.delete('a')).errors).toEqual(['container does not exist: a']);
    expect((await host.delete('a', '--force')).status).toBe(0);
    mkdirSync(host.root, { mode: 0o700 });
    expect((await host.delete('a')).errors).toEqual(['container does not exist: a']);
    expect((await host.delete('a', '--force')).status).toBe(0);
  });
});
