/** exec() on every runtime: what the new process is given, and how it ends, also with its container. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import { Container, type ExecSpec, type Spec, execSpec } from '../../src/index.js';
import { processesWith } from '../support/proc.js';
import { limitOf, statusOf } from '../support/process-facts.js';
import { runtimes } from '../support/runtimes.js';
import { type Scratch, test } from '../support/scratch.js';
import { isRoot } from '../support/strict.js';
import { until } from '../support/until.js';

const isolates = (runtime: string): boolean => runtime !== 'host';

const sh = (script: string): { args: string[] } => ({ args: ['sh', '-c', script] });

/** A container whose first process waits for ever. */
async function waiting(scratch: Scratch, runtime: string, spec: object = {}): Promise<Container> {
  const container = await scratch.container(runtime, { args: ['sleep', '1000'], ...spec });
  await container.start();
  return container;
}

/** Runs a process with exec(), waits for its end, and gives what it printed. */
async function output(scratch: Scratch, container: Container, spec: ExecSpec): Promise<string> {
  const id = `x${container.processes().length}`;
  const process = await container.exec(id, spec, { stdio: scratch.fifos() });
  const [stdout, stderr] = [text(process.openStdout()), text(process.openStderr())];
  expect(await process.wait(), await stderr).toMatchObject({ status: 0 });
  return stdout;
}

/** A capability set in the notation of /proc/<pid>/status, from the numbers of its capabilities. */
const mask = (...numbers: number[]): string =>
  numbers
    .reduce((all, number) => all | (1n << BigInt(number)), 0n)
    .toString(16)
    .padStart(16, '0');
const KILL = 5;
const NET_BIND_SERVICE = 10;
const SYS_TIME = 25;
const AUDIT_WRITE = 29;

