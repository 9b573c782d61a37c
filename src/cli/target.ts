import type { Command } from 'commander';
import type { Container } from '../index.js';

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

/** What is said of a root that is missing: no failure, since it is so before the first start; it may be misspelt, too. */
export function noRoot(root: string): Error {
  return new Error(`there is no ${root} yet: the first run makes it`);
}
