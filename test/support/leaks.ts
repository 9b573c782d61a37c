/** What a test must leave as it found it: this process's descriptors and its children. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Open descriptors, by what they refer to; without Node's own one for fs.watch(), made at the first and kept. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\[\d+\]/, '')].filter((to) => !to.endsWith('inotify'));
    } catch {
      return []; // the descriptor of this very readdir
    }
  });
}

/** Pids of this process's children, zombies included. */
export function childPids(): number[] {
  return readdirSync('/proc/self/task').flatMap((tid) => {
    const text = readFileSync(`/proc/self/task/${tid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
}

/** Pids of all processes whose command line holds `text`. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });
}
