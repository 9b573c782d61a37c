/** execSpec(): which fields of an exec'ed process come from the container, and which from the caller. */
import { describe, expect, test } from 'vitest';
import { type ExecOverrides, type ProcessSpec, execSpec } from '../../src/index.js';
import { stringifyProcess } from '../../src/disk/json.js';

const base: ProcessSpec = {
  terminal: true,
  consoleSize: { width: 80, height: 24 },
  user: { uid: 0, gid: 0, additionalGids: [5] },
  args: ['server'],
  env: ['PATH=/bin', 'HOME=/root', 'EMPTY=', 'HOME=/twice'],
  cwd: '/srv',
  capabilities: {
    bounding: ['CAP_KILL', 'CAP_CHOWN'],
    effective: ['CAP_KILL'],
    permitted: ['CAP_KILL'],
    ambient: ['CAP_KILL'],
  },
  rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1, hard: 1 }],
  noNewPrivileges: true,
};

test('without changes it is the container’s process without its terminal', () => {
  const { consoleSize, ...rest } = base;
  expect(consoleSize).toBeDefined();
  expect(execSpec(base)).toEqual({ ...rest, terminal: false });
});

test('a given field replaces the container’s; undefined removes it', () => {
  const changes = {
    args: ['sh'],
    cwd: '/',
    user: { uid: 7, gid: 8 },
    terminal: true,
    consoleSize: { width: 1, height: 2 },
    rlimits: [],
    noNewPrivileges: false,
    selinuxLabel: 'label',
  };
  const absent = { apparmorProfile: undefined, oomScoreAdj: undefined } as unknown as ExecOverrides;
  const { env, capabilities } = base;
  expect(execSpec(base, { ...changes, ...absent })).toEqual({ env, capabilities, ...changes });
});

test('the arguments are not changed, and the result shares no object with them', () => {
  const [before, changes] = [structuredClone(base), { user: { uid: 1, gid: 1, additionalGids: [2] } }];
  const spec = execSpec(base, changes);
  spec.args.push('more');
  spec.env?.push('MORE=');
  spec.user?.additionalGids?.push(3);
  expect(base).toEqual(before);
  expect(changes.user.additionalGids).toEqual([2]);
});

describe('env', () => {
  test.each<[string, ExecOverrides['env'], string[]]>([
    ['nothing', {}, ['PATH=/bin', 'HOME=/root', 'EMPTY=', 'HOME=/twice']],
    ['a new one', { NEW: 'a=b' }, ['PATH=/bin', 'HOME=/root', 'EMPTY=', 'HOME=/twice', 'NEW=a=b']],
    ['one in place of all of its name', { HOME: '/' }, ['PATH=/bin', 'EMPTY=', 'HOME=/']],
    ['an empty one', { PATH: '' }, ['HOME=/root', 'EMPTY=', 'HOME=/twice', 'PATH=']],
    ['two taken away', { HOME: null, EMPTY: undefined }, ['PATH=/bin']],
    ['one that is not there, taken away', { toString: null }, base.env ?? []],
    ['all', ['ONLY=1'], ['ONLY=1']],
    ['all, by none', [], []],
  ])('%s', (_, env, expected) => {
    expect(execSpec(base, { env: env ?? [] }).env).toEqual(expected);
  });

  test('of a process that has none', () => {
    expect(execSpec({ args: ['a'] }, { env: { A: '1', B: null } }).env).toEqual(['A=1']);
    expect(execSpec({ args: ['a'] })).toEqual({ args: ['a'], terminal: false });
  });
});

describe('capabilities', () => {
  const kill = ['CAP_KILL'];

  test('add, as root: bounding, effective and permitted', () => {
    expect(execSpec(base, { capabilities: { add: ['CAP_SYS_TIME', 'CAP_KILL'] } }).capabilities).toEqual({
      bounding: ['CAP_KILL', 'CAP_CHOWN', 'CAP_SYS_TIME'],
      effective: ['CAP_KILL', 'CAP_SYS_TIME'],
      inheritable: [],
      permitted: ['CAP_KILL', 'CAP_SYS_TIME'],
      ambient: ['CAP_KILL'],
    });
  });

  test('add, as another user: all five, or execve(2) would take it away', () => {
    const changes = { user: { uid: 1, gid: 1 }, capabilities: { drop: ['ALL'], add: kill } };
    const expected = { bounding: kill, effective: kill, inheritable: kill, permitted: kill, ambient: kill };
    expect(execSpec(base, changes).capabilities).toEqual(expected);
  });

  test('drop', () => {
    expect(execSpec(base, { capabilities: { drop: ['CAP_KILL', 'CAP_NOT_THERE'] } }).capabilities).toEqual({
      bounding: ['CAP_CHOWN'],
      effective: [],
      inheritable: [],
      permitted: [],
      ambient: [],
    });
  });

  test('the sets themselves, and none', () => {
    expect(execSpec(base, { capabilities: { bounding: kill } }).capabilities).toEqual({ bounding: kill });
    expect(execSpec(base, { capabilities: {} }).capabilities).toEqual({});
  });
});

