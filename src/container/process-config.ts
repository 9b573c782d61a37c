/** What a `Container` makes a `Process` from. */
import type { Container } from './container.js';
import type { Process } from './process.js';
import type { ProcessSpec } from '../oci/spec.js';
import type { Launch } from '../shim/start.js';
import type { ProcessDir } from '../state/state-dir.js';
import type { Stdio } from '../stdio/stdio.js';

/** @internal */
export interface ProcessConfig {
  readonly id: string;
  readonly container: Container;
  readonly spec: ProcessSpec;
  readonly stdio: Stdio;
  readonly labels: readonly string[];
  readonly problem?: string;
  readonly dir: ProcessDir;
  readonly launch: Launch;
  /** It was made by `create`: the runtime lets its program run when it is told to. */
  readonly isCreated: boolean;
  /** Tells the runtime to. */
  readonly letRun: () => Promise<void>;
  /** Whether the process that has this pid is paused. */
  readonly isPaused: (pid: number) => boolean;
  /** Called once when the end of the process is lost: something of it may still run. */
  readonly onLost: (process: Process) => void;
}
