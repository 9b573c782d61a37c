/** Where the jobs are, and which one a verb is for. */
import { isAbsolute } from 'node:path';
import type { Command } from 'commander';
import type { Container, Process } from '../index.js';
import { messageOf } from './failure.js';

/** The state root: that of `--root`, else the library's default. */
export async function rootOf(command: Command): Promise<string> {
  const { root } = command.optsWithGlobals<{ root?: string }>();
  const { defaultRoot } = await import('../index.js');
  return root ?? defaultRoot();
}

export async function openContainer(id: string, root: string): Promise<Container> {
  const { Container } = await import('../index.js');
  return Container.load(root, id);
}

/** The error; if the root can't be made or written to, with what to do. */
export function withRootAdvice(error: unknown, root: string): unknown {
  const { path, syscall } = error as NodeJS.ErrnoException;
  const isOfRoot = path !== undefined && isAbsolute(root) && `${root}/`.startsWith(`${path}/`);
  if (!isOfRoot || (syscall !== 'mkdir' && syscall !== 'access')) return error;
  return new Error(`${messageOf(error)}: --root or OUTLIVE_ROOT gives another state root`, { cause: error });
}

/** What is said of a root that is missing: no failure, since it is so before the first start; it may be misspelt, too. */
export function noRoot(root: string): Error {
  return new Error(`there is no ${root} yet: the first run makes it`);
}

/** Adds `--process` to a verb. */
export function addProcessOption(command: Command): Command {
  return command.option('--process <id>', 'one that exec started (default: the first process)');
}

/** The process of a job that a verb is for: the first one, or the one of `--process`. */
export function processOf(container: Container, processId?: string): Process {
  const process = processId === undefined ? container.init : container.process(processId);
  if (process !== undefined) return process;
  throw new Error(
    processId === undefined
      ? `${container.id} has no process: its start was interrupted`
      : `${container.id} has no process ${processId}`,
  );
}
