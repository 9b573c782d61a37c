/**
 * The second program: finds the created container, serves something on its network, and lets it run.
 *
 *   node start.js <directory> <id>
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import { Container } from 'outlive';

const [dir = '', id = ''] = process.argv.slice(2);
const container = await Container.load(join(dir, 'state'), id);
const network = container.labels.find((label) => label.startsWith('network='))?.slice('network='.length);
const server = createServer((request, response) => {
  response.end(`Hello ${request.socket.remoteAddress}, from the host.\n`);
});
try {
  server.listen(8080, `${network}.1`);
  await once(server, 'listening');
  await container.start();
  const init = container.init;
  for await (const chunk of init?.openStdout() ?? []) process.stdout.write(chunk);
  for await (const chunk of init?.openStderr() ?? []) process.stderr.write(chunk);
  console.log('status', (await init?.wait())?.status);
} finally {
  server.close();
  await container.delete();
}
