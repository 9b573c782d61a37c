/**
 * Uses the installed package as a user would, in two programs. `start` starts a process, reads from its terminal and
 * kills itself; `resume` has the process back, with its terminal and exact exit status, and prints `ok`. A runtime that
 * is no program must be told as such before: the shim's child says so in the shim's own memory.
 * Usage: node trial.mjs <start|resume>, in the directory that has the package.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import process from 'node:process';
import { Container, makeStdioFifos, writeHostBundle } from 'outlive';
import * as posix from 'outlive/posix';
import 'outlive/oci';

const place = resolve('trial');
const root = resolve(place, 'state');

/** @param {import('node:stream').Readable} stream @param {string} text */
async function readUntil(stream, text) {
  let all = '';
  for await (const chunk of stream.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    all += chunk;
    if (all.includes(text)) return;
  }
  throw new Error(`the output ended: ${all}`);
}

if (process.argv[2] === 'start') {
  if (createRequire(import.meta.url)('outlive').Container !== Container) throw new Error('require() has another copy');
  mkdirSync(place, { mode: 0o700 });
  mkdirSync(root, { mode: 0o700 });
  posix.mkfifo(resolve(place, 'fifo'), 0o600);
  mkdirSync(resolve(place, 'stdio'), { mode: 0o700 });
  const script = 'stty -echo; echo begun; read line; echo "got $line"; exit 37';
  const args = ['sh', '-c', script];
  const env = [`PATH=${process.env.PATH}`];
  const bundle = await writeHostBundle(resolve(place, 'bundle'), { args, env, terminal: true });
  const text = resolve(place, 'text');
  writeFileSync(text, 'exit 0\n', { mode: 0o700 });
  const unrunnable = await Container.create({ root, id: 'unrunnable', bundle, runtime: text });
  const failure = await unrunnable.start().catch((error) => error);
  if (failure.cause?.code !== 'ENOEXEC')
    throw new Error('a runtime that is no program is not told as such', { cause: failure });
  await unrunnable.delete();
  const container = await Container.create({ root, id: 'trial', bundle });
  const shell = await container.start({ stdio: makeStdioFifos(resolve(place, 'stdio'), { terminal: true }) });
  await readUntil(shell.openStdout(), 'begun');
  process.kill(process.pid, 'SIGKILL');
} else {
  const container = await Container.load(root, 'trial');
  const [shell] = container.processes();
  if (shell === undefined || container.state() !== 'running') throw new Error(`it is ${container.state()}`);
  const output = shell.openStdout();
  shell.openStdin().write('hello\n');
  await readUntil(output, 'got hello');
  const { status, lost } = await shell.wait();
  output.destroy();
  await container.delete();
  if (status !== 37) throw new Error(`status ${status}, ${lost}`);
  rmSync(place, { recursive: true });
  console.log('ok');
}
