/** A supervisor that a check kills: starts a container, prints the pid of its process, and waits. Argument: JSON. */
import process from 'node:process';
import { setInterval } from 'node:timers';
import { Container } from 'outlive';

const { options, start } = JSON.parse(process.argv[2] ?? '{}');
const container = await Container.create(options);
const started = await container.start(start);
console.log(started.systemPid);
setInterval(() => undefined, 1 << 30);
