/** Follows a container in which the kernel's OOM killer is to end a process. */
import assert from 'node:assert/strict';
import { Monitor } from 'outlive';

/**
 * Follows it to its end: one OOM kill is told, then the end.
 * @param {import('outlive').Container} container
 * @param {(kills: number) => unknown} onOom called when the kill is told.
 */
export async function endAfterOom(container, onOom = () => undefined) {
  const monitor = new Monitor();
  monitor.add(container);
  /** @type {string[]} */
  const told = [];
  try {
    for await (const event of monitor) {
      told.push(event.type);
      if (event.type === 'exit') {
        assert.deepEqual(told, ['oom', 'exit']);
        return event.exit;
      }
      await onOom(event.kills);
    }
  } finally {
    monitor.close();
  }
  throw new Error('the events ended before the process');
}
