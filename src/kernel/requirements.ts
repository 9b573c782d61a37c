/**
 * Checks, before anything is changed, that the kernel and the sandbox offer what the library can't do without: a /proc
 * that shows this process's pid namespace, and pidfds. Without them, processes could be started but not identified or
 * ended, or a pid could be a stranger's. Behaviour: proc(5), pid_namespaces(7), pidfd_open(2).
 */
import { readFileSync } from 'node:fs';
import { OutliveError, hasCode } from '../base/errors.js';
import * as posix from '../posix/index.js';
import { closeOwned, pidfdOpenOwned } from '../posix/owned.js';
import { currentBootId } from './identity.js';

let passed = false;

/**
 * Checks it once a thread; a failed check is repeated at the next call.
 * @throws {OutliveError} `ERR_UNSUPPORTED_SYSTEM`, with the refused system call's error as its cause.
 */
export function checkSystem(): void {
  if (passed) return;
  checkProc();
  checkPidfds();
  passed = true;
}

function checkProc(): void {
  const status = required('cannot read /proc', () => readFileSync('/proc/self/status', 'latin1'));
  required('cannot read /proc/sys', currentBootId);
  const shown = pidsIn(status);
  if (shown === String(process.pid)) return;
  const message =
    `/proc shows another pid namespace: it has this process as ${shown}, which is ${process.pid}. ` +
    'Mount a /proc of this namespace (mount(8): `mount -t proc proc /proc`)';
  throw new OutliveError('ERR_UNSUPPORTED_SYSTEM', message);
}

/**
 * A process's pids, separated by a space, from the text of its /proc/<pid>/status: its pid in the namespace that /proc
 * shows, then those in the namespaces below it that contain the process. So there are several if /proc is of an outer
 * namespace. A kernel without pid namespaces has no line `NSpid`.
 */
export function pidsIn(status: string): string {
  const line = /^NSpid:\s+(.*)$/m.exec(status) ?? /^Pid:\s+(\d+)$/m.exec(status);
  return (line?.[1] ?? '').split(/\s+/).join(' ');
}

function checkPidfds(): void {
  const pidfd = required('pidfd_open(2) does not work', () => pidfdOpenOwned(process.pid));
  try {
    required('pidfd_send_signal(2) does not work', () => posix.pidfdSendSignal(pidfd, 0));
    required('waitid(2) does not take a pidfd', () => {
      try {
        posix.waitPidfd(pidfd);
      } catch (error) {
        // We are not our own child: this is the right answer. A kernel that does not know P_PIDFD says EINVAL.
        if (!hasCode(error, 'ECHILD')) throw error;
      }
    });
  } finally {
    closeOwned(pidfd);
  }
}

function required<T>(what: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    // Any other error (EMFILE, ENOMEM …) says nothing about the system.
    if (!hasCode(cause, 'ENOSYS', 'EPERM', 'EACCES', 'EINVAL', 'ENOENT', 'ENOTDIR')) throw cause;
    const message = `${what}: outlive needs Linux 5.4 or later, /proc, and a sandbox that allows pidfds`;
    throw new OutliveError('ERR_UNSUPPORTED_SYSTEM', message, { cause });
  }
}
