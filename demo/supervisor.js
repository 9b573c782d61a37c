/** The first supervisor: starts a shell on a terminal, types into it, and is killed by the narrator. */
import { mkdirSync } from 'node:fs';
import { Container, makeStdioFifos } from '../dist/index.js';
import { perform } from './role.js';
import { ShellTerminal } from './shell-terminal.js';

await perform(async ({ options, stdioDir, lines }, tell) => {
  const container = await Container.create(options);
  mkdirSync(stdioDir, { mode: 0o700 });
  const stdio = makeStdioFifos(stdioDir, { terminal: true });
  const shell = await container.start({ stdio });

  const terminal = new ShellTerminal(shell);
  await terminal.prompt();
  terminal.take();
  terminal.type(lines.read);
  await terminal.prompt();
  // From now on the output of the shell is unread.
  terminal.stopReading();
  terminal.type(lines.unread);
  tell('started', { pid: shell.systemPid });

  // This process is killed here. It holds nothing that the shell needs.
  await shell.wait();
  throw new Error('the shell ended while its first supervisor lived');
});
