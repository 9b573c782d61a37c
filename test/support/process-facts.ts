/**
 * What /proc, seen from the host, says of a process. A runtime may give the pid of an exec'ed process while that is its
 * own child still, on its way to execve(2); so each of these waits until it is the program that was asked for.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Process } from '../../src/index.js';
import { until } from './until.js';

/** /proc/<pid>/status, by name. */
export async function statusOf(process: Process): Promise<Record<string, string>> {
  await executed(process);
  const lines = readFileSync(`/proc/${process.systemPid}/status`, 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2).map((part) => part.trim()) as [string, string]));
}

/**
 * `Max core file size` and the like of /proc/<pid>/limits: soft, hard. (The soft limit of open files is none to test:
 * runc 1.1.5 as Debian builds it now and then gives the hard one, by its Go runtime that raises its own.)
 */
export async function limitOf(process: Process, name: string): Promise<[string, string]> {
  await executed(process);
  const lines = readFileSync(`/proc/${process.systemPid}/limits`, 'utf8').split('\n');
  const values = lines.find((line) => line.startsWith(name))?.slice(name.length);
  const [soft = '', hard = ''] = values?.trim().split(/\s+/) ?? [];
  return [soft, hard];
}

/** Whose a descriptor of a process is. */
export async function ownerOf(process: Process, fd: number): Promise<number> {
  await executed(process);
  return statSync(`/proc/${process.systemPid}/fd/${fd}`).uid;
}

/** Waits until it is the program of its spec. */
async function executed({ systemPid, spec }: Process): Promise<void> {
  const name = () => readFileSync(`/proc/${systemPid}/comm`, 'utf8').trim();
  await until(
    () => `${systemPid} is ${name()}, and not ${spec.args.join(' ')}`,
    () => name() === spec.args[0],
  );
}