describe.each(runtimes)('%s', (runtime) => {
  test('many at once, each with its own output and status', async ({ scratch }) => {
    const container = await waiting(scratch, runtime);
    const ended = Array.from({ length: 8 }, async (_, i) => {
      const stdio = scratch.fifos();
      const process = await container.exec(`p${i}`, sh(`echo I am $0 $$; exit ${i}`), { stdio });
      const stdout = text(process.openStdout());
      return [(await process.wait()).status, (await stdout).split(' ').slice(0, 3)];
    });
    expect(await Promise.all(ended)).toEqual(ended.map((_, i) => [i, ['I', 'am', 'sh']]));
    expect(container.processes()).toHaveLength(9);
  });

  test('environment, directory, limits and no new privileges', async ({ scratch }) => {
    const env = ['PATH=/usr/bin:/bin', 'KEPT=1', 'GONE=1', 'CHANGED=1'];
    const container = await waiting(scratch, runtime, { env, noNewPrivileges: false });
    const changed = { GONE: null, CHANGED: '2 =', NEW: '' };
    const script = 'echo "$KEPT|${GONE-none}|$CHANGED|${NEW-none}"; pwd';
    const spec = { ...sh(script), env: changed, cwd: '/tmp' };
    expect(await output(scratch, container, spec)).toBe('1|none|2 =|\n/tmp\n');
    const rlimits = [
      { type: 'RLIMIT_CORE', soft: 77, hard: 88 },
      { type: 'RLIMIT_FSIZE', soft: 99, hard: 99 },
    ];
    const limited = await container.exec('limited', { args: ['sleep', '1000'], rlimits });
    expect(await limitOf(limited, 'Max core file size')).toEqual(['77', '88']);
    expect(await limitOf(limited, 'Max file size')).toEqual(['99', '99']);
    for (const noNewPrivileges of [true, false]) {
      const process = await container.exec(`n${noNewPrivileges}`, { args: ['sleep', '1000'], noNewPrivileges });
      expect((await statusOf(process)).NoNewPrivs).toBe(noNewPrivileges ? '1' : '0');
    }
  });

  test('execSpec() gives the process that exec() runs', async ({ scratch }) => {
    const container = await waiting(scratch, runtime, { env: ['PATH=/usr/bin:/bin', 'A=1'] });
    const changes = { args: ['env'], env: { A: '2' } };
    const made = execSpec(container, changes);
    const process = await container.exec('made', made);
    const other = await container.exec('other', changes);
    expect(other.spec).toEqual(process.spec);
    expect(made.env).toEqual(['PATH=/usr/bin:/bin', 'A=2']);
    for (const each of [process, other]) expect(await each.wait()).toMatchObject({ status: 0 });
  });

  test('execSpec() needs a container that was started and whose process.json is whole', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const code = (of: Container): unknown => {
      try {
        return execSpec(of);
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(code(container)).toBe('ERR_CONTAINER_NOT_STARTED');
    await container.start();
    writeFileSync(join(scratch.root, container.id, 'init', 'process.json'), '{');
    expect(code(container)).toMatchObject({ args: ['sleep', '1000'] });
    expect(code(scratch.keep(await Container.load(scratch.root, container.id)))).toBe('ERR_INVALID_STATE');
  });

  test('a terminal of its own, with its first size and later ones', async ({ scratch }) => {
    const container = await waiting(scratch, runtime);
    const stdio = scratch.fifos(true);
    // crun sets the first size after the process has started; before that, stty prints nothing.
    const size = 'while s=$(stty size 2>/dev/null); test -z "$s"; do :; done; echo "$s"';
    const script = `stty -echo; ${size}; read x; stty size; test -t 0 && test -t 1 && test -t 2 && exit 6`;
    const spec = { ...sh(script), terminal: true, consoleSize: { width: 91, height: 31 } };
    const process = await container.exec('terminal', spec, { stdio });
    const stdout = process.openStdout();
    let printed = '';
    for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
      printed += String(chunk);
      if (printed.includes('\n')) break;
    }
    expect(printed).toBe('31 91\r\n');
    process.resize(120, 40);
    const stdin = process.openStdin();
    stdin.end('\n');
    expect(await text(stdout)).toBe('40 120\r\n');
    expect(await process.wait()).toMatchObject({ status: 6 });
  });

  test('a terminal is not inherited', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'], terminal: true });
    await container.start({ stdio: scratch.fifos(true) });
    expect(await output(scratch, container, sh('test -t 0 || echo no terminal'))).toBe('no terminal\n');
  });

  test('an unlimited rlimit in config.json does not break exec()', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const path = join(container.bundle, 'config.json');
    const spec = JSON.parse(readFileSync(path, 'utf8')) as Spec & { process: object };
    spec.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 1, hard: 2 }];
    const config = JSON.stringify(spec).replace('"soft":1,"hard":2', '"soft":0,"hard":18446744073709551615');
    writeFileSync(path, config);
    await container.start();
    expect(await output(scratch, container, sh('ulimit -Hc; ulimit -Sc'))).toBe('unlimited\n0\n');
  });

  test('labels are kept with a process, also for the next supervisor', async ({ scratch }) => {
    const container = await scratch.container(runtime, { args: ['sleep', '1000'] });
    const init = await container.start({ labels: ['a=1', 'b'] });
    const some = await container.exec('some', { args: ['sleep', '1000'] }, { labels: ['c'] });
    const none = await container.exec('none', { args: ['sleep', '1000'] });
    expect([init.labels, some.labels, none.labels]).toEqual([['a=1', 'b'], ['c'], []]);
    const written = (id: string): unknown =>
      (JSON.parse(readFileSync(join(scratch.root, container.id, id, 'process.json'), 'utf8')) as ExecSpec & object)[
        'labels' as never
      ];
    expect([written('init'), written('some'), written('none')]).toEqual([['a=1', 'b'], ['c'], undefined]);
    const other = scratch.keep(await Container.load(scratch.root, container.id));
    const loaded = other.processes().map(({ id, labels, spec }) => [id, labels, 'labels' in spec] as const);
    expect(loaded.sort()).toEqual([
      ['init', ['a=1', 'b'], false],
      ['none', [], false],
      ['some', ['c'], false],
    ]);
    const wrong = container.exec('wrong', { args: ['true'] }, { labels: [1 as never] });
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });

  test('while the first process dies: a definite error or a definite exit, and nothing is left', async ({
    scratch,
  }) => {
    const codes = ['ERR_CONTAINER_EXITED', 'ERR_OCI_RUNTIME', 'ERR_CONTAINER_NOT_STARTED'];
    for (let round = 0; round < 12; round++) {
      const container = await waiting(scratch, runtime);
      const [init] = container.processes();
      const execs = [0, 1].map((i) => container.exec(`e${i}`, sh('sleep 1000')));
      // The delays reach from before the runtime is called to after it has ended.
      await delay(round * 6);
      init?.signal('SIGKILL');
      const results = await Promise.allSettled([...execs, container.exec('late', sh('sleep 1000'))]);
      for (const result of results) {
        if (result.status === 'fulfilled') expect(await result.value.wait()).toMatchObject({ status: 137 });
        else expect(codes, String(result.reason)).toContain((result.reason as { code: string }).code);
      }
      expect(await init?.wait()).toMatchObject({ status: 137 });
      await container.delete();
      await until('no process left', () => processesWith(container.id).length === 0);
    }
  });

  test('a process that an exec’ed one leaves behind ends with the container', async ({ scratch }) => {
    const container = await waiting(scratch, runtime);
    const marker = `${container.id}-left`;
    // A daemon: it shares nothing with the container but the pid namespace.
    const script = `(trap '' HUP TERM; exec sh -c 'while :; do sleep 1000; done' ${marker}) </dev/null >/dev/null 2>&1 &`;
    const process = await container.exec('parent', sh(script));
    expect(await process.wait()).toMatchObject({ status: 0 });
    const left = await until('the child', () => processesWith(marker)[0]);
    expect(container.state()).toBe('running');
    await container.delete();
    await until('the child has gone', () => !processesWith(marker).includes(left));
  });
});

