/**
 * `durable`: what makes a container, a start and an end known is on the disk before it is told; and a disk that cannot
 * flush. The order is read from a trace of the system calls of library and shim; a power cut itself: test/vm.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { writeTestBundle } from '../support/bundles.js';
import { processesOf, readIfThere } from '../support/proc.js';
import { type Scratch, test } from '../support/scratch.js';
import { adopted, killShim, shimPid } from '../support/shims.js';
import { isRoot, succeeds, want, wantRight } from '../support/strict.js';
import { until } from '../support/until.js';

const PROGRAM = fileURLToPath(new URL('../fixtures/durable.mjs', import.meta.url));

const mayTrace = want('strace, and the right to trace', succeeds('strace', ['-f', '--seccomp-bpf', 'true']));

interface Run {
  readonly id: string;
  /** The process directory. */
  readonly init: string;
  readonly seen: Record<string, unknown>;
  readonly trace: string;
}

/** Runs the program under strace: `sh -c <script>` from create to its end. `TOLD` in the script is where the program says what it saw. */
async function traced(
  scratch: Scratch,
  strace: (root: string, id: string) => string[],
  { script = 'exit 7', durable = true, exec = undefined as object | undefined, timeoutMs = 15_000 } = {},
): Promise<Run> {
  const [id, told, output] = [scratch.newId(), scratch.mkdir('told'), join(scratch.dir, 'trace')];
  const command = ['sh', '-c', script.replace('TOLD', told)];
  const bundle = await writeTestBundle(scratch.mkdir('bundle'), 'host', { args: command });
  const options = { root: scratch.root, id, bundle, durable, timeoutMs };
  // strace goes on until all that it traces has ended.
  const request = JSON.stringify({ options, told, exec, remove: exec !== undefined });
  const args = ['-f', '--seccomp-bpf', '-y', '-s', '200', '-o', output, ...strace(scratch.root, id)];
  const answer = execFileSync('strace', [...args, process.execPath, PROGRAM, request], {
    encoding: 'utf8',
    timeout: 100_000,
  });
  const seen = JSON.parse(answer) as Record<string, unknown>;
  return { id, init: join(scratch.root, id, 'init'), seen, trace: readFileSync(output, 'utf8') };
}

/**
 * What happened, in order: `fsync <name>` when that had succeeded; `rename <name>`, `mkdir <name>` and `close <name>` when
 * they were begun. Names are the last part of a path, temporary ones without their random part.
 */
