// `exec -d`: one more process in a running container.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eachWithHost, type Host, runs, shell } from './harness.js';

let host: Host;
eachWithHost((one) => {
  host = one;
});

function recorded(id: string): { execs: { pid: number }[]; adopters: { pid: number }[] } {
  return JSON.parse(readFileSync(`${host.root}/${id}/state.json`, 'utf8')) as ReturnType<typeof recorded>;
}

it('runs the process of the file, which has an exit status of its own', async () => {
  const init = await host.run('a', shell('exec sleep 1000'));
  const libraryKeys = { exec: true, containerdStdin: '', runtimeArgs: ['--x'], noPivotRoot: false, rootUID: 0 };
  const pid = await host.exec('a', 'b', shell('echo in $FOO; exit 9', { env: ['FOO=bar'], ...libraryKeys }));
  expect(await host.exit(pid)).toEqual({ code: 9 });
  expect(host.read('out-b')).toBe('in bar\n');
  expect(runs(init)).toBe(true);
  expect(host.state('a')).toMatchObject({ status: 'running', pid: init });
});

it('its end ends no other process', async () => {
  await host.run('a', shell('exec sleep 1000'));
  const left = host.path('left');
  const pid = await host.exec('a', 'b', shell(`sleep 1000 & echo $! > ${left}`));
  expect(await host.exit(pid)).toEqual({ code: 0 });
  expect(runs(Number(host.read('left')))).toBe(true);
});

it('remembers only processes that still run', async () => {
  await host.run('a', shell('exec sleep 1000'));
  for (let i = 0; i < 5; i++) await host.exit(await host.exec('a', 'short', shell('exit 0')));
  const pid = await host.exec('a', 'long', shell('exec sleep 1000'));
  expect(recorded('a').execs.map((each) => each.pid)).toEqual([pid]);
  expect(recorded('a').adopters).toHaveLength(1);
});

describe('a program that cannot be run', () => {
  it.each([
    ['no-such-tool', 'exec: "no-such-tool": executable file not found in $PATH'],
    ['/x/foo', 'exec: "/x/foo": stat /x/foo: no such file or directory'],
    ['/etc/passwd', 'exec: "/etc/passwd": permission denied'],
  ])('%s', async (program, message) => {
    const init = await host.run('a', shell('exec sleep 1000'));
    const outcome = await host.tryExec('a', 'b', { ...shell(''), args: [program] });
    expect(outcome).toMatchObject({ status: 1, errors: [message] });
    expect(existsSync(host.path('pid-b'))).toBe(false);
    expect(runs(init)).toBe(true);
  });
});

it('a field that is refused is named, with the file', async () => {
  await host.run('a', shell('exec sleep 1000'));
  const file = host.path('process-b.json');
  expect((await host.tryExec('a', 'b', shell('', { capabilities: {} }))).errors).toEqual([
    `outlive-host gives no isolation: ${file} asks for capabilities`,
  ]);
  expect((await host.tryExec('a', 'b', { args: ['sh', 1], cwd: '/' })).errors).toEqual([
    `${file}: args[1] must be a string`,
  ]);
});

it('needs a running container', async () => {
  expect((await host.tryExec('a', 'b', shell('true'))).errors).toEqual(['container does not exist: a']);
  await host.exit(await host.run('a', shell('exit 0')));
  expect((await host.tryExec('a', 'b', shell('true'))).errors).toEqual(['cannot exec in a stopped container']);
});

it('many at once all start', async () => {
  await host.run('a', shell('exec sleep 1000'));
  const names = Array.from({ length: 12 }, (_, i) => `b${i}`);
  const pids = await Promise.all(names.map((name, i) => host.exec('a', name, shell(`exit ${i}`))));
  for (const [i, pid] of pids.entries()) expect(await host.exit(pid)).toEqual({ code: i });
});
