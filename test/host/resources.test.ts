// `ps` and `events --stats` of a container; and what `update` refuses. What it sets: limits.test.ts.
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { descriptorsOf } from '../support/proc.js';
import { isRoot, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';
import { cgroupsWork } from './cgroups.js';
import { defaultProcess, Host, runs, shell } from './harness.js';

const cgroups = wantRight('a cgroup v2 in which we may make others', cgroupsWork());
/** A caller without a cgroup, as most unprivileged users are. */
const unprivileged = isRoot ? { uid: 65534 } : {};
const byProc = isRoot || !cgroups;
const ways = [
  ...(cgroups ? ([['a cgroup', {}]] as const) : []),
  ...(byProc ? ([['/proc', unprivileged]] as const) : []),
];

let host: Host;
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

async function printed(...args: string[]): Promise<string> {
  const { errors, stdout } = await host.command(args);
  expect(errors).toEqual([]);
  return stdout;
}

interface Stats {
  type: string;
  id: string;
  data: {
    cpu: { usage: { total: number; kernel: number; user: number }; throttling: object };
    memory: { usage: { usage: number } };
    pids: { current: number };
    blkio: { ioServiceBytesRecursive?: { op: string; value: number }[] };
  };
}

async function stats(id: string): Promise<Stats> {
  const line = await printed('events', '--stats', id);
  expect(line.endsWith('}\n')).toBe(true);
  expect(line.trimEnd()).not.toContain('\n');
  return JSON.parse(line) as Stats;
}

describe.each(ways)('by %s', (_, options) => {
  it('ps lists every member', async () => {
    host = new Host(options);
    const pid = await host.run('a', shell(`(setsid sleep 1001 & echo $! > ${host.path('child')}); exec sleep 1000`));
    const child = await host.pidIn('child');
    const exec = await host.exec('a', 'b', shell('exec sleep 1002'));
    const ended = await host.exec('a', 'c', shell('exit 0'));
    await host.exit(ended);
    const programs = [`${pid} sleep 1000`, `${child} sleep 1001`, `${exec} sleep 1002`];
    // Each shell has become sleep(1).
    await until('all three programs', async () => {
      const table = await printed('ps', 'a');
      return programs.every((program) => table.includes(` ${program}\n`));
    });
    const json = await printed('ps', '--format', 'json', 'a');
    expect(json).toMatch(/^\[\d+(,\d+)*\]\n$/);
    expect((JSON.parse(json) as number[]).toSorted()).toEqual([pid, child, exec].toSorted());
    const [title, ...lines] = (await printed('ps', 'a')).trimEnd().split('\n');
    expect(title).toBe('    PID CMD');
    expect(lines.map((line) => line.trim()).toSorted()).toEqual(
      [`${pid} sleep 1000`, `${child} sleep 1001`, `${exec} sleep 1002`].toSorted(),
    );
  });

  it('ps of a container that has ended prints null, or the processes that it left behind', async () => {
    host = new Host(options);
    await host.exit(await host.run('a', shell('exit 0')));
    expect(await printed('ps', '-f', 'json', 'a')).toBe('null\n');
    expect(await printed('ps', 'a')).toBe('    PID CMD\n');
    await host.exit(await host.run('b', shell(`sleep 1000 & echo $! > ${host.path('left')}; exit 0`)));
    expect(await printed('ps', '-f', 'json', 'b')).toBe(`[${await host.pidIn('left')}]\n`);
  });

  it('ps prints a command of any bytes on one line', async () => {
    host = new Host(options);
    const pid = await host.run('a', { ...defaultProcess, args: ['sh', '-c', 'sleep 1000; #\n\u001b[1m'] });
    const table = await until('the program', async () => {
      const text = await printed('ps', 'a');
      return text.includes('sleep') && text;
    });
    expect(table).toContain(`${pid} sh -c sleep 1000; #??[1m\n`);
  });

  it('events --stats prints the usage, with the keys of runc', async () => {
    host = new Host(options);
    const program = host.write(
      'use.mjs',
      "globalThis.kept = Buffer.alloc(64e6, 1); for (;;) process.stdout.write('');",
    );
    const pid = await host.run('a', { ...defaultProcess, args: [process.execPath, program] });
    const line = await until('its use', async () => {
      const now = await stats('a');
      return now.data.cpu.usage.user >= 2e8 && now.data.memory.usage.usage >= 64e6 && now;
    });
    expect(line).toEqual({
      type: 'stats',
      id: 'a',
      data: {
        cpu: {
          usage: {
            total: expect.any(Number) as number,
            kernel: expect.any(Number) as number,
            user: expect.any(Number) as number,
          },
          throttling: expect.any(Object) as object,
        },
        memory: expect.objectContaining({
          usage: expect.objectContaining({ usage: expect.any(Number) as number }) as object,
        }) as object,
        pids: expect.objectContaining({ current: expect.any(Number) as number }) as object,
        blkio: expect.any(Object) as object,
        hugetlb: {},
        intel_rdt: {},
        network_interfaces: null,
      },
    });
    const { cpu, memory, pids } = line.data;
    expect(cpu.usage.total).toBeGreaterThanOrEqual(cpu.usage.user);
    expect(Math.abs(cpu.usage.total - cpu.usage.user - cpu.usage.kernel)).toBeLessThan(1e7);
    expect(memory.usage.usage).toBeLessThan(1e9);
    // A Node.js program has several threads.
    expect(pids.current).toBeGreaterThan(4);
    expect(runs(pid)).toBe(true);
    const later = (await stats('a')).data.cpu.usage.total;
    expect(later).toBeGreaterThanOrEqual(cpu.usage.total);
    expect(later - cpu.usage.total).toBeLessThan(60e9 * availableParallelism());
  });

  it('events --stats counts children that have ended', async () => {
    host = new Host(options);
    const busy = `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'`;
    await host.run('a', shell(`${busy}; echo > ${host.path('done')}; sleep 1000; :`));
    await until('its end', () => existsSync(host.path('done')));
    expect((await stats('a')).data.cpu.usage.total).toBeGreaterThanOrEqual(3e7);
  });

  it('events --stats works for a created and a paused container, and not for one that has ended', async () => {
    host = new Host(options);
    await host.create('a', shell('exec sleep 1000'));
    expect((await stats('a')).data.pids.current).toBe(1);
    await host.command(['start', 'a']);
    await host.command(['pause', 'a']);
    expect((await stats('a')).data.pids.current).toBe(1);
    await host.command(['kill', 'a', 'KILL']);
    await until('its end', () => host.state('a').status === 'stopped');
    expect((await host.command(['events', '--stats', 'a'])).errors).toEqual(['container with id a is not running']);
    expect((await host.command(['events', '--stats', 'b'])).errors).toEqual(['container does not exist: b']);
  });
});

it.runIf(byProc)('events --stats counts what was read and written', async () => {
  host = new Host(unprivileged);
  const write = `dd if=/dev/zero of=${host.path('data')} bs=1M count=3 conv=fsync`;
  const pid = await host.run('a', shell(`${write}; echo > ${host.path('done')}; exec sleep 1000`));
  await until(
    'its writes',
    () => existsSync(host.path('done')) && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n',
  );
  // The kernel counts no I/O for a file system in memory.
  const told = readFileSync(`/proc/${pid}/io`, 'utf8');
  const [read, written] = ['read', 'write'].map((what) =>
    Number(new RegExp(`^${what}_bytes: (\\d+)$`, 'm').exec(told)?.[1]),
  );
  expect((await stats('a')).data.blkio.ioServiceBytesRecursive).toEqual([
    { op: 'Read', value: read },
    { op: 'Write', value: written },
  ]);
});

describe('update', () => {
  async function refusal(resources: string): Promise<string[]> {
    const file = host.write('resources.json', resources);
    const { status, errors } = await host.command(['update', '--resources', file, 'a']);
    expect(status).toBe(errors.length === 0 ? 0 : 1);
    return errors.map((error) => error.replace(file, '<file>'));
  }

  it('is refused with the name of the resource', async () => {
    host = new Host();
    await host.run('a', shell('exec sleep 1000'));
    expect(await refusal('{"cpu":{},"pids":{"limit":-5}}')).toEqual(['<file>: pids.limit must be -1 or at least 0']);
    expect(await refusal('{"blockIO":{"weightDevice":[{"major":1}]}}')).toEqual([
      '<file>: blockIO is not supported by the host runtime',
    ]);
    expect(await refusal('[]')).toEqual(['<file>: the file must hold a JSON object']);
    expect(await refusal('{')).toEqual([expect.stringMatching(/^<file>:1:\d+: /)]);
    expect(await refusal(`{"x":"${'y'.repeat(70_000)}"}`)).toEqual(['resources <file>: file too large']);
  });

  it('without any limit succeeds, from standard input too', async () => {
    host = new Host();
    await host.run('a', shell('exec sleep 1000'));
    expect(await refusal('{}')).toEqual([]);
    expect(await refusal('{"memory":{},"cpu":{"cpus":""},"blockIO":null}')).toEqual([]);
    writeFileSync(host.path('asks'), '{"memory":{"swap":1}}');
    writeFileSync(host.path('empty'), '{}');
    const update = ['update', '-r', '-', 'a'];
    expect((await host.command(update, [`<${host.path('empty')}`])).errors).toEqual([]);
    expect((await host.command(update, [`<${host.path('asks')}`])).errors).toEqual([
      '-: memory.swap includes memory.limit, which must be given too',
    ]);
  });

  it('does not keep others from the container while it waits for what to set', async () => {
    host = new Host();
    await host.run('a', shell('exec sleep 1000'));
    execFileSync('mkfifo', [host.path('resources')]);
    const writer = openSync(host.path('resources'), 'r+');
    const { pid } = await host.begin(['update', '-r', host.path('resources'), 'a']);
    await until('the update waits', () => Object.values(descriptorsOf(pid)).includes(host.path('resources')));
    expect((await host.tryExec('a', 'one', shell('exit 0'))).errors).toEqual([]);
    writeSync(writer, '{}');
    closeSync(writer);
    expect(await host.exit(pid)).toEqual({ code: 0 });
  });

  it('needs a container that runs', async () => {
    host = new Host();
    const file = host.write('resources.json', '{}');
    const update = ['update', '-r', file, 'a'];
    expect((await host.command(update)).errors).toEqual(['container does not exist: a']);
    await host.exit(await host.run('a', shell('exit 0')));
    expect((await host.command(update)).errors).toEqual(['container not running']);
  });
});
