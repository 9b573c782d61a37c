/** Watches of directories on one inotify instance: which files are told of, to whom, and what happens if inotify's limits are met. */
import { appendFileSync, closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { DirWatch, type FileListener } from '../../src/disk/directory-watch.js';
import * as inotify from '../../src/posix/inotify.js';
import { test } from '../support/scratch.js';
import { Turns, work } from '../support/turns.js';
import { until } from '../support/until.js';

/** A listener that notes what it is told. */
function noting(): FileListener & { told: (string | undefined)[] } {
  const told: (string | undefined)[] = [];
  return { told, onFile: (name) => void told.push(name) };
}

function opened(dir: string): DirWatch {
  const watch = DirWatch.open(dir);
  if (watch === undefined) throw new Error('no watch');
  return watch;
}

test('a file is told of when it is renamed into the directory, or written and closed; not when it is made', async ({
  scratch,
}) => {
  const dir = scratch.mkdir('watched');
  writeFileSync(join(dir, 'old'), '');
  const watch = opened(dir);
  const listener = noting();
  watch.listen(listener);
  mkdirSync(join(dir, 'made'));
  const written = openSync(join(dir, 'being written'), 'w');
  appendFileSync(join(dir, 'old'), 'x');
  await until('old', () => listener.told.includes('old'));
  const fd = openSync(join(scratch.dir, 'elsewhere'), 'w');
  renameSync(join(scratch.dir, 'elsewhere'), join(dir, 'a name that is longer than sixteen bytes, ü'));
  closeSync(fd);
  await until('the renamed one', () => listener.told.includes('a name that is longer than sixteen bytes, ü'));
  expect(listener.told.filter((name) => name === 'made' || name === 'being written')).toEqual([]);
  closeSync(written);
  await until('the one that was being written', () => listener.told.includes('being written'));
  watch.close();
});

test('two watches of one directory are both told, and the end of either leaves the other', async ({ scratch }) => {
  const dir = scratch.mkdir('watched');
  const watches = [opened(dir), opened(dir), opened(dir)];
  const listeners = watches.map((watch) => {
    const listener = noting();
    watch.listen(listener);
    return listener;
  });
  const [first, second, third] = listeners;
  writeFileSync(join(dir, 'one'), '');
  await until('all are told', () => listeners.every(({ told }) => told.includes('one')));
  watches[1]?.close();
  writeFileSync(join(dir, 'two'), '');
  await until('two', () => [first, third].every((listener) => listener?.told.includes('two')));
  watches[2]?.close();
  writeFileSync(join(dir, 'three'), '');
  await until('three', () => first?.told.includes('three'));
  expect(second?.told).not.toContain('two');
  expect(third?.told).not.toContain('three');
  watches[0]?.close();
  // A new one of the same directory works, also after one was closed twice.
  watches[0]?.close();
  const again = opened(dir);
  const listener = noting();
  again.listen(listener);
  writeFileSync(join(dir, 'four'), '');
  await until('four', () => listener.told.includes('four'));
  again.close();
});

test('a directory that is removed and made anew has a watch of its own', async ({ scratch }) => {
  const dir = scratch.mkdir('watched');
  const old = opened(dir);
  const before = noting();
  old.listen(before);
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  const watch = opened(dir);
  const after = noting();
  watch.listen(after);
  writeFileSync(join(dir, 'new'), '');
  await until('the new file', () => after.told.includes('new'));
  expect(before.told).not.toContain('new');
  old.close();
  watch.close();
});

test('if the kernel loses events, all are told', async ({ scratch }) => {
  const dirs = [scratch.mkdir('one'), scratch.mkdir('two')];
  const watches = dirs.map(opened);
  const listeners = watches.map((watch) => {
    const listener = noting();
    watch.listen(listener);
    return listener;
  });
  vi.spyOn(inotify, 'inotifyEvents').mockReturnValueOnce(
    [{ wd: -1, mask: inotify.IN_Q_OVERFLOW, name: '' }][Symbol.iterator]() as Generator<inotify.InotifyEvent>,
  );
  writeFileSync(join(dirs[0] ?? '', 'one'), '');
  await until('both are told', () => listeners.every(({ told }) => told.includes(undefined)));
  for (const watch of watches) watch.close();
});

test('if the kernel loses events, many are told in several turns, and those that are closed meanwhile are not', async ({
  scratch,
}) => {
  const turns = new Turns();
  let told = 0;
  const dirs = Array.from({ length: 60 }, (_, i) => scratch.mkdir(`dir${i}`));
  const watches = dirs.map((dir) => {
    const watch = opened(dir);
    watch.listen({
      onFile: (name) => {
        if (name !== undefined) return;
        turns.note();
        told++;
        // Longer than the rest takes on any machine.
        work(1);
        if (told === 1) watches.at(-1)?.close();
      },
    });
    return watch;
  });
  vi.spyOn(inotify, 'inotifyEvents').mockReturnValueOnce(
    [{ wd: -1, mask: inotify.IN_Q_OVERFLOW, name: '' }][Symbol.iterator]() as Generator<inotify.InotifyEvent>,
  );
  writeFileSync(join(dirs[0] ?? '', 'one'), '');
  await until('all others are told', () => told === 59);
  turns.stop();
  expect(turns.most).toBeLessThanOrEqual(16);
  for (const watch of watches) watch.close();
});

test.for(['ENOSPC', 'EMFILE', 'ENOMEM'])('there is no watch if inotify gives %s', (code, { scratch }) => {
  const error = Object.assign(new Error(code), { code });
  vi.spyOn(inotify, 'inotifyAddWatch').mockImplementationOnce(() => {
    throw error;
  });
  expect(DirWatch.open(scratch.mkdir('watched'))).toBeUndefined();
});

test('there is no watch of what is not there; another error is thrown', ({ scratch }) => {
  expect(DirWatch.open(join(scratch.dir, 'nothing'))).toBeUndefined();
  writeFileSync(join(scratch.dir, 'file'), '');
  expect(() => DirWatch.open(join(scratch.dir, 'file'))).toThrow(
    expect.objectContaining({ code: 'ENOTDIR', syscall: 'inotify_add_watch' }) as Error,
  );
});
