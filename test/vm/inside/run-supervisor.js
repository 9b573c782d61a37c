/**
 * A supervisor that uses the easy calls: brings back the process of its earlier start, or runs it. Says which it has in a line
 * of `<dir>/report`, and stays. At SIGUSR2 it takes memory without end. Argument: the directory.
 */
import { appendFileSync } from 'node:fs';
import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import process from 'node:process';
import { setInterval } from 'node:timers';
import { find, run } from 'outlive';

const dir = process.argv[2] ?? '';
const root = join(dir, 'state');
const id = dir.replace(/^.*\//, '');
const resources = { memory: { limit: 64 << 20 } };
process.once('SIGUSR2', () => {
  for (const taken = []; ;) taken.push(Buffer.alloc(16 << 20, 1));
});
const job = await find(id, { root }).catch((/** @type {{ code?: string }} */ error) => {
  if (error.code !== 'ERR_CONTAINER_NOT_FOUND') throw error;
  return run(['sh', '-c', 'echo begun; read line; echo "got $line"; exit 7'], { id, root, stdin: 'pipe', resources });
});
appendFileSync(join(dir, 'report'), `${job.state()} ${job.systemPid}\n`);
setInterval(() => undefined, 1 << 30);
