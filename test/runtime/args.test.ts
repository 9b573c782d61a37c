/** The exact command lines of the runtime. */
import { describe, expect, test } from 'vitest';
import { commands, globalArgs, hostStateFile, runtimeArgv } from '../../src/runtime/args.js';

const dir = { hostRuntimeRoot: '/state/c/.runtime' };
const flags = { exit: true, tcp: false, unixSockets: false, shell: false, emptyNs: [] };

describe('global arguments', () => {
  test.for<[string, string[], string[]]>([
    ['runc', [], []],
    ['runc', ['--root', '/r'], ['--root', '/r']],
    ['host', [], ['--root', '/state/c/.runtime']],
    ['host', ['--debug'], ['--root', '/state/c/.runtime', '--debug']],
    ['host', ['--root', '/r'], ['--root', '/r']],
    ['host', ['-root=/r'], ['-root=/r']],
  ])('%s with %j: %j', ([runtime, runtimeArgs, expected]) => {
    expect(globalArgs({ runtime, runtimeArgs, dir })).toEqual(expected);
  });
});

test('the host runtime’s state file is below its --root; other runtimes have none', () => {
  const file = (runtime: string, runtimeArgs: string[]): string | undefined =>
    hostStateFile({ runtime, runtimeArgs, dir }, 'c');
  expect(file('host', [])).toBe('/state/c/.runtime/c/state.json');
  expect(file('host', ['--root', '/r'])).toBe('/r/c/state.json');
  expect(file('host', ['-root=/r', '--root', '/s'])).toBe('/s/c/state.json');
  expect(file('runc', ['--root', '/r'])).toBeUndefined();
});

test('the log comes first, then the global arguments, then the command', () => {
  const globals = { runtime: 'runc', runtimeArgs: ['--systemd-cgroup'], dir };
  expect(runtimeArgv(globals, '/l', commands.pause('id'))).toEqual([
    ...['--log', '/l', '--log-format', 'json'],
    '--systemd-cgroup',
    ...['pause', 'id'],
  ]);
});

test.for<[readonly string[], string]>([
  [commands.state('c'), 'state c'],
  [commands.start('c'), 'start c'],
  [commands.forceDelete('c'), 'delete --force c'],
  [commands.pause('c'), 'pause c'],
  [commands.resume('c'), 'resume c'],
  [commands.ps('c'), 'ps --format json c'],
  [commands.stats('c'), 'events --stats c'],
  [commands.update('c', '/f'), 'update --resources /f c'],
  [commands.killAll('c', 15), 'kill --all c 15'],
  [commands.checkpoint('c', '/p', flags), 'checkpoint --image-path /p --work-path /p/criu.work c'],
  [
    commands.checkpoint('c', '/p', {
      exit: false,
      tcp: true,
      unixSockets: true,
      shell: true,
      emptyNs: ['network', 'x'],
    }),
    'checkpoint --image-path /p --work-path /p/criu.work --leave-running --shell-job --tcp-established --ext-unix-sk ' +
      '--empty-ns network --empty-ns x c',
  ],
])('%j', ([command, expected]) => {
  expect(command).toEqual(expected.split(' '));
});
