/** In a unit of systemd a container with limits gets a scope, unless one is named or none: limits need it there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, vi } from 'vitest';
import type { ContainerOptions } from '../../src/index.js';
import { type Scratch, test } from '../support/scratch.js';

const where = { isUnit: false };
vi.mock('../../src/kernel/unit.js', () => ({ ownUnit: () => undefined, runsInUnitItself: () => where.isUnit }));
afterEach(() => {
  where.isUnit = false;
});

async function scopeOf(
  scratch: Scratch,
  resources: object | undefined,
  options: Partial<ContainerOptions>,
): Promise<unknown> {
  const overrides = { args: ['true'], ...(resources === undefined ? {} : { resources }) };
  const { id } = await scratch.container('host', overrides, options);
  return (JSON.parse(readFileSync(join(scratch.root, id, 'state.json'), 'utf8')) as { scope?: string }).scope;
}

const LIMITS = { pids: { limit: 5 } };

test.for<[string, boolean, object | undefined, Partial<ContainerOptions>, string | undefined]>([
  ['in a unit, with limits', true, LIMITS, {}, 'systemd'],
  ['in a unit, with limits, and no scope wanted', true, LIMITS, { scope: 'none' }, undefined],
  ['in a unit, without limits', true, undefined, {}, undefined],
  ['in a unit, with empty limits', true, { memory: {} }, {}, undefined],
  ['in a unit, on another runtime', true, LIMITS, { runtime: 'runc' }, undefined],
  ['in no unit, with limits', false, LIMITS, {}, undefined],
  ['in no unit, and a scope wanted', false, LIMITS, { scope: 'systemd' }, 'systemd'],
])('%s', async ([, isUnit, resources, options, expected], { scratch }) => {
  where.isUnit = isUnit;
  expect(await scopeOf(scratch, resources, options)).toBe(expected);
});
