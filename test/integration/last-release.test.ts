/**
 * The last release, as its users run it, and this library: either has the running process of the other, with its output
 * and its exact status (docs/protocol.md, "Releases"). test/last-release.sh builds the release and runs this file. The bytes
 * of earlier releases: releases.test.ts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { writeTestBundle } from '../support/bundles.js';
import { test } from '../support/scratch.js';

/** With the release in its node_modules. */
const directory = process.env.OUTLIVE_LAST_RELEASE ?? '';
const JOB = ['sh', '-c', 'echo begun; read line; echo "got $line"; exit 37'];

/** Runs statements with `outlive` of the last release in scope. @returns what they print */
async function runOld(cwd: string, statements: string, ...args: string[]): Promise<string> {
  const script = `import * as outlive from 'outlive'; ${statements}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, ...args], { cwd });
  const [stdout, stderr] = [child.stdout, child.stderr].map(async (stream) => (await stream.toArray()).join(''));
  await once(child, 'exit');
  if (child.exitCode !== 0 && child.signalCode !== 'SIGKILL') throw new Error(await stderr);
  return (await stdout) ?? '';
}

describe('the last release', () => {
  test('its supervisor is killed: this library has its process, output, exact status, and deletes it', async ({
    scratch,
  }) => {
    const bundle = await writeTestBundle(scratch.mkdir('bundle'), 'host', { args: JOB });
    const id = scratch.newId();
    await runOld(
      directory,
      `const [root, id, bundle, stdio] = process.argv.slice(1);
       const container = await outlive.Container.create({ root, id, bundle });
       await container.start({ stdio: outlive.makeStdioFifos(stdio) });
       process.kill(process.pid, 'SIGKILL');`,
      ...[scratch.root, id, bundle, scratch.mkdir('stdio')],
    );
    const container = scratch.keep(await Container.load(scratch.root, id));
    const [process] = container.processes();
    expect(container.state()).toBe('running');
    const { version } = JSON.parse(readFileSync(join(directory, 'node_modules/outlive/package.json'), 'utf8')) as {
      version: string;
    };
    expect(process?.shimVersion).toBe(version);

    const second = await container.exec('second', { args: ['sh', '-c', 'exit 8'] });
    expect(await second.wait()).toMatchObject({ status: 8 });
    const output = process?.openStdout();
    process?.openStdin().end('hello\n');
    expect(await process?.wait()).toMatchObject({ status: 37 });
    expect((await output?.toArray())?.join('')).toBe('begun\ngot hello\n');
    await container.delete();
  });

  test('it has the process of this library: output, exact status, and deletes it', async ({ scratch }) => {
    const bundle = await writeTestBundle(scratch.mkdir('bundle'), 'host', { args: JOB });
    const id = scratch.newId();
    const container = scratch.keep(await Container.create({ root: scratch.root, id, bundle }));
    await container.start({ stdio: scratch.fifos() });
    const printed = await runOld(
      directory,
      `const container = await outlive.Container.load(...process.argv.slice(1));
       const [job] = container.processes();
       const output = job.openStdout();
       job.openStdin().end('hello\\n');
       const { status } = await job.wait();
       console.log(status, JSON.stringify((await output.toArray()).join('')));
       await container.delete();`,
      ...[scratch.root, id],
    );
    expect(printed).toBe('37 "begun\\ngot hello\\n"\n');
  });
});