test.each<[unknown, string, string]>([
  [null, 'ERR_INVALID_ARG_TYPE', '"spec"'],
  [{ args: 'sh' }, 'ERR_INVALID_ARG_TYPE', '"spec.args"'],
  [{ args: [] }, 'ERR_INVALID_ARG_VALUE', "'spec.args'"],
  [{ cwd: 'tmp' }, 'ERR_INVALID_ARG_VALUE', "'spec.cwd'"],
  [{ terminal: 1 }, 'ERR_INVALID_ARG_TYPE', '"spec.terminal"'],
  [{ user: 'root' }, 'ERR_INVALID_ARG_TYPE', '"spec.user"'],
  [{ user: { uid: -1, gid: 0 } }, 'ERR_OUT_OF_RANGE', '"spec.user.uid"'],
  [{ user: { uid: 0 } }, 'ERR_INVALID_ARG_TYPE', '"spec.user.gid"'],
  [{ user: { uid: 0, gid: 2 ** 32 - 1 } }, 'ERR_OUT_OF_RANGE', '"spec.user.gid"'],
  [{ user: { uid: 0, gid: 0, umask: 0o1000 } }, 'ERR_OUT_OF_RANGE', '"spec.user.umask"'],
  [{ user: { uid: 0, gid: 0, additionalGids: 5 } }, 'ERR_INVALID_ARG_TYPE', '"spec.user.additionalGids"'],
  [{ user: { uid: 0, gid: 0, additionalGids: [0.5] } }, 'ERR_OUT_OF_RANGE', '"spec.user.additionalGids[0]"'],
  [{ oomScoreAdj: 1001 }, 'ERR_OUT_OF_RANGE', '"spec.oomScoreAdj"'],
  [{ environment: {} }, 'ERR_INVALID_ARG_VALUE', "'spec.environment' is unknown"],
  [{ env: 'A=1' }, 'ERR_INVALID_ARG_TYPE', '"spec.env"'],
  [{ env: [1] }, 'ERR_INVALID_ARG_TYPE', '"spec.env[0]"'],
  [{ env: { A: 1 } }, 'ERR_INVALID_ARG_TYPE', '"spec.env.A"'],
  [{ env: { 'A=B': '1' } }, 'ERR_INVALID_ARG_VALUE', "'spec.env'"],
  [{ env: { '': '1' } }, 'ERR_INVALID_ARG_VALUE', "'spec.env'"],
  [{ env: { A: '\0' } }, 'ERR_INVALID_ARG_VALUE', "'spec.env.A'"],
  [{ capabilities: ['CAP_KILL'] }, 'ERR_INVALID_ARG_TYPE', '"spec.capabilities"'],
  [{ capabilities: { add: 'CAP_KILL' } }, 'ERR_INVALID_ARG_TYPE', '"spec.capabilities.add"'],
  [{ capabilities: { add: [], bounding: [] } }, 'ERR_INVALID_ARG_VALUE', "'spec.capabilities'"],
])('refuses %j', (changes, code, name) => {
  expect(() => execSpec(base, changes as ExecOverrides)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(name) as string }),
  );
});

test('a member that the specification does not have is accepted if the base has it', () => {
  const later = { ...base, later: 1 };
  expect(execSpec(later, { later: 2 } as object)).toMatchObject({ later: 2 });
  expect(execSpec(later)).toMatchObject({ later: 1 });
});

test('process.json: no limit is 2^64 - 1, in limits and nowhere else', () => {
  const parsed = JSON.parse('{"hard":18446744073709551615,"soft":18446744073709551615}') as object;
  const like = '"soft":18446744073709552000,';
  expect(stringifyProcess({ args: [like], rlimits: [parsed], x: 2 ** 64 })).toBe(
    `{"args":["\\"soft\\":18446744073709552000,"],"rlimits":[{"hard":18446744073709551615,"soft":18446744073709551615}],"x":18446744073709552000}`,
  );
});
