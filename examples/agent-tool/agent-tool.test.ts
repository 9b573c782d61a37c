import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { list } from 'outlive';
import { expect } from 'vitest';
import { isGone } from '../../test/support/proc.js';
import { until } from '../../test/support/until.js';
import { type Scene, test } from '../scene.js';
import { connect } from './client.js';
import { CommandTool } from './tool.js';

type Server = ReturnType<typeof connect>;

interface Answer {
  output: string;
  cursor: string;
  missingBytes: number;
  hasMore: boolean;
  state: 'running' | 'ended';
  status?: number | null;
}

function startServer(scene: Scene, settings: Record<string, string> = {}): Server {
  const server = connect({ AGENT: 'one', AGENT_DIR: scene.dir, ...settings });
  scene.atEnd(() => server.crash());
  return server;
}

async function poll(server: Server, id: string, cursor?: string): Promise<Answer> {
  return (await server.call('poll', { id, cursor, waitMs: 10_000 })) as Answer;
}

/** Polls until the job has ended and all its output is read. */
async function readAll(server: Server, id: string, cursor?: string): Promise<{ output: string; status: unknown }> {
  let output = '';
  for (;;) {
    const answer = await poll(server, id, cursor);
    output += answer.output;
    cursor = answer.cursor;
    if (answer.state === 'ended' && !answer.hasMore) return { output, status: answer.status };
  }
}

test('a command goes on when agent and tool crash, and no line of its output is lost or doubled', async ({ scene }) => {
  scene.root();
  const first = startServer(scene);
  const command =
    'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "$i"; [ $((i % 50)) = 0 ] && sleep 0.01; done; exit 5';
  expect(await first.call('start', { id: 'count', command })).toMatchObject({ isNew: true });
  const begin = await poll(first, 'count');
  expect(begin).toMatchObject({ state: 'running' });
  await first.crash();

  const second = startServer(scene);
  expect(await second.call('start', { id: 'count', command })).toEqual({ id: 'count', isNew: false });
  const { output, status } = await readAll(second, 'count', begin.cursor);
  expect(begin.output + output).toBe(Array.from({ length: 3000 }, (_, index) => `${index + 1}\n`).join(''));
  expect(status).toBe(5);

  await second.call('remove', { id: 'count' });
  await expect(poll(second, 'count')).rejects.toThrow('count');
});

test('the time limit holds although there is no tool any more', async ({ scene }) => {
  const root = scene.root();
  const first = startServer(scene, { SECONDS: '1' });
  await first.call('start', { id: 'long', command: 'echo begun; sleep 1000' });
  await first.crash();
  await until('it has ended', async () => (await list({ state: 'stopped' }, { root })).length === 1);
  expect(await readAll(startServer(scene), 'long')).toEqual({ output: 'begun\n', status: 124 });
});

test('of a long output the newest is kept, and a poll says how much is missing', async ({ scene }) => {
  scene.root();
  const tool = new CommandTool({ dir: scene.dir, agent: 'one', outputBytes: 65_536 });
  await tool.start({
    id: 'loud',
    command: 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo "line $i of much output"; done',
  });
  await until('it has ended', async () => (await tool.poll({ id: 'loud', cursor: 'start' })).state === 'ended');
  let [output, missing] = ['', 0];
  for (let cursor = 'start', hasMore = true; hasMore;) {
    const answer = await tool.poll({ id: 'loud', cursor });
    output += answer.output;
    missing += answer.missingBytes;
    ({ cursor, hasMore } = answer);
  }
  const all = Array.from({ length: 20_000 }, (_, index) => `line ${index + 1} of much output\n`).join('');
  expect(missing).toBeGreaterThan(0);
  expect(output).toBe(all.slice(missing));
});

test('a kill ends all that the command has started, also in the background', async ({ scene }) => {
  scene.root();
  const server = startServer(scene);
  const pids = join(scene.dir, 'pids');
  const command = `setsid sleep 1000 & echo $! > ${pids}; sleep 1000 & echo $! >> ${pids}; echo ready; wait`;
  await server.call('start', { id: 'forks', command });
  expect(await poll(server, 'forks')).toMatchObject({ output: 'ready\n' });
  expect(await server.call('kill', { id: 'forks' })).toEqual({ id: 'forks', status: 143 });
  for (const pid of readFileSync(pids, 'utf8').trim().split('\n').map(Number)) {
    await until('it is gone', () => isGone(pid));
  }
});

test('the kill switch ends all jobs of the agent, and no other ones; the agent starts no more', async ({ scene }) => {
  const root = scene.root();
  const server = startServer(scene);
  const other = startServer(scene, { AGENT: 'other' });
  for (const id of ['a', 'b', 'c']) await server.call('start', { id, command: 'sleep 1000' });
  await other.call('start', { id: 'theirs', command: 'sleep 1000' });

  const settings = { AGENT: 'one', AGENT_DIR: scene.dir };
  const program = scene.start(join(import.meta.dirname, 'kill-switch.js'), [], settings);
  await once(program.child, 'close');
  expect(program.printed()).toBe('ended: a, b, c\n');
  const running = await list({ state: 'running' }, { root });
  expect(running.map(({ container }) => container.id)).toEqual(['theirs']);
  await expect(server.call('start', { id: 'd', command: 'true' })).rejects.toThrow('kill switch');
  // An agent can't reach the jobs of another one.
  await expect(server.call('kill', { id: 'theirs' })).rejects.toThrow('no job theirs');

  const reset = scene.start(join(import.meta.dirname, 'kill-switch.js'), ['--reset'], settings);
  await once(reset.child, 'close');
  expect(await server.call('start', { id: 'd', command: 'true' })).toMatchObject({ isNew: true });
});

test('the memory of a job is limited where the machine can do that', async ({ scene, skip }) => {
  scene.root();
  const tool = new CommandTool({ dir: scene.dir, agent: 'one', memoryBytes: 64 << 20 });
  const command = `exec ${process.execPath} -e 'const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1))'`;
  const { isMemoryLimited } = await tool.start({ id: 'greedy', command: `read go < ${scene.dir}/none; ${command}` });
  skip(isMemoryLimited !== true, 'this machine has no memory controller of cgroup v2 for it');
  await tool.start({ id: 'hungry', command });
  const answer = await until('it has ended', async () => {
    const last = await tool.poll({ id: 'hungry', cursor: 'start', waitMs: 1000 });
    return last.state === 'ended' ? last : undefined;
  });
  expect(answer).toMatchObject({ status: 137 });
});

test('the server speaks as much of the Model Context Protocol as tools need', async ({ scene }) => {
  scene.root();
  const { request } = startServer(scene);
  const begin = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  expect(await request('initialize', begin)).toMatchObject({
    jsonrpc: '2.0',
    result: { protocolVersion: '2025-06-18', capabilities: { tools: {} } },
  });
  const { result } = (await request('tools/list')) as { result: { tools: { name: string }[] } };
  expect(result.tools.map(({ name }) => name)).toEqual(['start', 'poll', 'kill', 'remove']);
  expect(await request('tools/call', { name: 'start', arguments: {} })).toMatchObject({ result: { isError: true } });
  expect(await request('resources/list')).toMatchObject({ error: { code: -32601 } });
});
