/**
 * The command lines of the runtime commands that the library runs itself (run, create, exec, restore and the delete at
 * the end are the shim's: native/shim/runtime.cc). Pure; runc(8) and its subcommands' manual pages are the reference.
 */
import { join } from 'node:path';
import { HOST_RUNTIME } from '../disk/programs.js';

/** What stands before the command on every command line of a container. */
export interface RuntimeGlobals {
  readonly runtime: string;
  readonly runtimeArgs: readonly string[];
  /** Where the host runtime keeps its state. */
  readonly dir: { readonly hostRuntimeRoot: string };
}

/** Flags of a checkpoint; see `CheckpointOptions`. */
export interface CheckpointFlags {
  readonly exit: boolean;
  readonly tcp: boolean;
  readonly unixSockets: boolean;
  readonly shell: boolean;
  readonly emptyNs: readonly string[];
}

/**
 * The runtime's global arguments. The host runtime keeps its state in the container's own directory, unless the caller
 * says otherwise, so that two state roots never collide and nothing is left when the directory goes.
 */
export function globalArgs(globals: RuntimeGlobals): string[] {
  const { runtime, runtimeArgs, dir } = globals;
  const isOurs = runtime === HOST_RUNTIME && givenRoot(runtimeArgs) === undefined;
  return isOurs ? ['--root', dir.hostRuntimeRoot, ...runtimeArgs] : [...runtimeArgs];
}

/** The file in which the host runtime remembers a container; undefined for any other runtime. */
export function hostStateFile(globals: RuntimeGlobals, id: string): string | undefined {
  if (globals.runtime !== HOST_RUNTIME) return undefined;
  return join(givenRoot(globals.runtimeArgs) ?? globals.dir.hostRuntimeRoot, id, 'state.json');
}

/** The value of the last `--root`: the host runtime takes flags as runc does, with one dash or two. */
function givenRoot(runtimeArgs: readonly string[]): string | undefined {
  let root: string | undefined;
  runtimeArgs.forEach((arg, i) => {
    const flag = /^--?root(?:=(.*))?$/s.exec(arg);
    if (flag !== null) root = flag[1] ?? runtimeArgs[i + 1];
  });
  return root;
}

/**
 * All arguments of one call.
 * @param log the path of the file that the runtime writes its log to, as JSON.
 * @param command one of {@link commands}.
 */
export function runtimeArgv(globals: RuntimeGlobals, log: string, command: readonly string[]): string[] {
  return ['--log', log, '--log-format', 'json', ...globalArgs(globals), ...command];
}

/** A command and its own arguments. An id never begins with a dash, so none is taken for a flag. */
export const commands = {
  state: (id: string) => ['state', id],
  start: (id: string) => ['start', id],
  forceDelete: (id: string) => ['delete', '--force', id],
  pause: (id: string) => ['pause', id],
  resume: (id: string) => ['resume', id],
  ps: (id: string) => ['ps', '--format', 'json', id],
  stats: (id: string) => ['events', '--stats', id],
  /** `file` holds the resources as JSON. */
  update: (id: string, file: string) => ['update', '--resources', file, id],
  /** The signal by number: every runtime reads that, and not every one knows every name. */
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
