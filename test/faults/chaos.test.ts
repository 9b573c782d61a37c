/** A short run of the fault harness: each scenario once, and one more round. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { processesWith } from '../support/proc.js';

const harness = fileURLToPath(new URL('../../chaos/chaos.js', import.meta.url));

async function play(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [harness, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await once(child, 'close')) as [number | null];
  const [stdout, stderr] = await output;
  return { code, stdout, stderr };
}

test(
  'seventeen rounds: no status is lost, nothing hangs, nothing is left behind, none of another is ended',
  { timeout: 120_000 },
  async () => {
    const { code, stdout, stderr } = await play('--rounds', '17', '--seed', '1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^rounds +17 +seed 1$/m);
    for (const count of ['lost that should be known', 'hung', 'left behind', "another's ended", 'otherwise wrong']) {
      expect(stdout).toContain(`\n${count}: 0\n`);
    }
  },
);

test('two hundred processes that exit at once: two supervisors, and two later ones, see each exit once', async () => {
  const { code, stdout, stderr } = await play('--many', '200');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^200 processes of 2 supervisors started/m);
  for (const who of ['told to those who started them', 'written by the processes', 'told to others afterwards']) {
    expect(stdout).toContain(`\n${who}: 200, missed 0, twice 0, wrong 0`);
  }
  expect(stdout).toContain('\nleft behind: 0\n');
}, 120_000);

test('an interrupted run ends and removes everything that it made', async () => {
  const child = spawn(process.execPath, [harness, '--many', '40'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  child.stdout.resume();
  expect(await closed).toEqual([1, null]);
  expect(processesWith(`chaos-${child.pid}-`)).toEqual([]);
});