describe.each(runtimes.filter(isolates))('%s, a container', (runtime) => {
  test('its pid inside differs from the one outside', async ({ scratch }) => {
    const container = await waiting(scratch, runtime);
    const process = await container.exec('e', { args: ['sleep', '1000'] });
    const [outside, inside] = ((await statusOf(process)).NSpid ?? '').split('\t').slice(-2);
    expect(Number(outside)).toBe(process.systemPid);
    expect(Number(inside)).toBeGreaterThan(1);
    expect(Number(inside)).toBeLessThan(100);
  });

  test('capabilities: the container’s, fewer, more, exactly these', async ({ scratch }) => {
    const names = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
    const capabilities = { bounding: names, effective: names, permitted: names };
    const container = await waiting(scratch, runtime, { capabilities });
    const sets = async (changes?: ExecSpec['capabilities']): Promise<unknown> => {
      const spec = { args: ['sleep', '1000'], ...(changes === undefined ? {} : { capabilities: changes }) };
      const { CapInh, CapPrm, CapEff, CapBnd, CapAmb } = await statusOf(
        await container.exec(`c${container.processes().length}`, spec),
      );
      return { CapInh, CapPrm, CapEff, CapBnd, CapAmb };
    };
    const of = (...numbers: number[]): object => {
      const all = mask(...numbers);
      return { CapInh: mask(), CapPrm: all, CapEff: all, CapBnd: all, CapAmb: mask() };
    };
    expect(await sets()).toEqual(of(AUDIT_WRITE, KILL, NET_BIND_SERVICE));
    expect(await sets({ drop: ['CAP_KILL'] })).toEqual(of(AUDIT_WRITE, NET_BIND_SERVICE));
    expect(await sets({ drop: ['ALL'] })).toEqual(of());
    expect(await sets({ drop: ['ALL'], add: ['CAP_SYS_TIME'] })).toEqual(of(SYS_TIME));
    const kill = ['CAP_KILL'];
    expect(await sets({ bounding: kill, permitted: kill, effective: kill })).toEqual(of(KILL));
  });

  test('an AppArmor profile that does not exist is an error of the runtime', async ({ scratch }) => {
    const container = await waiting(scratch, runtime);
    const apparmorProfile = 'outlive-no-such-profile';
    const started = container.exec('a', { args: ['true'], apparmorProfile });
    await expect(started).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    await expect(started).rejects.toThrow(/apparmor/i);
    expect(container.processes()).toHaveLength(1);
  });

  // crun ignores a label if SELinux is not enabled.
  if (runtime !== 'runc') return;
  test('an SELinux label that does not exist is an error of the runtime', async ({ scratch }) => {
    const container = await waiting(scratch, runtime);
    const started = container.exec('s', { args: ['true'], selinuxLabel: 'outlive:no:such:label' });
    await expect(started).rejects.toMatchObject({ code: 'ERR_OCI_RUNTIME' });
    expect(container.processes()).toHaveLength(1);
  });
});

if (isRoot) {
  describe.each(runtimes)('%s, as root', (runtime) => {
    test('another user, with its groups and its umask', async ({ scratch }) => {
      const user = { uid: 0, gid: 0, additionalGids: [3] };
      const container = await waiting(scratch, runtime, isolates(runtime) ? { user } : {});
      const other = { uid: 1234, gid: 1235, umask: 0o27, additionalGids: [7, 2000] };
      const status = await statusOf(await container.exec('other', { args: ['sleep', '1000'], user: other }));
      expect(status).toMatchObject({
        Uid: '1234\t1234\t1234\t1234',
        Gid: '1235\t1235\t1235\t1235',
        Groups: '7 2000',
      });
      // runc 1.1 uses the umask of the container.
      if (runtime !== 'runc') expect(status.Umask).toBe('0027');
      const plain = await container.exec('plain', { args: ['sleep', '1000'], user: { uid: 1234, gid: 1235 } });
      expect((await statusOf(plain)).Groups).toBe('');
    });
  });

  describe.each(runtimes.filter(isolates))('%s, as root', (runtime) => {
    test('a process of another user has the capabilities that it is given', async ({ scratch }) => {
      const container = await waiting(scratch, runtime);
      const user = { uid: 1234, gid: 1234 };
      const capabilities = { drop: ['ALL'], add: ['CAP_NET_BIND_SERVICE'] };
      const status = await statusOf(await container.exec('c', { args: ['sleep', '1000'], user, capabilities }));
      const all = mask(NET_BIND_SERVICE);
      expect(status).toMatchObject({ CapInh: all, CapPrm: all, CapEff: all, CapBnd: all, CapAmb: all });
    });
  });
}
