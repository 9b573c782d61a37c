/** Logs under load: a job that prints many times what its log keeps, and a thousand logs that one program follows. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { readLog } from '../../src/index.js';
import { openDescriptors } from '../support/proc.js';
import { test } from '../support/scratch.js';
import { mostInATurn } from '../support/turns.js';
import { until } from '../support/until.js';

const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** As many as the job of `node chaos/log.js`, which is 10 GB without this. */
const BYTES = 300_000_000;

test('300 MB through a log of 16 MiB: two followers get each byte, or its gap', async () => {
  const args = [pathOf('../../chaos/log.js'), '--bytes', String(BYTES)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const output = await text(child.stdout);
  await closed;
  const follower = expect.objectContaining({ position: BYTES, wrong: 0, status: 0 }) as object;
  expect(JSON.parse(output)).toMatchObject({ isWell: true, bytes: BYTES, followers: [follower, follower] });
  expect(child.exitCode).toBe(0);
});

const COUNT = 1000;

test('1,000 logs that one program follows share its turns, and have three descriptors each', async ({ scratch }) => {
  const writer = fork(pathOf('../fixtures/log-writers.mjs'), [scratch.dir, String(COUNT)], { execArgv: [] });
  scratch.atEnd(async () => {
    if (writer.exitCode !== null || writer.signalCode !== null) return;
    writer.kill('SIGKILL');
    await once(writer, 'exit');
  });
  await once(writer, 'message');
  const before = openDescriptors().length;
  const got = new Array<string>(COUNT).fill('');
  const followers: Promise<void>[] = [];
  const follow = async (i: number): Promise<void> => {
    for await (const item of readLog(join(scratch.dir, String(i)), { follow: true })) {
      got[i] = `${got[i] ?? ''}${item.type === 'data' ? item.data.toString() : `<${item.type}>`}`;
    }
  };
  const say = async (what: string, wanted: string): Promise<void> => {
    writer.send(what);
    await until(what, () => got.every((one) => one === wanted));
  };
  const most = {
    begin: await mostInATurn(async () => {
      for (let i = 0; i < COUNT; i++) {
        // The call itself reads the log's key, at once.
        followers.push(follow(i));
        if (i % 16 === 15) await new Promise(setImmediate);
      }
      await until('all have begun', () => got.every((one) => one === 'first\n'));
    }),
    line: await mostInATurn(() => say('line', 'first\nline\n')),
    descriptors: openDescriptors().length - before,
    end: await mostInATurn(async () => {
      await say('end', 'first\nline\n<end>');
      await Promise.all(followers);
    }),
  };
  // The directory's watch is in one instance for all.
  expect(most.descriptors).toBeLessThanOrEqual(3 * COUNT + 2);
  // 16 followers have their turn at once, and each makes some 40 calls. All together would make 40,000. (A busy
  // machine puts some turns together.)
  for (const calls of [most.begin, most.line, most.end]) expect(calls).toBeLessThan(5000);
  writer.disconnect();
  await once(writer, 'exit');
});
