/** The lines that the library writes to the shim's control FIFO. */
import { expect, test } from 'vitest';
import { CLOSE_STDIN_LINE, RELEASE_LINE, resizeLine } from '../../src/shim/control.js';

test('control lines, byte for byte', () => {
  expect(CLOSE_STDIN_LINE).toBe('0 0 0\n');
  expect(resizeLine(80, 24)).toBe('1 80 24\n');
  expect(resizeLine(65535, 1)).toBe('1 65535 1\n');
  expect(RELEASE_LINE).toBe('2 0 0\n');
});
