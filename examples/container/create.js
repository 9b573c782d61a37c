/**
 * The first program: creates a container, and gives it a network. Its process is there, with its namespaces, but the program in it
 * waits.
 *
 *   node create.js <directory> <id> <network>      <network>: as 10.231.7, without its last number
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Container } from 'outlive';
import { writeBundle } from './bundle.js';
import { connect } from './network.js';

const [dir = '', id = '', network = ''] = process.argv.slice(2);
const root = join(dir, 'state');
mkdirSync(root, { mode: 0o700 });
const bundle = writeBundle(join(dir, 'bundle'), `ip -o -4 address; wget -q -O - http://${network}.1:8080/`);
const container = await Container.create({ root, id, bundle, runtime: 'runc', labels: [`network=${network}`] });
try {
  const init = await container.createInit({ stdio: { stdout: 'log', stderr: 'log' } });
  await connect(init.systemPid, { name: `o${init.systemPid}`, host: `${network}.1/30`, container: `${network}.2/30` });
  console.log(`created: state ${init.state()}, pid ${init.systemPid}`);
} catch (error) {
  await container.delete();
  throw error;
}
// This program may end here, or be killed. The container stays as it is.
process.kill(process.pid, 'SIGKILL');
