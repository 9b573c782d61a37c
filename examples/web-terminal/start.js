/** Starts the server, and starts it again whenever it was killed. Ctrl-C ends both; the shell runs on until you leave it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';

for (;;) {
  const stdio = /** @type {const} */ (['inherit', 'inherit', 'inherit', 'ipc']);
  const server = spawn(process.execPath, [join(import.meta.dirname, 'server.js')], { stdio: [...stdio] });
  const [code, signal] = await once(server, 'exit');
  if (signal !== 'SIGKILL') process.exit(code ?? 1);
  console.log('The server was killed. The shell was not. A new server:');
}
