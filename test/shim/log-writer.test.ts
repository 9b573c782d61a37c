import { join } from 'node:path';
import { expect } from 'vitest';
import { test } from '../support/scratch.js';
import { readLogFiles } from '../support/log-files.js';
import { logShim } from '../support/log-shim.js';
import { fakeContainer, processDir } from '../support/fake-runtime.js';

test('first', async ({ scratch }) => {
  const container = await fakeContainer(scratch, 'run-script', 'echo out; echo err >&2; sleep 0.1; echo out2; exit 3', {shim: logShim(scratch)});
  const init = await container.start();
  expect(await init.wait()).toMatchObject({ status: 3 });
  const log = readLogFiles(join(processDir(scratch, container), 'log'));
  console.log(JSON.stringify(log));
});
