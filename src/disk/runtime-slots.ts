/**
 * How many runtimes this thread of the program runs at a time. A runtime is a program of several megabytes and threads:
 * a thousand at once would take the machine's memory and processes, and none of them would end in its time limit.
 * Does not count what the shims run by themselves: each deletes its container when the process has ended.
 */
import { Limiter } from '../base/limiter.js';

/** At most so many commands of runtimes, and starts whose runtime has not written the pid yet. */
export const MAX_RUNTIMES = 16;

/** Who runs a runtime enters here first, and does not hold a place while it waits for another one. */
export const runtimeSlots = new Limiter(MAX_RUNTIMES);
