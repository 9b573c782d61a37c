// Limits of a process on the host runtime: which are accepted, and the error for each that is not, with the field's full name.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type HostResources, writeHostBundle } from '../../src/index.js';
import { checkHostResources, hasLimits } from '../../src/oci/host-resources.js';
import { test } from '../support/scratch.js';

const check = (resources: unknown) => (): void => checkHostResources('r', resources);

it.each<HostResources>([
  {},
  { memory: {}, cpu: {}, pids: { limit: 0 }, unified: {} },
  { memory: { limit: -1, swap: -1, reservation: -1 }, pids: { limit: -1 }, cpu: { quota: -1 } },
  { memory: { limit: 1, swap: 1, reservation: 0 }, pids: { limit: 1 } },
  { memory: { limit: Number.MAX_SAFE_INTEGER, swap: Number.MAX_SAFE_INTEGER } },
  { cpu: { shares: 2, quota: 1000, period: 1000, cpus: '0', mems: '' } },
  { cpu: { shares: 262_144, period: 1_000_000, cpus: '0-3,7,9-10' } },
  { unified: { 'memory.high': '5', 'hugetlb.2MB.max': 'max', 'cgroup.max.depth': '1', 'io.max': '8:0 rbps=1' } },
])('accepts %j', (resources) => {
  expect(check(resources)).not.toThrow();
});

describe('refuses', () => {
  it.each<[string, string, unknown]>([
    ['ERR_INVALID_ARG_TYPE', 'r', null],
    ['ERR_INVALID_ARG_TYPE', 'r', []],
    ['ERR_INVALID_ARG_TYPE', 'r.memory', { memory: 5 }],
    ['ERR_INVALID_ARG_TYPE', 'r.memory.limit', { memory: { limit: '5' } }],
    ['ERR_INVALID_ARG_TYPE', 'r.pids.limit', { pids: { limit: null } }],
    ['ERR_INVALID_ARG_TYPE', 'r.cpu.cpus', { cpu: { cpus: 0 } }],
    ['ERR_INVALID_ARG_TYPE', 'r.unified.memory.high', { unified: { 'memory.high': 5 } }],
    ['ERR_OUT_OF_RANGE', 'r.memory.limit', { memory: { limit: 0 } }],
    ['ERR_OUT_OF_RANGE', 'r.memory.limit', { memory: { limit: -2 } }],
    ['ERR_OUT_OF_RANGE', 'r.memory.limit', { memory: { limit: 1.5 } }],
    ['ERR_OUT_OF_RANGE', 'r.memory.limit', { memory: { limit: 2 ** 53 } }],
    ['ERR_OUT_OF_RANGE', 'r.memory.swap', { memory: { limit: 6, swap: 5 } }],
    ['ERR_OUT_OF_RANGE', 'r.memory.reservation', { memory: { reservation: -2 } }],
    ['ERR_OUT_OF_RANGE', 'r.pids.limit', { pids: { limit: -2 } }],
    ['ERR_OUT_OF_RANGE', 'r.cpu.shares', { cpu: { shares: 1 } }],
    ['ERR_OUT_OF_RANGE', 'r.cpu.shares', { cpu: { shares: 262_145 } }],
    ['ERR_OUT_OF_RANGE', 'r.cpu.quota', { cpu: { quota: 999 } }],
    ['ERR_OUT_OF_RANGE', 'r.cpu.period', { cpu: { period: 999 } }],
    ['ERR_OUT_OF_RANGE', 'r.cpu.period', { cpu: { period: -1 } }],
    ['ERR_OUT_OF_RANGE', 'r.cpu.period', { cpu: { period: 1_000_001 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.memory.swap', { memory: { swap: 5 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.memory.swap', { memory: { limit: -1, swap: 5 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.cpu.cpus', { cpu: { cpus: 'many' } }],
    ['ERR_INVALID_ARG_VALUE', 'r.cpu.mems', { cpu: { mems: '0-' } }],
    ['ERR_INVALID_ARG_VALUE', 'r.unified.high', { unified: { high: '5' } }],
    ['ERR_INVALID_ARG_VALUE', 'r.unified...memory.high', { unified: { '../memory.high': '5' } }],
    ['ERR_INVALID_ARG_VALUE', 'r.unified.memory.high', { unified: { 'memory.high': '' } }],
    ['ERR_INVALID_ARG_VALUE', 'r.unified.cgroup.procs', { unified: { 'cgroup.procs': '1' } }],
    ['ERR_INVALID_ARG_VALUE', 'r.unified.cgroup.kill', { unified: { 'cgroup.kill': '1' } }],
    // What the host runtime does not do.
    ['ERR_INVALID_ARG_VALUE', 'r.devices', { devices: [{ allow: false }] }],
    ['ERR_INVALID_ARG_VALUE', 'r.blockIO', { blockIO: { weight: 10 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.hugepageLimits', { hugepageLimits: [] }],
    ['ERR_INVALID_ARG_VALUE', 'r.network', { network: { classID: 1 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.rdma', { rdma: {} }],
    ['ERR_INVALID_ARG_VALUE', 'r.memory.kernel', { memory: { kernel: 1 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.memory.swappiness', { memory: { swappiness: 1 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.memory.disableOOMKiller', { memory: { disableOOMKiller: true } }],
    ['ERR_INVALID_ARG_VALUE', 'r.cpu.realtimeRuntime', { cpu: { realtimeRuntime: 1 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.cpu.burst', { cpu: { burst: 1 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.cpu.idle', { cpu: { idle: 1 } }],
    ['ERR_INVALID_ARG_VALUE', 'r.cpus', { cpus: 2 }],
  ])('%s: %s', (code, field, resources) => {
    const name = field.replace('...', '.../');
    expect(check(resources)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(name) as string }),
    );
  });
});

test('writeHostBundle() writes them as linux.resources, and names the field of a wrong one', async ({ scratch }) => {
  const dir = scratch.mkdir('bundle');
  const resources = { memory: { limit: 5 }, unified: { 'pids.max': '7' } };
  const read = (): unknown => JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8'));
  await writeHostBundle(dir, { args: ['true'], env: [], cwd: '/', resources });
  const process = { args: ['true'], env: [], cwd: '/', terminal: false };
  expect(read()).toEqual({ ociVersion: '1.0.2', process, linux: { resources } });
  await writeHostBundle(dir, { args: ['true'], env: [], cwd: '/' });
  expect(read()).toEqual({ ociVersion: '1.0.2', process });
  const wrong = writeHostBundle(dir, { args: ['true'], resources: { pids: { limit: -5 } } });
  const message = expect.stringContaining('"options.resources.pids.limit"') as string;
  await expect(wrong).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE', message });
});

it('knows whether a config.json has limits, whatever is in it', () => {
  for (const none of [undefined, null, {}, { memory: {} }, { memory: null, cpu: { cpus: '' }, devices: [] }]) {
    expect(hasLimits(none)).toBe(false);
  }
  for (const some of [
    { pids: { limit: 0 } },
    { memory: { limit: -1 } },
    { unified: { a: 'b' } },
    { devices: [{}] },
    5,
  ]) {
    expect(hasLimits(some)).toBe(true);
  }
});
