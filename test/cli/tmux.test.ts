/** The command as a person uses it, in real terminals: full-screen programs, job control, sizes, leaving, and what is left behind. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { childrenOf, isGone } from '../support/proc.js';
import { installed, want } from '../support/strict.js';
import { until } from '../support/until.js';
import { type Terminal, test } from './terminals.js';

const vim = ['vim', 'vim.tiny'].find(installed) ?? 'vim';

/** The pid of the command that was typed in a terminal. */
async function commandIn(terminal: Terminal): Promise<number> {
  const shell = Number(await terminal.fact('pane_pid'));
  return until('the command runs', () => childrenOf(shell)[0]);
}

describe.runIf(want('tmux', installed('tmux')))('in a terminal', () => {
  describe.runIf(want('vim', installed(vim)))('vim', () => {
    test('a file is edited; the exit code is its own, and the terminal is as before', async ({
      terminals,
      scratch,
    }) => {
      const terminal = await terminals.open();
      const before = await terminal.settings();
      const file = join(scratch.dir, 'text');
      await terminal.type(`outlive run -t --name ed -- ${vim} -u NONE -N ${file}; echo "code $?"`);
      await terminal.shows(/^~\n(.|\n)*\n~/m);
      expect(await terminal.fact('alternate_on')).toBe('1');
      await terminal.keys('i');
      await terminal.tmux('send-keys', '-t', terminal.pane, '-l', 'one line');
      await terminal.keys('Enter', 'C-v', 'C-p', 'Escape');
      await terminal.shows(/^one line\n\^P/);
      await terminal.type(':wq');
      await terminal.shows(/code 0/);
      expect(readFileSync(file, 'utf8')).toBe('one line\n\x10\n');
      expect(await terminal.settings()).toBe(before);
      expect(await terminal.fact('alternate_on')).toBe('0');
    });

    test('left by Ctrl-\\, its screen is left too; attached again, it is there', async ({ terminals, scratch }) => {
      const terminal = await terminals.open();
      const before = await terminal.settings();
      await terminal.type(`outlive run -t --name ed -- ${vim} -u NONE -N ${join(scratch.dir, 'text')}; echo "code $?"`);
      await terminal.shows(/^~\n(.|\n)*\n~/m);
      await terminal.keys('i', 'h', 'e', 'r', 'e', 'Escape');
      await terminal.shows(/^here/);
      await terminal.keys('C-\\');
      const left = await terminal.shows(/ed goes on: outlive attach ed(.|\n)*code 0/);
      expect(left).not.toMatch(/^~/m);
      expect(await terminal.settings()).toBe(before);
      expect([await terminal.fact('alternate_on'), await terminal.fact('cursor_flag')]).toEqual(['0', '1']);
      await terminal.type('clear; outlive attach ed; echo "code $?"');
      await terminal.shows(/^here\n~\n/);
      await terminal.type(':cq!');
      await terminal.shows(/code 1/);
      expect(await terminal.settings()).toBe(before);
    });
  });

  describe.runIf(want('busybox', installed('busybox')))('top', () => {
    test('a late viewer with another size sees the whole screen; both end with it', async ({ terminals }) => {
      const first = await terminals.open();
      await first.type('outlive run -t --name top -- busybox top -d 1; echo "code $?"');
      await first.shows(/^Mem: /);
      const second = await terminals.open(100, 12);
      await second.type('outlive attach top; echo "code $?"');
      await second.shows(/^Mem: [^]*\n *PID +PPID/);
      await second.keys('q');
      await second.shows(/code 0/);
      await first.shows(/code 0/);
    });
  });

  describe('a shell', () => {
    test('Ctrl-Z, fg and Ctrl-C are for what runs in it; exit ends all with its code', async ({ terminals }) => {
      const terminal = await terminals.open();
      const before = await terminal.settings();
      await terminal.type('outlive run -t -e PROMPT="$JOB" --name sh -- sh -i; echo "code $?"');
      await terminal.shows(/^job>/m);
      await terminal.type(`sh -c 'echo up $((6*7)); exec sleep 1000'`);
      // Before it runs, Ctrl-Z would be for the shell, and would drop the line.
      await terminal.shows(/^up 42$/m);
      await terminal.keys('C-z');
      await terminal.shows(/\[1\] \+ Stopped/);
      await terminal.type('fg');
      await terminal.shows(/^sh -c /m);
      await terminal.keys('C-c');
      await terminal.type('echo ended $?');
      await terminal.shows(/ended 130/);
      await terminal.type('exit 4');
      await terminal.shows(/code 4/);
      expect(await terminal.settings()).toBe(before);
    });

    test('its terminal has the size of ours, and follows it', async ({ terminals }) => {
      const terminal = await terminals.open(70, 20);
      await terminal.type('outlive run -t -e PROMPT="$JOB" --name sh -- sh -i');
      await terminal.shows(/^job>/m);
      await terminal.type('stty size');
      await terminal.shows(/^20 70$/m);
      await terminal.type("trap 'echo now $(stty size)' WINCH; echo 'trap set'; sleep 1000 & wait");
      await terminal.shows(/^trap set$/m);
      await terminal.resize(90, 30);
      await terminal.shows(/now 30 90/);
      await terminal.keys('C-c');
      await terminal.type('exit');
    });

    test('two at once see and type the same; one that leaves does not disturb the other', async ({ terminals }) => {
      const [one, two] = [await terminals.open(), await terminals.open()];
      await one.type('outlive run -d -t -e PROMPT="$JOB" --name sh -- sh -i');
      await one.shows(/^sh$/m);
      await one.type('clear; outlive attach sh; echo "code $?"');
      await two.type('clear; outlive attach --no-stdin sh; echo "code $?"');
      await one.type('echo $((6*7))');
      await one.shows(/^42$/m);
      await two.shows(/^42$/m);
      await two.type('echo not typed');
      await two.keys('C-\\');
      await two.shows(/code 0/);
      await two.type('clear; outlive attach sh; echo "code $?"');
      await two.shows(/^job>/m);
      await two.type('echo $((6*8)); exit 6');
      expect(await two.shows(/code 6/)).toMatch(/^48$/m);
      expect(await one.shows(/code 6/)).not.toMatch(/not typed/);
    });

    test('a viewer that is killed loses nothing: the next one has the screen', async ({ terminals }) => {
      const [one, two] = [await terminals.open(), await terminals.open()];
      await one.type('outlive run -t -e PROMPT="$JOB" --name sh -- sh -i');
      await one.shows(/^job>/m);
      await one.type('echo $((6*7))');
      await one.shows(/^42$/m);
      const pid = await commandIn(one);
      process.kill(pid, 'SIGKILL');
      await until('it is gone', () => isGone(pid));
      await two.type('outlive attach sh; echo "code $?"');
      await two.shows(/^42$/m);
      await two.type('exit 3');
      await two.shows(/code 3/);
    });

    test.for(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)(
      'a viewer that gets %s leaves: its terminal is restored',
      async (signal, { terminals }) => {
        const terminal = await terminals.open();
        const before = await terminal.settings();
        await terminal.type(
          'outlive run -d -t -e PROMPT="$JOB" --name sh -- sh -i; clear; outlive attach sh; echo code $?',
        );
        await terminal.shows(/^job>/m);
        process.kill(await commandIn(terminal), signal);
        await terminal.shows(
          new RegExp(`sh goes on(.|\\n)*code ${{ SIGTERM: 143, SIGHUP: 129, SIGINT: 130 }[signal]}`),
        );
        expect(await terminal.settings()).toBe(before);
        await terminal.type('outlive ps -q');
        await terminal.shows(/^sh$/m);
      },
    );

    const ready = 'sh -c "echo ready; exec sleep 1000"';
    test.for([`run -t --name job -- ${ready}`, 'attach shown', `exec -t shown ${ready}`, `run --name job -- ${ready}`])(
      '%s: its terminal is closed',
      async (words, { terminals, jobs }) => {
        await jobs.start('shown', ['sh', '-c', 'echo ready; exec sleep 1000'], { terminal: true });
        // The server ends with its last terminal.
        await terminals.open();
        const terminal = await terminals.open();
        const pid = Number(await terminal.fact('pane_pid'));
        const file = join(terminal.dir, 'told');
        // In the shell's place: the kernel tells the leader of the session.
        await terminal.type(`exec $OUTLIVE ${words} 2>${file}`);
        await terminal.shows(/^ready$/m);
        await terminal.tmux('kill-pane', '-t', terminal.pane);
        await until('the command has ended', () => isGone(pid));
        // With its terminal on ours, its user has left; else the signal was for the job.
        const isLeft = !words.startsWith('run --name');
        expect(readFileSync(file, 'utf8')).toMatch(isLeft ? /^outlive: .* goes on.*\n$/ : /^$/);
        const left = words.startsWith('run -t') ? 'job\nshown\n' : 'shown\n';
        await until('the rest goes on', async () => (await jobs.outlive(['ps', '-q'])).stdout === left);
      },
    );

    test('exec has a terminal, too', async ({ terminals }) => {
      const terminal = await terminals.open(70, 20);
      const before = await terminal.settings();
      await terminal.type(
        'outlive run -d --name job -- sleep 1000; outlive exec -t -e PROMPT="$JOB" job sh -i; echo code $?',
      );
      await terminal.shows(/^job>/m);
      await terminal.type('stty size; exit 5');
      expect(await terminal.shows(/code 5/)).toMatch(/^20 70$/m);
      expect(await terminal.settings()).toBe(before);
    });
  });

  test('without -t: Ctrl-C and Ctrl-\\ are signals of the job, and Ctrl-D is the end of its stdin', async ({
    terminals,
  }) => {
    const terminal = await terminals.open();
    await terminal.type(
      'outlive run --rm -- sh -c \'trap "echo got INT" INT; echo ready; while :; do sleep 0.01; done\'; echo code $?',
    );
    await terminal.shows(/^ready/m);
    await terminal.keys('C-c');
    await terminal.shows(/got INT/);
    await terminal.keys('C-\\');
    await terminal.shows(/code 131/);
    await terminal.type(`clear; outlive run --rm -i -- sh -c 'echo ready; cat'; echo "code $?"`);
    await terminal.shows(/^ready\n/);
    await terminal.type('line');
    await terminal.shows(/^ready\nline\nline$/m);
    await terminal.keys('C-d');
    await terminal.shows(/code 0/);
  });
});
