/**
 * Starts the processes of a container: the first one with the lock held to the end, further ones in parallel. `Container`
 * documents arguments, result and errors.
 */
import { checkObject, checkStrings } from '../base/arg-checks.js';
import { ownTurn } from '../base/turns.js';
import { readBundle } from '../oci/bundle.js';
import { execSpec } from '../oci/exec-spec.js';
import { INIT_PROCESS_ID, checkId } from '../oci/ids.js';
import { rootIds } from '../oci/mappings.js';
import type { ProcessSpec } from '../oci/types.js';
import { checkStartCheckpoint } from '../runtime/checkpoint.js';
import { StartAttempt } from './attempt.js';
import type { KeepLock, Locked } from './locked.js';
import type { ContainerOperations } from './operations.js';
import {
  type CreateOptions,
  type ExecOptions,
  type ExecSpec,
  type StartOptions,
  checkStartOptions,
} from './options.js';
import type { Process, ProcessOwner } from './process.js';
import type { ContainerProcesses, StartRequest } from './processes.js';

/** What the starts need of their container. */
export interface StartsConfig<Owner extends ProcessOwner> {
  readonly bundle: string;
  /** As `ContainerOptions.timeoutMs`. */
  readonly timeoutMs: number;
  readonly locked: Locked;
  readonly processes: ContainerProcesses<Owner>;
  readonly operations: ContainerOperations<Process<Owner>>;
}

/** What the caller of a start of the first process gives. */
type GivenStart = Omit<StartRequest, 'id' | 'spec' | 'rootIds'>;

export class ContainerStarts<Owner extends ProcessOwner> {
  readonly #config: StartsConfig<Owner>;

  constructor(config: StartsConfig<Owner>) {
    this.#config = config;
  }

  async start(options: StartOptions): Promise<Process<Owner>> {
    const given = checkStartOptions(options, ['stdio', 'log', 'checkpoint', 'labels']);
    const { stdio, log, checkpoint = '', labels } = options;
    const { bundle, locked, processes, operations } = this.#config;
    const isPlain = [stdio, log, labels].every((option) => option === undefined) && checkpoint === '';
    return locked(async (keep) => {
      const { init } = processes;
      if (init?.lifecycle.awaitsStart === true && isPlain) {
        await operations.letRun();
        return init;
      }
      checkStartCheckpoint(bundle, checkpoint);
      return this.#startInit({ ...given, checkpoint }, keep);
    });
  }

  async create(options: CreateOptions): Promise<Process<Owner>> {
    const given = checkStartOptions(options, ['stdio', 'log', 'labels']);
    return this.#config.locked((keep) => this.#startInit({ ...given, create: true }, keep));
  }

  async exec(id: string, spec: ExecSpec, options: ExecOptions): Promise<Process<Owner>> {
    const { timeoutMs, locked, processes, operations } = this.#config;
    checkId('processId', id);
    checkObject('spec', spec);
    checkStrings('spec.args', spec.args);
    const own = copyOf(spec);
    const given = checkStartOptions(options, ['stdio', 'log', 'labels']);
    // The lock is held only for the claim, not while the runtime runs: so several execs can run at the same time.
    const claimed = await locked(() => {
      operations.requireLiving();
      const base = this.#execBase();
      return processes.claim({ id, ...base, spec: execSpec(base.spec, own), ...given, exec: true });
    }, [INIT_PROCESS_ID, id]);
    const attempt = new StartAttempt(timeoutMs);
    const whole = claimed.launch(attempt).catch(async (error: unknown) => {
      // Ignore a failure: if the container was deleted, so was the claim. If it is busy, cleanUp() removes the claim
      // later.
      await locked(() => claimed.undo(error)).catch(() => undefined);
      throw error;
    });
    return attempt.inTime(whole);
  }

  /**
   * Starts the first process. The lock is held until the end of the start, because the runtime knows the container by
   * its id; if the start fails, until the end of the clean-up.
   */
  async #startInit(given: GivenStart, keep: KeepLock): Promise<Process<Owner>> {
    const bundle = readBundle(this.#config.bundle);
    // What is written is another piece of work.
    await ownTurn();
    const { process: spec } = bundle;
    const request = { id: INIT_PROCESS_ID, spec, rootIds: rootIds(bundle), ...given };
    const claimed = await this.#config.processes.claim(request);
    const attempt = new StartAttempt(this.#config.timeoutMs);
    const whole = claimed.launch(attempt).catch((error: unknown) => {
      claimed.undo(error);
      throw error;
    });
    keep(whole);
    return attempt.inTime(whole);
  }

  /**
   * The process object that `exec` changes: that of the first process as it was started. The bundle is not read, as it
   * may have been rewritten or removed since. It is read only if the first process's process.json is broken.
   */
  #execBase(): { spec: ProcessSpec; rootIds: { uid: number; gid: number } } {
    const { init } = this.#config.processes;
    if (init !== undefined && init.problem === undefined) return { spec: init.spec, rootIds: init.rootIds };
    const bundle = readBundle(this.#config.bundle);
    return { spec: bundle.process, rootIds: rootIds(bundle) };
  }
}

/** A copy with its members, so that it does not matter what the caller does with its own before the lock is ours. */
function copyOf(spec: ExecSpec): ExecSpec {
  const copied = Object.entries(spec).map(([name, value]: [string, unknown]) => {
    if (Array.isArray(value)) return [name, [...(value as unknown[])]];
    return [name, typeof value === 'object' && value !== null ? { ...value } : value];
  });
  return Object.fromEntries(copied) as ExecSpec;
}