function eventsOf(trace: string): string[] {
  const unfinished = new Map<string, string>();
  return trace.split('\n').flatMap((line) => {
    const [, pid = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
    const call = resumed === null ? text : `${unfinished.get(pid) ?? ''}${resumed[1] ?? ''}`;
    if (text.endsWith('<unfinished ...>')) unfinished.set(pid, text.replace(' <unfinished ...>', ''));
    // The shim may replace the library's identity.json by its own meanwhile.
    const flushed = /^fsync\(\d+<(.*?)>(?:\(deleted\))?\) += 0/.exec(call)?.[1];
    if (flushed !== undefined) return [`fsync ${nameOf(flushed)}`];
    if (resumed !== null) return [];
    const [, closed] = /^close\(\d+<(.*?)>/.exec(text) ?? [];
    if (closed !== undefined) return closed.endsWith('/exit') ? ['close exit'] : [];
    const [, begun = '', path = ''] = /^(rename|mkdir)(?:at2?)?\(.*"(.*?)"/.exec(text) ?? [];
    return begun === '' ? [] : [`${begun} ${nameOf(path)}`];
  });
}

function nameOf(path: string): string {
  return (path.split('/').pop() ?? '').replace(/^\.new-.*/, '.new').replace(/\.[-0-9a-f]{36}\.tmp$/, '.tmp');
}

/** Expects each of these events, in this order; others may be in between. */
function expectInOrder(events: string[], ...wanted: string[]): void {
  let from = 0;
  for (const event of wanted) {
    const at = events.indexOf(event, from);
    expect(
      at,
      `${event}, after ${wanted.slice(0, wanted.indexOf(event)).join(', ')}, in\n${events.join('\n')}`,
    ).not.toBe(-1);
    from = at + 1;
  }
}

/** Fails the fsync(2) calls on one file. */
const failing = (path: string): string[] => ['-e', 'trace=fsync', '-P', path, '-e', 'inject=fsync:error=EIO'];

describe.runIf(mayTrace)('the order of system calls', () => {
  const calls = (): string[] => ['-e', 'trace=fsync,rename,renameat,renameat2,mkdir,mkdirat,close'];

  test('create: state.json, its directory, the name, the state root; then it is told', async ({ scratch }) => {
    const { id, seen, trace } = await traced(scratch, calls);
    expect(seen).toMatchObject({ created: true, ended: 7 });
    const events = eventsOf(trace);
    expectInOrder(events, 'fsync state.json', `rename ${id}`, 'mkdir created');
    expectInOrder(events, 'fsync .new', `rename ${id}`, 'fsync state', 'mkdir created');
  });

  test('start: the files of the process and both directories; then it is told', async ({ scratch }) => {
    const { id, trace } = await traced(scratch, calls, {
      script: 'while [ ! -e TOLD/started ]; do sleep 0.01; done; exit 7',
    });
    const events = eventsOf(trace);
    for (const name of ['process.json', 'pid', 'identity.json', 'init', id]) {
      expectInOrder(events, 'mkdir created', `fsync ${name}`, 'mkdir started');
    }
  });

  test('the end: the status, then its name; its directory before `exit` hangs up', async ({ scratch }) => {
    const { trace } = await traced(scratch, calls);
    const events = eventsOf(trace);
    expectInOrder(
      events,
      ...[
        'fsync .exit.json.tmp',
        'rename exit.json',
        'fsync .exitStatus.tmp',
        'rename exitStatus',
        'fsync init',
        'close exit',
      ],
    );
    expectInOrder(events, 'fsync .exitStatus.tmp', 'mkdir ended');
  });

  test('exec: the same', async ({ scratch }) => {
    const exec = { args: ['sh', '-c', 'exit 9'] };
    const { id, seen, trace } = await traced(scratch, calls, { script: 'sleep 1000', exec });
    expect(seen).toMatchObject({ ended: 9 });
    const events = eventsOf(trace);
    for (const name of ['process.json', 'second', id]) {
      expectInOrder(events, 'mkdir started', `fsync ${name}`, 'mkdir executed');
    }
    expectInOrder(events, 'mkdir executed', 'mkdir ended');
    expectInOrder(events, 'mkdir started', 'fsync .exitStatus.tmp', 'rename exitStatus', 'fsync second');
  });

  test('without `durable` nothing is flushed', async ({ scratch }) => {
    const { seen, trace } = await traced(scratch, calls, { durable: false });
    expect(seen).toMatchObject({ ended: 7 });
    expect(eventsOf(trace).filter((event) => event.startsWith('fsync'))).toEqual([]);
  });
});

describe.runIf(mayTrace)('a disk that cannot flush', () => {
  test.for(['', '<id>/init', '<id>/init/pid', '<id>/init/process.json', '<id>'])(
    'create or start fails with EIO of the state root’s %j, and nothing of it is left',
    async (name, { scratch }) => {
      const { id, seen, init } = await traced(scratch, (root, id) => failing(join(root, name.replace('<id>', id))), {
        script: `exec sleep 1000 # ${scratch.dir}`,
      });
      const path = join(scratch.root, name.replace('<id>', id));
      const failed = { code: 'EIO', syscall: 'fsync', path };
      expect(seen).toMatchObject({ failed });
      expect(seen.started).toBeUndefined();
      if (name !== '') expect(seen.left).toEqual({ state: 'stopped', processes: [] });
      expect(existsSync(init)).toBe(false);
      if (name === '') expect(readdirSync(scratch.root)).toEqual([]);
      await until('nothing of it runs', () => processesOf(scratch.dir).length === 0);
    },
  );

  test('exec fails with EIO, and what it started is ended; the container runs on', async ({ scratch }) => {
    const exec = { args: ['sh', '-c', `exec sleep 1000 # executed ${scratch.dir}`] };
    const { id, seen } = await traced(scratch, (root, id) => failing(join(root, id, 'second')), {
      script: `exec sleep 1000 # ${scratch.dir}`,
      exec,
    });
    expect(seen.failed).toEqual({ code: 'EIO', syscall: 'fsync', path: join(scratch.root, id, 'second') });
    expect(seen.left).toEqual({ state: 'running', processes: ['init'] });
    await until('nothing of it runs', () => processesOf(scratch.dir).length === 0);
  });
});

describe.runIf(mayTrace)('a disk that takes longer than timeoutMs', () => {
  test('start fails in time, and nothing of it stays', async ({ scratch }) => {
    const slow = (root: string, id: string): string[] => [
      ...['-e', 'trace=fsync', '-P', join(root, id, 'init'), '-e', 'inject=fsync:delay_enter=4s'],
    ];
    const script = `exec sleep 1000 # ${scratch.dir}`;
    const { seen, init } = await traced(scratch, slow, { script, timeoutMs: 1500 });
    expect(seen).toMatchObject({ failed: { code: 'ERR_CONTAINER_START_TIMEOUT' } });
    // The shim flushes, too, before it leaves: so the clean-up ended after the call, and before the program.
    expect(existsSync(init)).toBe(false);
    await until('nothing of it runs', () => processesOf(scratch.dir).length === 0);
  });
});

/** Whether this user may trace a process that is no descendant of strace (the Yama module, ptrace(2)). */
const mayAttach = isRoot || ['', '0'].includes(readIfThere('/proc/sys/kernel/yama/ptrace_scope').trim());

describe.runIf(mayTrace && wantRight('the right to trace any process', mayAttach))(
  'at the end, a disk that cannot flush',
  () => {
    test.for([
      ['.exitStatus.tmp', 'flush exitStatus: Input/output error'],
      ['', 'flush the process directory: Input/output error'],
    ] as const)('of %j: the status is told, and the failure is in the log', async ([name, message], { scratch }) => {
      const container = await scratch.container('host', { args: ['sh', '-c', 'read line; exit 7'] }, { durable: true });
      const started = await container.start({ stdio: scratch.fifos() });
      await adopted(scratch, container.id, started.systemPid);
      const init = join(scratch.root, container.id, 'init');
      const shim = String(shimPid(scratch, container.id));
      const output = join(scratch.dir, 'trace');
      const strace = spawn('strace', ['-p', shim, '-o', output, ...failing(join(init, name))], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const gone = once(strace, 'exit');
      let said = '';
      strace.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      await until('strace is attached', () => said.includes('attached'));
      started.openStdin().end('\n');
      expect(await started.wait()).toMatchObject({ status: 7, record: { code: 7 } });
      await gone;
      expect(readIfThere(join(init, 'shim-log.json'))).toBe(`{"level":"warning","msg":"${message}"}\n`);
      expect(readIfThere(join(init, 'exitStatus'))).toBe('7');
    });
  },
);

describe('a status that was written and not named', () => {
  test('counts once no shim is left: a power cut, or a SIGKILL, came before the rename', async ({ scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] }, { durable: true });
    const process = await container.start();
    const init = join(scratch.root, container.id, 'init');
    writeFileSync(join(init, '.exitStatus.tmp'), '23');
    expect(process.hasEnded).toBe(false);
    await killShim(scratch, container.id);
    expect(await process.wait()).toMatchObject({ status: 23 });
  });

  test.for(['', '\0\0\0', '256', 'x'])('%j is none', async (bytes, { scratch }) => {
    const container = await scratch.container('host', { args: ['sleep', '1000'] });
    const process = await container.start();
    writeFileSync(join(scratch.root, container.id, 'init', '.exitStatus.tmp'), bytes);
    await killShim(scratch, container.id);
    expect(await process.wait()).toMatchObject({ lost: expect.stringMatching('without recording') as string });
  });
});

test('durable is kept, shown, and checked', async ({ scratch }) => {
  const { id, bundle, durable } = await scratch.container('host', { args: ['true'] }, { durable: true });
  expect(durable).toBe(true);
  expect((await Container.load(scratch.root, id)).durable).toBe(true);
  const options = { root: scratch.root, id: scratch.newId(), bundle };
  expect((await Container.create(options)).durable).toBe(false);
  await expect(Container.create({ ...options, durable: 1 as unknown as boolean })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
});
