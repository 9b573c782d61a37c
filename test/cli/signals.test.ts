/** Signals that are passed on to a job, where the kernel refuses them. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { passOn } from '../../src/cli/foreground.js';
import type { Process } from '../../src/index.js';

/** What the user is told. */
function told(): string[] {
  const lines: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  onTestFinished(() => write.mockRestore());
  return lines;
}

function jobThatFails(code: string): Process {
  const error = Object.assign(new Error(`kill ${code}`), { code });
  const signal = (): void => {
    throw error;
  };
  return { signal, container: { id: 'web' } } as unknown as Process;
}

test('a job of another user: it is told, and the command goes on', () => {
  const lines = told();
  passOn(jobThatFails('EPERM'), 'SIGTERM', false);
  expect(lines).toEqual(['outlive: web: kill EPERM\n']);
});

test('a job that has just ended: nothing is told', () => {
  const lines = told();
  passOn(jobThatFails('ERR_PROCESS_EXITED'), 'SIGINT', false);
  expect(lines).toEqual([]);
});
