/**
 * Builds the command lines of the runtime commands that the library runs. Pure.
 * Does not own run, create, exec, restore and the delete after the end: the shim runs them (native/shim/runtime.cc).
 * Behaviour: runc(8) and the manual pages of its commands.
 */
import { join } from 'node:path';
import { HOST_RUNTIME } from '../disk/programs.js';
import { absolutePath } from '../disk/working-directory.js';

/** What a container's global arguments, those before the command, are made of. */
export interface RuntimeGlobals {
  readonly runtime: string;
  /** Global arguments that the caller of `Container.create()` passed. */
  readonly runtimeArgs: readonly string[];
  /** The container's directory; `hostRuntimeRoot` in it is the default `--root` of the host runtime. */
  readonly dir: { readonly hostRuntimeRoot: string };
}

/** The flags of a checkpoint; see `CheckpointOptions` in checkpoint.ts. */
export interface CheckpointFlags {
  readonly exit: boolean;
  readonly tcp: boolean;
  readonly unixSockets: boolean;
  readonly shell: boolean;
  readonly emptyNs: readonly string[];
}

/**
 * The runtime's global arguments. The host runtime keeps its state in the container's directory unless the caller
 * passed a `--root`. So containers of two state roots never collide, and removing the directory removes that state too.
 */
export function globalArgs(globals: RuntimeGlobals): string[] {
  const { runtime, runtimeArgs, dir } = globals;
  const isOurs = runtime === HOST_RUNTIME && givenRoot(runtimeArgs) === undefined;
  return isOurs ? ['--root', dir.hostRuntimeRoot, ...runtimeArgs] : [...runtimeArgs];
}

/** The path of the host runtime's state file of a container; undefined for any other runtime. */
export function hostStateFile(globals: RuntimeGlobals, id: string): string | undefined {
  if (globals.runtime !== HOST_RUNTIME) return undefined;
  return join(givenRoot(globals.runtimeArgs) ?? globals.dir.hostRuntimeRoot, id, 'state.json');
}

/** The same arguments with the path of each `--root` made absolute: library and shim run the runtime in different directories. */
export function withAbsoluteRoot(runtimeArgs: readonly string[]): string[] {
  return runtimeArgs.map((arg, i) => {
    const flag = ROOT_FLAG.exec(arg);
    if (flag?.[2] !== undefined) return `${flag[1] ?? ''}=${absolutePath(flag[2])}`;
    return i > 0 &&
      ROOT_FLAG.exec(runtimeArgs[i - 1] ?? '')?.[2] === undefined &&
      ROOT_FLAG.test(runtimeArgs[i - 1] ?? '')
      ? absolutePath(arg)
      : arg;
  });
}

const ROOT_FLAG = /^(--?root)(?:=(.*))?$/s;

/** The value of the last `--root`. As runc, the host runtime accepts a flag with one dash or two. */
function givenRoot(runtimeArgs: readonly string[]): string | undefined {
  let root: string | undefined;
  runtimeArgs.forEach((arg, i) => {
    const flag = ROOT_FLAG.exec(arg);
    if (flag !== null) root = flag[2] ?? runtimeArgs[i + 1];
  });
  return root;
}

/**
 * All arguments of one runtime command.
 * @param log the path of the file to which the runtime writes its log, as JSON.
 * @param command one of {@link commands}.
 */
export function runtimeArgv(globals: RuntimeGlobals, log: string, command: readonly string[]): string[] {
  return ['--log', log, '--log-format', 'json', ...globalArgs(globals), ...command];
}

/** The commands with their arguments. An id never begins with a dash, so it can't be parsed as a flag. */
export const commands = {
  state: (id: string) => ['state', id],
  start: (id: string) => ['start', id],
  forceDelete: (id: string) => ['delete', '--force', id],
  pause: (id: string) => ['pause', id],
  resume: (id: string) => ['resume', id],
  ps: (id: string) => ['ps', '--format', 'json', id],
  stats: (id: string) => ['events', '--stats', id],
  /** `file` contains the resources as JSON. */
  update: (id: string, file: string) => ['update', '--resources', file, id],
  /** The signal as a number: all runtimes accept numbers, but not all accept every name. */
  killAll: (id: string, signal: number) => ['kill', '--all', id, String(signal)],
  checkpoint: (id: string, imagePath: string, { exit, shell, tcp, unixSockets, emptyNs }: CheckpointFlags) => [
    'checkpoint',
    ...['--image-path', imagePath, '--work-path', `${imagePath}/criu.work`],
    ...(exit ? [] : ['--leave-running']),
    ...(shell ? ['--shell-job'] : []),
    ...(tcp ? ['--tcp-established'] : []),
    ...(unixSockets ? ['--ext-unix-sk'] : []),
    ...emptyNs.flatMap((namespace) => ['--empty-ns', namespace]),
    id,
  ],
} as const;
