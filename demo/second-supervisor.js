/** The second supervisor: it knows only the state root and the id. */
import { Container } from '../dist/index.js';
import { perform } from './role.js';
import { ShellTerminal } from './shell-terminal.js';

await perform(async ({ root, id, unread, columns, rows, line }, tell) => {
  const container = await Container.load(root, id);
  const shell = container.processes().find((process) => process.id === 'init');
  if (shell === undefined) throw new Error(`container ${id} has no process`);
  tell('attached', { pid: shell.systemPid, state: shell.state() });

  const terminal = new ShellTerminal(shell);
  await terminal.prompt(unread);
  tell('printed meanwhile', { lines: terminal.take() });

  shell.resize(columns, rows);
  terminal.type(line);
  const [exit] = await Promise.all([shell.wait(), terminal.end()]);
  tell('printed', { lines: terminal.take() });
  tell('ended', { status: exit.status, lost: exit.lost, exitStatus: shell.exitStatus() });

  await container.delete();
  tell('deleted');
});
