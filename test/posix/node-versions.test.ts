// One build of the addon under every supported major version of Node, which npm's package `node` brings.
import { describe, expect, it } from 'vitest';
import { fixture, run, strict } from './helpers.js';

/** The command line that runs `node` of that major version; undefined where npm cannot bring it. */
async function nodeOf(version: string): Promise<string[] | undefined> {
  const command = ['exec', '--yes', `--package=node@${version}`, '--', 'node'];
  const { code, stdout } = await run('npm', [...command, '--version'], { timeoutMs: 180_000 });
  return code === 0 && stdout.startsWith(`v${version}.`) ? command : undefined;
}

describe('one build', () => {
  for (const version of ['20', '22', '24', '26']) {
    it(`runs under Node ${version}`, { timeout: 300_000 }, async ({ skip }) => {
      const command = await nodeOf(version);
      skip(command === undefined && !strict, `npm cannot bring node@${version} here`);
      expect(command).toBeDefined();
      const finished = await run('npm', [...(command ?? []), fixture('smoke.js')]);
      expect(finished).toMatchObject({ code: 0, stdout: `ok v${version}\n` });
    });
  }
});
