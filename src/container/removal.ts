/**
 * The removals of a container: of itself, or of one process. Takes the lock, compares what is there with what is meant, and tells
 * the container's followers. The steps are in delete.ts.
 */
import { OutliveError } from '../base/errors.js';
import { INIT_PROCESS_ID } from '../oci/ids.js';
import type { ContainerChanges } from './changes.js';
import { type Doomed, deleteContainer, removeProcess } from './delete.js';
import type { Locked } from './locked.js';
import type { Process, ProcessOwner } from './process.js';
import { isUnstarted } from './unstarted.js';

/** What the removals need of their container. */
export interface RemovalConfig<Owner extends ProcessOwner> extends Doomed<Owner> {
  readonly locked: Locked;
  readonly changes: ContainerChanges<Process<Owner>>;
}

export class ContainerRemoval<Owner extends ProcessOwner> {
  readonly #config: RemovalConfig<Owner>;

  constructor(config: RemovalConfig<Owner>) {
    this.#config = config;
  }

  /** As `Container.delete()`. @param meant refuse if the container's first process is another one by now. */
  async delete({ force }: { force: boolean }, meant?: Process<Owner>): Promise<void> {
    const { locked, processes, changes } = this.#config;
    await locked(async () => {
      await processes.refreshed();
      if (meant !== undefined) this.#find(meant.id, meant);
      return deleteContainer(this.#config, force);
    });
    changes.tell('delete');
  }

  /** As `Container.deleteIfUnstarted()`. */
  async deleteIfUnstarted(): Promise<boolean> {
    const { locked, processes, target, changes } = this.#config;
    const isDeleted = await locked(async () => {
      if (!(await isUnstarted(target.dir))) return false;
      await processes.refreshed();
      // A runtime that was killed with its shim may have left a half-made container.
      await deleteContainer(this.#config, false);
      return true;
    });
    if (isDeleted) changes.tell('delete');
    return isDeleted;
  }

  /** As `Container.removeProcess()`. @param meant refuse if another process has the id by now. */
  async removeProcess(processId: string, meant?: Process<Owner>): Promise<void> {
    const { locked, changes } = this.#config;
    const removed = await locked(async () => {
      const process = this.#find(processId, meant);
      await removeProcess(this.#config, process);
      return process;
    }, [INIT_PROCESS_ID, processId]);
    changes.tell('remove', removed);
  }

  /** As `Process.remove()` with `force`. */
  async remove(process: Process<Owner>): Promise<void> {
    if (process.id === INIT_PROCESS_ID) await this.delete({ force: true }, process);
    else await this.removeProcess(process.id, process);
  }

  #find(processId: string, meant: Process<Owner> | undefined): Process<Owner> {
    const found = this.#config.processes.get(processId);
    const isMeant = meant === undefined || found?.lifecycle.key === meant.lifecycle.key;
    if (found !== undefined && isMeant) return found;
    throw new OutliveError('ERR_INVALID_STATE', `no process ${processId} in ${this.#config.target.id}`);
  }
}
