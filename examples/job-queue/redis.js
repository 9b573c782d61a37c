/** A Redis of our own on a socket in `dir`, which keeps nothing on disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** @param {string} dir */
export async function startRedis(dir) {
  const path = join(dir, 'redis.sock');
  const args = [
    '--port',
    '0',
    '--unixsocket',
    path,
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'no',
    '--daemonize',
    'no',
  ];
  const redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(redis, 'exit');
  const ready = (async () => {
    for await (const line of createInterface({ input: redis.stdout })) if (/ready to accept/i.test(line)) return;
    throw new Error('redis-server ended');
  })();
  await Promise.race([ready, exited.then(() => ready)]);
  redis.stdout.resume();
  return {
    path,
    /** Ends it and waits for its end. */
    async end() {
      redis.kill('SIGKILL');
      await exited;
    },
  };
}
