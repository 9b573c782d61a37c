/** What the command shows on a terminal only: a line about what it waits for, and colour. */
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { Container } from '../../src/index.js';
import { checkRun } from '../../src/container/run-options.js';
import { ContainerLock } from '../../src/state/lock.js';
import { installed, want } from '../support/strict.js';
import type { Jobs } from './command.js';
import { test } from './terminals.js';

/** Another program changes the job until the returned function is called. */
function hold({ root }: Jobs, id: string): () => void {
  const lock = ContainerLock.tryTake(join(root, id));
  if (lock === undefined) throw new Error(`${id} is held`);
  return () => lock.release();
}

const SLEEP = ['sleep', '1000'];
const STUBBORN = ['sh', '-c', "trap '' TERM; echo ready; while :; do sleep 0.01; done"];

describe.runIf(want('tmux', installed('tmux')))('on a terminal', () => {
  test.for([
    ['rm -f one', 'removing one …', /^one$/m],
    ['exec -d one true', 'starting …', /^\d{8}T\S+$/m],
    ['run -d --name two -- sleep 1000', 'starting …', /^two$/m],
  ] as const)('%s says that it waits, and takes that away again', async ([line, says, done], { jobs, terminals }) => {
    await jobs.start('one', SLEEP);
    // What a program leaves that dies within run(): the next one waits for it.
    const { container: options, config } = checkRun(SLEEP, { root: jobs.root, id: 'two' });
    const { lock } = await Container.createHeld(config, options);
    const release = hold(jobs, 'one');
    const terminal = await terminals.open();
    await terminal.type(`outlive ${line}; echo "code $?"`);
    await terminal.shows(new RegExp(`^${says}$`, 'm'));
    release();
    lock.release();
    expect(await terminal.shows(/^code 0$/m)).toMatch(done);
    expect(await terminal.screen()).not.toContain('…');
  });

  test('stop, and run --rm when its job has ended', async ({ jobs, terminals }) => {
    const job = await jobs.start('one', STUBBORN);
    for await (const item of job.output({ follow: true })) if (item.type === 'data') break;
    const terminal = await terminals.open();
    await terminal.type('outlive stop -t 600 one; echo "code $?"');
    await terminal.shows(/^stopping one …$/m);
    job.signal('SIGKILL');
    expect(await terminal.shows(/^code 0$/m)).toMatch(/^one$/m);
    await terminal.type('clear; outlive run --rm --name two -- sh -c "echo ready; exec sleep 1000"; echo "code $?"');
    await terminal.shows(/^ready$/m);
    const release = hold(jobs, 'two');
    const two = await Container.load(jobs.root, 'two');
    two.init?.signal('SIGKILL');
    two.close();
    await terminal.shows(/^removing two …$/m);
    release();
    await terminal.shows(/^code 137$/m);
    expect(await terminal.screen()).not.toContain('…');
  });

  test('doctor has colour, and with NO_COLOR none', async ({ terminals }) => {
    const terminal = await terminals.open(200, 40);
    const coloured = async (): Promise<boolean> =>
      (await terminal.tmux('capture-pane', '-p', '-e', '-t', terminal.pane)).includes('\x1b[3');
    await terminal.type('outlive doctor; echo "code $?"');
    await terminal.shows(/^code \d$/m);
    expect(await coloured()).toBe(true);
    await terminal.type('clear; NO_COLOR=1 outlive doctor; echo "then $?"');
    await terminal.shows(/^then \d$/m);
    expect(await coloured()).toBe(false);
  });
});

test('in a pipe none of that', async ({ jobs }) => {
  const job = await jobs.start('one', STUBBORN);
  for await (const item of job.output({ follow: true })) if (item.type === 'data') break;
  expect(await jobs.outlive(['stop', '-t', '1.5', 'one'], { NO_COLOR: '' })).toEqual({
    stdout: 'one\n',
    stderr: '',
    code: 0,
  });
});
