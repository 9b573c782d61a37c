/** Plays an agent that starts a command, crashes, comes back and reads on; and then one that is switched off. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { connect } from './client.js';
import { CommandTool } from './tool.js';

const dir = mkdtempSync(join(tmpdir(), 'outlive-agent-tool-'));
const settings = { AGENT: 'demo', AGENT_DIR: dir };
let server = connect(settings);

/** Polls a job until it has printed this text or has ended. An agent would store the cursor. */
async function readUntil(/** @type {string} */ id, /** @type {string | undefined} */ cursor, text = '\0') {
  for (;;) {
    const answer = await server.call('poll', { id, cursor, waitMs: 10_000 });
    process.stdout.write(answer.output);
    cursor = answer.cursor;
    if ((answer.state === 'ended' && !answer.hasMore) || answer.output.includes(text)) return answer;
  }
}

try {
  const command = 'for i in 1 2 3 4 5 6; do echo "step $i"; sleep 0.5; done; exit 3';
  console.log(await server.call('start', { id: 'build', command }));
  const { cursor } = await readUntil('build', undefined, 'step 3');
  await server.crash();
  console.log('The agent and its tool have crashed. They come back, with the cursor that was stored:');
  server = connect(settings);
  const { status } = await readUntil('build', cursor);
  console.log(`It has ended with status ${status}.`);
  await server.call('remove', { id: 'build' });

  for (const id of ['one', 'two']) await server.call('start', { id, command: 'while :; do sleep 1; done' });
  console.log('The kill switch ends', await new CommandTool({ dir, agent: 'demo' }).switchOff());
  console.log(await server.call('start', { id: 'three', command: 'date' }).catch(String));
  for (const id of ['one', 'two']) await server.call('remove', { id });
} finally {
  await server.crash();
  await new CommandTool({ dir, agent: 'demo' }).switchOff();
  rmSync(dir, { recursive: true });
}
