// A program of a user, for the type checker only.
import {
  Container,
  type Exit,
  Monitor,
  type Process,
  Process as ProcessClass,
  Supervisor,
  posix as calls,
} from 'outlive';
import type { ProcessSpec, Spec } from 'outlive/oci';
import * as posix from 'outlive/posix';

export async function run(spec: Spec): Promise<Exit> {
  const user: ProcessSpec | undefined = spec.process;
  const container: Container = await Container.create({ root: '/r', id: user?.cwd ?? 'a', bundle: '/b' });
  const process: Process = await container.start();
  process.openStdout().destroy();
  if (process instanceof ProcessClass) process.signal('SIGTERM');
  return process.wait();
}

export async function all(): Promise<string[]> {
  const supervisor = await Supervisor.open('/r');
  return supervisor.containers().map(({ id }) => id);
}

export function follow(process: Process): Monitor {
  const monitor = new Monitor();
  monitor.add(process);
  monitor.once('oom', ({ containerId }) => containerId);
  return monitor.on('exit', ({ process: ended, exit }) => `${ended.id}: ${exit.status ?? ''}`);
}

const group: number = posix.getpgid(0);
export const same: boolean = calls.getpgid(0) === group;

// @ts-expect-error: it has no public constructor
new ProcessClass();
// @ts-expect-error: nor has this
new Container();
// @ts-expect-error: internals are not exported
export type { ProcessDir } from 'outlive';
// @ts-expect-error: and are no entry points
export type * from 'outlive/dist/state/process.js';
