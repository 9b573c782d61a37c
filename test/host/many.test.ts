// A container with many members: what the machine has is looked at once a command, not once a member.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { installed, succeeds, want } from '../support/strict.js';
import { until } from '../support/until.js';
import { callers, eachWithHost, type Host, processState, runs, shell } from './harness.js';

const MEMBERS = 60;

const canTrace = want('strace', installed('strace') && succeeds('strace', ['-o', '/dev/null', 'true']));

/** A first process with sleeping children; their pids. */
async function runMany(host: Host): Promise<number[]> {
  const script = `i=0; while [ $i -lt ${MEMBERS} ]; do sleep 1000 & echo $!; i=$((i + 1)); done >pids; echo $$ >all; wait`;
  const first = await host.run('a', shell(script, { cwd: host.dir }));
  await host.pidIn('all');
  return [first, ...host.read('pids').trim().split('\n').map(Number)];
}

const byNumber = (a: number, b: number): number => a - b;

describe.each(callers)('%s', (_, options) => {
  let host: Host;
  eachWithHost((one) => {
    host = one;
  }, options);

  it.runIf(want('prlimit', installed('prlimit')))(
    'fewer descriptors than members: each command reaches all',
    async () => {
      const pids = await runMany(host);
      const few = ['prlimit', '--nofile=20:'];
      const out = host.path('out');
      expect((await host.command(['ps', '--format', 'json', 'a'], [`>${out}`, ...few])).errors).toEqual([]);
      expect((JSON.parse(readFileSync(out, 'utf8')) as number[]).sort(byNumber)).toEqual(pids.sort(byNumber));
      expect((await host.command(['pause', 'a'], few)).errors).toEqual([]);
      expect((await host.command(['resume', 'a'], few)).errors).toEqual([]);
      expect((await host.command(['kill', '--all', 'a', 'STOP'], few)).errors).toEqual([]);
      // SIGSTOP takes effect when the process is next scheduled.
      await until('all are stopped', () => pids.every((pid) => processState(pid) === 'T'));
      expect((await host.command(['delete', '--force', 'a'], few)).errors).toEqual([]);
      expect(pids.filter(runs)).toEqual([]);
    },
  );

  it.runIf(want('prlimit', installed('prlimit')))(
    'a hard limit below the number of members: each command says so, pause leaves all running, delete ends all',
    async () => {
      const pids = await runMany(host);
      const few = ['prlimit', '--nofile=30:30'];
      const why = /^cannot find the container's processes: too many open files \(.*RLIMIT_NOFILE allows 30\)$/;
      for (const words of [
        ['ps', '--format', 'json', 'a'],
        ['events', '--stats', 'a'],
        ['pause', 'a'],
        ['kill', '--all', 'a', 'CONT'],
      ]) {
        const { status, errors } = await host.command(words, [`>${host.path('out')}`, ...few]);
        expect([words[0], status, errors]).toEqual([words[0], 1, [expect.stringMatching(why)]]);
      }
      expect(host.state('a').status).toBe('running');
      await until('all go on', () => pids.every((pid) => processState(pid) === 'S'));
      expect((await host.command(['delete', '--force', 'a'], few)).errors).toEqual([]);
      expect(pids.filter(runs)).toEqual([]);
    },
  );

  it.runIf(canTrace)('the mounts are read once or twice a command, the processes once a walk', async () => {
    await runMany(host);
    const trace = host.path('trace');
    for (const command of [
      ['ps', 'a'],
      ['events', '--stats', 'a'],
      ['kill', '--all', 'a', 'CONT'],
      ['pause', 'a'],
    ]) {
      const traced = [`>${host.path('out')}`, 'strace', '-qq', '-e', 'trace=open,openat', '-o', trace];
      expect((await host.command(command, traced)).errors).toEqual([]);
      const opened = readFileSync(trace, 'utf8');
      expect(opened.match(/"\/proc\/self\/mountinfo"/g) ?? [], command.join(' ')).toSatisfy(
        (reads: string[]) => reads.length <= 2,
      );
      expect(opened.match(/"\/proc"/g) ?? [], command.join(' ')).toSatisfy((walks: string[]) => walks.length <= 10);
    }
  });
});
