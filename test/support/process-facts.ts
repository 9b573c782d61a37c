/**
 * Facts in /proc of a container's process, seen from the host. A runtime may give the pid of an exec'ed process before
 * that has called execve(2). So each function waits until the process runs the program of its spec.
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
 * The soft and hard limit on one line of /proc/<pid>/limits, such as `Max core file size`. Do not test the soft limit of
 * open files: the Go runtime of Debian's runc 1.1.5 raises its own, and sometimes passes the hard limit on as the soft one.
 */
export async function limitOf(process: Process, name: string): Promise<[string, string]> {
  await executed(process);
  const lines = readFileSync(`/proc/${process.systemPid}/limits`, 'utf8').split('\n');
  const values = lines.find((line) => line.startsWith(name))?.slice(name.length);
  const [soft = '', hard = ''] = values?.trim().split(/\s+/) ?? [];
  return [soft, hard];
}

/** The uid that owns the file behind a descriptor. */
export async function ownerOf(process: Process, fd: number): Promise<number> {
  await executed(process);
  return statSync(`/proc/${process.systemPid}/fd/${fd}`).uid;
}

/** Waits until the process runs the program of its spec. */
async function executed({ systemPid, spec }: Process): Promise<void> {
  const name = () => readFileSync(`/proc/${systemPid}/comm`, 'utf8').trim();
  await until(
    () => `pid ${systemPid}, now ${name()}, runs ${spec.args.join(' ')}`,
    () => name() === spec.args[0],
  );
}
