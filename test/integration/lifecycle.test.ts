/** The life of a process on every runtime: what the interface of containerd's `process.go` (June 2016) promises. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { processesWith } from '../support/proc.js';
import { runtimes } from '../support/runtimes.js';
import { test } from '../support/scratch.js';
import { until } from '../support/until.js';

const sh = (script: string): { args: string[] } => ({ args: ['sh', '-c', script] });

/** Resolves when a stream has printed `marker`; gives all that it printed so far. */
async function printed(stream: AsyncIterable<Buffer>, marker: string): Promise<string> {
  let all = '';
  for await (const chunk of stream) {
    all += chunk.toString();
    if (all.includes(marker)) return all;
  }
  throw new Error(`ended without ${marker}: ${all}`);
}

describe.each(runtimes)('%s', (runtime) => {
  test.for([0, 1, 42, 127, 128, 255])('exit code %i is reported exactly', async (code, { scratch }) => {
    const container = await scratch.container(runtime, sh(`exit ${code}`));
    const process = await container.start();
    expect(await process.wait()).toMatchObject({ status: code });
    expect(process.exitStatus()).toBe(code);
    expect(process.state()).toBe('stopped');
    expect(container.state()).toBe('stopped');
  });

  test('stdout and stderr arrive whole and separate', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('printf out; printf err >&2'));
    const { process, stdout, stderr } = await scratch.run(container);
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(await stdout).toBe('out');
    expect(await stderr).toBe('err');
  });

  test('a process that runs has a pid, and no status until it has ended', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('read x; exit 3'));
    const process = await container.start({ stdio: scratch.fifos() });
    expect(process.state()).toBe('running');
    expect(container.state()).toBe('running');
    expect(process.id).toBe('init');
    expect(process.container).toBe(container);
    expect(process.spec.args).toEqual(['sh', '-c', 'read x; exit 3']);
    expect(process.systemPid).toBeGreaterThan(1);
    expect(process.exitFd).toBeGreaterThan(2);
    expect(() => process.exitStatus()).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_NOT_EXITED' }));
    const stdin = process.openStdin();
    stdin.end('line\n');
    expect(await process.wait()).toMatchObject({ status: 3 });
  });

  test('a signal reaches the process; one that kills it gives status 128 + n', async ({ scratch }) => {
    const container = await scratch.container(
      runtime,
      sh("trap 'echo usr1' USR1; echo ready; while :; do read x; done"),
    );
    const process = await container.start({ stdio: scratch.fifos() });
    const stdout = process.openStdout();
    const output = stdout.iterator({ destroyOnReturn: false });
    await printed(output, 'ready');
    process.signal('SIGUSR1');
    process.signal(0);
    const stdin = process.openStdin();
    stdin.write('\n');
    await printed(stdout.iterator({ destroyOnReturn: false }), 'usr1');
    process.signal('SIGKILL');
    expect(await process.wait()).toMatchObject({ status: 137 });
    expect(() => process.signal('SIGTERM')).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
    stdin.destroy();
    stdout.destroy();
  });

  test('the process reads end-of-file at closeStdin(), not when a writer closes', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['cat'] });
    const { process, stdout } = await scratch.run(container);
    const first = process.openStdin();
    first.end('one ');
    const second = process.openStdin();
    second.end('two');
    await until('both writers have closed', () => first.closed && second.closed);
    expect(process.state()).toBe('running');
    process.closeStdin();
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(await stdout).toBe('one two');
  });

  test('a terminal has output, input and a size that can change', async ({ scratch }) => {
    const script = 'stty -echo; echo ready; read x; stty size; read x; exit 9';
    const container = await scratch.container(runtime, {
      ...sh(script),
      terminal: true,
      consoleSize: { width: 90, height: 30 },
    });
    const process = await container.start({ stdio: scratch.fifos(true) });
    const stdout = process.openStdout();
    const stdin = process.openStdin();
    await printed(stdout.iterator({ destroyOnReturn: false }), 'ready');
    process.resize(123, 45);
    stdin.write('\n');
    await printed(stdout.iterator({ destroyOnReturn: false }), '45 123');
    stdin.write('\n');
    expect(await process.wait()).toMatchObject({ status: 9 });
    stdin.destroy();
    stdout.destroy();
  });

  test('closeStdin() on a terminal types the end-of-file character', async ({ scratch }) => {
    const container = await scratch.container(runtime, { ...sh('cat; echo over; exit 4'), terminal: true });
    const process = await container.start({ stdio: scratch.fifos(true) });
    const stdout = text(process.openStdout());
    process.closeStdin();
    expect(await process.wait()).toMatchObject({ status: 4 });
    expect(await stdout).toContain('over');
  });

  test('exec runs further processes with statuses of their own', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('read x'));
    const init = await container.start({ stdio: scratch.fifos() });
    const stdio = scratch.fifos();
    const [one, two] = await Promise.all([
      container.exec('one', { args: ['sh', '-c', 'echo from $0; exit 11', 'exec'] }, { stdio }),
      container.exec('two', sh('exit 12')),
    ]);
    const stdout = text(one.openStdout());
    expect(await one.wait()).toMatchObject({ status: 11 });
    expect(await two.wait()).toMatchObject({ status: 12 });
    expect(await stdout).toBe('from exec\n');
    expect(init.state()).toBe('running');
    expect(new Set(container.processes())).toEqual(new Set([init, one, two]));
    await container.removeProcess('one');
    expect(container.processes()).not.toContain(one);
    expect(() => statSync(join(scratch.root, container.id, 'one'))).toThrow('ENOENT');
    await expect(container.removeProcess('init')).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
  });

  test('exec on a terminal', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('read x'));
    await container.start({ stdio: scratch.fifos() });
    // crun sets the first size after the process has started; before that, stty prints nothing.
    const size = 'while s=$(stty size 2>/dev/null); test -z "$s"; do :; done; echo "$s"';
    const spec = {
      ...sh(`${size}; exit 6`),
      terminal: true,
      consoleSize: { width: 70, height: 20 },
    };
    const process = await container.exec('tty', spec, { stdio: scratch.fifos(true) });
    const stdout = text(process.openStdout());
    expect(await process.wait()).toMatchObject({ status: 6 });
    // runc before 1.2 does not apply consoleSize.
    expect(await stdout).toMatch(runtime === 'host' ? /^20 70\r\n$/ : /^\d+ \d+\r\n$/);
  });

  test('exec of a missing program fails with the runtime’s message, and leaves nothing', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('read x'));
    await container.start({ stdio: scratch.fifos() });
    const failed = container.exec('bad', { args: ['no-such-program'] });
    await expect(failed).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    await expect(failed).rejects.toThrow(/no-such-program.*not found/s);
    expect(() => statSync(join(scratch.root, container.id, 'bad'))).toThrow('ENOENT');
    expect(container.processes()).toHaveLength(1);
  });

  test('a missing program makes start() fail, and leaves nothing', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['/no/such/program'] });
    await expect(container.start()).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(() => statSync(join(scratch.root, container.id, 'init'))).toThrow('ENOENT');
    expect(container.processes()).toEqual([]);
    expect(processesWith(container.id)).toEqual([]);
  });

  test('exec needs a running container', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('exit 0'));
    await expect(container.exec('x', sh('true'))).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_STARTED' });
    const process = await container.start();
    await process.wait();
    await expect(container.exec('x', sh('true'))).rejects.toMatchObject({ code: 'ERR_CONTAINER_EXITED' });
  });

  test('a regular file is appended to, and is made with mode 0600', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('echo new; cat'));
    const io = scratch.mkdir('io');
    const stdin = join(io, 'in');
    const stdout = join(io, 'out');
    const stderr = join(io, 'err');
    writeFileSync(stdin, 'from a file\n');
    writeFileSync(stdout, 'old\n');
    const process = await container.start({ stdio: { stdin, stdout, stderr } });
    expect(await process.wait()).toMatchObject({ status: 0 });
    expect(readFileSync(stdout, 'utf8')).toBe('old\nnew\nfrom a file\n');
    expect(statSync(stderr).mode & 0o777).toBe(0o600);
  });

  test('two supervisors see the same exit, and either can control the process', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['cat'] });
    const { process, stdout } = await scratch.run(container);
    const other = scratch.keep(await Container.load(scratch.root, container.id));
    const [again] = other.processes();
    if (again === undefined) throw new Error('no process');
    expect(again.systemPid).toBe(process.systemPid);
    expect(again.state()).toBe('running');
    expect(again.spec).toEqual(process.spec);
    expect(again.stdio).toEqual(process.stdio);
    again.closeStdin();
    expect(await Promise.all([process.wait(), again.wait()])).toMatchObject([{ status: 0 }, { status: 0 }]);
    await stdout;
  });

  test('delete() ends all processes and leaves no file', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh("trap '' TERM HUP; while :; do sleep 1000; done"));
    await container.start();
    await container.exec('more', sh('sleep 1000'));
    await expect(container.delete({ force: false })).rejects.toMatchObject({ code: 'ERR_PROCESS_NOT_EXITED' });
    await container.delete();
    expect(() => statSync(join(scratch.root, container.id))).toThrow('ENOENT');
    await until('no process left', () => processesWith(container.id).length === 0);
    await expect(Container.load(scratch.root, container.id)).rejects.toMatchObject({ code: 'ERR_CONTAINER_NOT_FOUND' });
  });

  test('an id is free again after delete()', async ({ scratch }) => {
    const container = await scratch.container(runtime, sh('exit 1'));
    const { root } = scratch;
    const { id, bundle, runtimeArgs: args } = container;
    const first = await container.start();
    await first.wait();
    await container.delete();
    const second = scratch.keep(await Container.create({ root, id, bundle, runtime, runtimeArgs: [...args] }));
    const process = await second.start();
    expect(await process.wait()).toMatchObject({ status: 1 });
  });
});
