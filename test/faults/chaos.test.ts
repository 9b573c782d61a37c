/** A short run of the fault harness: every scenario once, and some again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const harness = fileURLToPath(new URL('../../chaos/chaos.js', import.meta.url));

test('fifteen rounds: nothing lost, hung or left behind', { timeout: 120_000 }, async () => {
  const child = spawn(process.execPath, [harness, '--rounds', '15', '--seed', '1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await once(child, 'close')) as [number | null];
  const [stdout, stderr] = await output;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^rounds +15 +seed 1$/m);
  for (const count of ['lost that should be known', 'hung', 'left behind', 'otherwise wrong']) {
    expect(stdout).toContain(`\n${count}: 0\n`);
  }
});
