// The part of runc's command line that the host runtime takes, and where errors are written.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Host, shell } from './harness.js';

let host: Host;
beforeAll(() => {
  host = new Host();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

function call(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(host.binary, args, { encoding: 'utf8' });
}

it('prints its version and its help', () => {
  for (const flag of ['--version', '-version', '-v']) {
    expect(call(flag)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^outlive-host version \S+\nspec: /) as string,
    });
  }
  for (const args of [['--help'], ['-h'], ['help'], [], ['run', '--help']]) {
    expect(call(...args)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('usage: outlive-host') as string,
    });
  }
});

describe('wrong usage', () => {
  it.each<[string[], string]>([
    [['nope'], 'no such command: "nope" (see outlive-host --help)'],
    [['--nope', 'state', 'a'], 'flag provided but not defined: -nope'],
    [['--root'], 'flag needs an argument: -root'],
    [['--log-format', 'xml', 'state', 'a'], 'unknown log-format "xml": text or json'],
    [['run', '-d'], "run needs the container's id"],
    [['run', 'a'], 'outlive-host only runs detached: use run -d'],
    [['run', '--detach=false', 'a'], 'outlive-host only runs detached: use run -d'],
    [['run', '--detach=maybe', 'a'], 'flag -detach takes true or false, not "maybe"'],
    [['run', '-d', '--preserve-fds', '1', 'a'], 'outlive-host hands on no descriptors: --preserve-fds must be 0'],
    [['run', '-d', 'a', 'b'], 'run has no use for the argument "b"'],
    [['exec', '-p', 'x', 'a'], 'outlive-host only runs detached: use exec -d'],
    [['exec', '-d', 'a'], 'exec needs --process FILE'],
    [['exec', '-d', 'a', 'ls'], 'exec takes its program from --process FILE only, not "ls"'],
    [['kill'], "kill needs the container's id"],
    [['delete', '--all', 'a'], 'flag provided but not defined: -all'],
    [['state', '../a'], 'invalid container id "../a": [A-Za-z0-9][A-Za-z0-9_.+-]*, at most 255 bytes'],
    [['create'], "create needs the container's id"],
    [['create', '-d', 'a'], 'flag provided but not defined: -d'],
    [['create', '--preserve-fds', '1', 'a'], 'outlive-host hands on no descriptors: --preserve-fds must be 0'],
    [['start', 'a', 'b'], 'start has no use for the argument "b"'],
    [['ps', '--format', 'xml', 'a'], 'invalid format option'],
    [['ps', 'a', 'aux'], 'ps has no use for the argument "aux"'],
    [['events', 'a'], 'outlive-host prints no events but the statistics, once: use events --stats'],
    [['update', 'a'], 'update needs --resources FILE'],
    [['update', '--memory', '1000000', 'a'], 'update takes the limits in a file, by --resources: no flag -memory'],
    ...['checkpoint', 'restore', 'list', 'features', 'spec'].map((name): [string[], string] => [
      [name, 'a'],
      `outlive-host does not support the command "${name}"`,
    ]),
  ])('%j', (args, message) => {
    expect(call(...args)).toEqual(
      expect.objectContaining({ status: 1, stdout: '', stderr: `outlive-host: ${message}\n` }),
    );
  });
});

describe('flags', () => {
  it.each([
    ['--root', 'R', 'run', '--detach', '--bundle', 'B', '--pid-file', 'P', 'ID'],
    ['--root=R', 'run', '-d', '--bundle=B', '--pid-file=P', 'ID'],
    ['-root', 'R', 'run', '-detach', '-bundle', 'B', '-pid-file=P', 'ID'],
    ['-root=R', '--debug', 'run', 'ID', '-d=true', '-b', 'B', '--pid-file', 'P'],
    [
      '--root',
      'R',
      'run',
      '-b=B',
      '--no-pivot',
      '--no-new-keyring',
      '--preserve-fds=0',
      '--pid-file',
      'P',
      '-d',
      '--',
      'ID',
    ],
  ])('%j', async (...args: string[]) => {
    const names: Record<string, string> = {
      R: host.root,
      B: host.bundle('f', { process: shell('exit 8') }),
      P: host.path('p'),
      ID: 'f',
    };
    const words = args.map((arg) => arg.replace(/(?<=^|=)(R|B|P|ID)$/, (name) => names[name] ?? ''));
    expect(await host.exit(await host.launch([host.binary, ...words]))).toEqual({ code: 0 });
    expect(await host.exit(Number(host.read('p')))).toEqual({ code: 8 });
    expect((await host.delete('f')).errors).toEqual([]);
  });
});

describe('the log', () => {
  it('is JSON lines, escaped, appended to', () => {
    const log = host.path('log.json');
    const args = ['--log', log, '--log-format', 'json', '--root', host.root];
    expect(call(...args, 'run', '-d', '--bundle', '/no"such\n', 'a')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: '',
    });
    expect(call(...args, '--nope')).toMatchObject({ status: 1, stdout: '', stderr: '' });
    const lines = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/) as string;
    expect(lines).toEqual([
      { level: 'error', msg: 'bundle /no"such\n: no such file or directory', time },
      { level: 'error', msg: 'flag provided but not defined: -nope', time },
    ]);
    expect(statSync(log).mode & 0o777).toBe(0o600);
  });

  it('is text unless --log-format says otherwise', () => {
    const log = host.path('log.txt');
    expect(call('--log', log, 'state', '-x').stderr).toBe('');
    expect(readFileSync(log, 'utf8')).toMatch(/^time="[^"]+Z" level=error msg="flag provided but not defined: -x"\n$/);
  });

  it('that cannot be opened is an error before anything is done', () => {
    const { status, stderr } = call('--log', '/no/such/log', '--root', host.path('r'), 'run', '-d', 'a');
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'outlive-host: log /no/such/log: no such file or directory\n',
    });
    expect(existsSync(host.path('r'))).toBe(false);
  });
});

it('a closed standard descriptor becomes /dev/null, not a file that the runtime opens', async () => {
  const bundle = host.bundle('d', { process: shell('exec sleep 1000') });
  const closed = `exec <&- >&- 2>&-; exec ${host.binary} --root ${host.root}`;
  const pidFile = host.path('q');
  const line = `${closed} run -d -b ${bundle} --pid-file ${pidFile} d`;
  expect(await host.exit(await host.launch(['sh', '-c', line]))).toEqual({ code: 0 });
  const pid = host.read('q');
  expect([0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))).toEqual(Array(3).fill('/dev/null'));
  expect((await host.delete('d', '--force')).errors).toEqual([]);
});
