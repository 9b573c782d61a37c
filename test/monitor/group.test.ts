/** The exit of an init is held back until the other processes have exited, up to a time limit. With mock processes. */
import { expect, it } from 'vitest';
import type { Container, Process } from '../../src/index.js';
import type { Exit } from '../../src/state/exit.js';
import { MonitorGroup } from '../../src/monitor/group.js';

import { type Waiter, deferred } from '../../src/base/promises.js';
import { until } from '../support/until.js';

function made(id: string): { process: Process; end: (status: number) => void } {
  const ended = deferred<Exit>();
  const lifecycle = {
    wait: () => ended.promise,
    follow: (follower: Waiter<Exit>) => void ended.promise.then((exit) => follower.resolve(exit)),
    unfollow: () => undefined,
  };
  const process = { id, hasEnded: false, systemPid: 0, lifecycle } as unknown as Process;
  return { process, end: (status) => ended.resolve({ status }) };
}

function group(initHoldMs: number): { following: MonitorGroup; told: string[] } {
  const told: string[] = [];
  const config = {
    container: {} as unknown as Container,
    initHoldMs,
    oomKillsTold: 0,
    seen: new WeakSet<Process>() as never,
    onIdle: () => undefined,
    onExit: ({ id }: Process) => told.push(id),
    onOom: () => undefined,
  };
  return { following: new MonitorGroup(config), told };
}

it('an init waits for the others', async () => {
  const { following, told } = group(60_000);
  const [init, one, two] = [made('init'), made('one'), made('two')];
  for (const { process } of [init, one, two]) following.follow(process);
  init.end(1);
  two.end(2);
  await until('the first end is told', () => told.length > 0);
  one.end(3);
  await following.allTold();
  expect(told).toEqual(['two', 'one', 'init']);
});

it('an init does not wait longer than the limit; a later exit is told after it', async () => {
  const { following, told } = group(50);
  const [init, stays] = [made('init'), made('stays')];
  for (const { process } of [init, stays]) following.follow(process);
  init.end(1);
  await until('the init is told', () => told.length > 0);
  expect(told).toEqual(['init']);
  stays.end(2);
  await following.allTold();
  expect(told).toEqual(['init', 'stays']);
});
