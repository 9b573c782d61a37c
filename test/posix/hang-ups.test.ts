// Many FIFOs on one epoll instance: each hang-up is told once, to its own listener, and nothing is left open.
import { constants } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { forgetHangUp, onHangUp } from '../../src/posix/hang-ups.js';
import * as posix from '../../src/posix/index.js';
import { openDescriptors } from '../support/proc.js';
import { until } from '../support/until.js';
import { temporaryDirectory } from './helpers.js';

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

let dir: string;
let before: string[];

beforeEach(() => {
  dir = temporaryDirectory();
  before = openDescriptors();
});

afterEach(() => {
  expect(openDescriptors()).toEqual(before);
});

/** So many turns that an event which was there at the beginning is told. */
async function nextTurns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A FIFO with a reader and a writer. */
function fifo(name: string): { readEnd: number; writeEnd: number } {
  const path = join(dir, name);
  posix.mkfifo(path, 0o600);
  const readEnd = posix.open(path, O_RDONLY | O_NONBLOCK);
  return { readEnd, writeEnd: posix.open(path, O_WRONLY | O_NONBLOCK) };
}

it('tells each of more than one batch of listeners once', async () => {
  const told: number[] = [];
  const fifos = Array.from({ length: 600 }, (_, i) => fifo(`f${i}`));
  fifos.forEach(({ readEnd }, i) => onHangUp(readEnd, { onHangUp: () => told.push(i) }));
  for (const { writeEnd } of fifos) posix.close(writeEnd);
  await until('what is to be told', () => told.length === fifos.length);
  await nextTurns();
  expect(told.sort((a, b) => a - b)).toEqual(fifos.map((_, i) => i));
  for (const { readEnd } of fifos) {
    forgetHangUp(readEnd);
    posix.close(readEnd);
  }
});

it('does not tell of bytes, nor of one that is forgotten; one that hung up before is told of', async () => {
  const told: string[] = [];
  const [written, forgotten, left] = [fifo('written'), fifo('forgotten'), fifo('left')];
  posix.write(written.writeEnd, Buffer.from('x'));
  posix.close(left.writeEnd);
  onHangUp(written.readEnd, { onHangUp: () => told.push('written') });
  onHangUp(forgotten.readEnd, { onHangUp: () => told.push('forgotten') });
  onHangUp(left.readEnd, { onHangUp: () => told.push('left') });
  forgetHangUp(forgotten.readEnd);
  posix.close(forgotten.writeEnd);
  expect(told).toEqual([]);
  await until('what is to be told', () => told.length > 0);
  await nextTurns();
  expect(told).toEqual(['left']);
  // Its bytes were not read, and the hang-up is told nevertheless.
  posix.close(written.writeEnd);
  await until('what is to be told', () => told.length > 1);
  expect(told).toEqual(['left', 'written']);
  for (const { readEnd } of [written, forgotten, left]) {
    forgetHangUp(readEnd);
    posix.close(readEnd);
  }
});

it('a listener that ends another one in the same turn keeps it from being told', async () => {
  const told: string[] = [];
  const [one, two] = [fifo('one'), fifo('two')];
  const ending = (name: string, other: number) => ({
    onHangUp: () => {
      told.push(name);
      forgetHangUp(other);
    },
  });
  onHangUp(one.readEnd, ending('one', two.readEnd));
  onHangUp(two.readEnd, ending('two', one.readEnd));
  posix.close(one.writeEnd);
  posix.close(two.writeEnd);
  await until('what is to be told', () => told.length > 0);
  await nextTurns();
  expect(told).toHaveLength(1);
  forgetHangUp(one.readEnd);
  forgetHangUp(two.readEnd);
  posix.close(one.readEnd);
  posix.close(two.readEnd);
});

it('is refused for a descriptor that is not open or cannot be watched, and leaves nothing', () => {
  const failure = (code: string) => expect.objectContaining({ code, syscall: 'epoll_ctl' }) as Error;
  expect(() => onHangUp(999_999, { onHangUp: () => undefined })).toThrow(failure('EBADF'));
  const file = posix.open('/proc/self/stat', O_RDONLY);
  expect(() => onHangUp(file, { onHangUp: () => undefined })).toThrow(failure('EPERM'));
  posix.close(file);
});
