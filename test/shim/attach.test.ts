/** A supervisor that looks at a process while its shim comes: it is slower than the start in the middle of its look. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { mkfifo } from '../../src/posix/index.js';
import { reattach } from '../../src/shim/attach.js';
import { Tracker } from '../../src/shim/tracker.js';
import { ProcessDir } from '../../src/state/process.js';
import { type Scratch, test } from '../support/scratch.js';

/** A process directory whose shim opens `exit` and records a pid at the moment when the supervisor looks for a pid. */
class StartedMeanwhile extends ProcessDir {
  /** The shim's end of `exit`. */
  shim: number | undefined;
  looks = 0;

  override wasStarted(): boolean {
    this.looks++;
    if (this.shim === undefined) {
      this.shim = openSync(this.exitFifo, 'r+');
      writeFileSync(this.pidFile, String(process.pid));
    }
    return super.wasStarted();
  }

  /** The shim records the end and leaves. */
  end(): void {
    writeFileSync(join(this.path, 'exitStatus'), '7');
    closeSync(this.shim ?? -1);
  }
}

function startedMeanwhile(scratch: Scratch): StartedMeanwhile {
  const dir = new StartedMeanwhile(scratch.mkdir('process'));
  for (const path of [dir.exitFifo, dir.controlFifo]) mkfifo(path, 0o700);
  return dir;
}

describe('a shim that comes while a supervisor looks at its process', () => {
  test('is found by a re-attach', ({ scratch }) => {
    const dir = startedMeanwhile(scratch);
    const { watch, exit, isComing } = reattach(dir, { onShimLeft: () => undefined });
    expect({ exit, isComing, isGone: watch?.shimGone }).toEqual({ exit: undefined, isComing: false, isGone: false });
    expect(dir.looks).toBeGreaterThan(0);
    watch?.close();
    dir.end();
  });

  test('is not taken for lost by one who waits for it, and its end is told', async ({ scratch }) => {
    const dir = startedMeanwhile(scratch);
    // The starter holds `control` until its shim has come.
    const control = openSync(dir.controlFifo, 'r+');
    const late = new ProcessDir(dir.path);
    expect(late.wasStarted()).toBe(false);
    let lost = 0;
    const tracker = new Tracker(dir, { onLost: () => lost++ });
    const look = dir.wasStarted.bind(dir);
    dir.wasStarted = () => false;
    tracker.attach();
    dir.wasStarted = look;
    expect(tracker.known()).toBeUndefined();
    expect(dir.shim).toBeDefined();
    closeSync(control);
    const ended = tracker.wait(undefined);
    dir.end();
    expect(await ended).toEqual({ status: 7 });
    expect(lost).toBe(0);
    tracker.close();
  });
});
