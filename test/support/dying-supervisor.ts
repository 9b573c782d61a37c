/** Another supervisor, which kills itself in the middle of an operation. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const remote = fileURLToPath(new URL('../../chaos/remote.js', import.meta.url));

/**
 * It runs these operations (of chaos/remote.js) in order, and is killed at the n-th call into the file system or the addon
 * within the last one, or after it.
 * @returns how many calls the last one made; undefined if it was killed within it.
 */
export async function dieAt(
  nth: number,
  before: [string, object][],
  last: [string, object],
): Promise<number | undefined> {
  const child = spawn(process.execPath, [remote, 'test'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close');
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async ([operation, args]: [string, object]): Promise<unknown> => {
    child.stdin.write(JSON.stringify({ call: 0, operation, args }) + '\n');
    const { value } = (await answers.next()) as IteratorResult<string, undefined>;
    if (value?.includes('"failed"')) throw new Error(value);
    return value === undefined ? undefined : (JSON.parse(value) as { value: unknown }).value;
  };
  for (const step of [...before, ['arm', { left: nth, after: false }] as [string, object]]) await ask(step);
  await ask(last);
  const calls = await ask(['calls', {}]);
  child.kill('SIGKILL');
  await closed;
  return calls as number | undefined;
}
