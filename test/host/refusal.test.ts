// A config that cannot be read, or that asks for more than the host runtime does, is refused with the name of the field.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Host, shell } from './harness.js';

let host: Host;
beforeAll(() => {
  host = new Host();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

async function refusal(config: object | string): Promise<string> {
  const bundle = host.bundle('r', config);
  const { status, errors } = await host.tryRun('r', bundle);
  expect(status).toBe(1);
  expect(errors).toHaveLength(1);
  expect(existsSync(host.root)).toBe(false);
  return (errors[0] ?? '').replace(bundle, '<bundle>');
}

describe('isolation', () => {
  it.each<[string, object]>([
    ['root.path (rootfs)', { root: { path: 'rootfs' } }],
    ['mounts[0] (/proc)', { mounts: [{ destination: '/proc', type: '', source: 'proc' }] }],
    ['hostname (name)', { hostname: 'name' }],
    ['domainname (name)', { domainname: 'name' }],
    ['hooks.prestart[0] (/bin/true)', { hooks: { prestart: [{ path: '/bin/true' }] } }],
    ['hooks.poststop[0] (/bin/true)', { hooks: { prestart: [], poststop: [{ path: '/bin/true' }] } }],
    ['linux.namespaces[0] (pid)', { linux: { namespaces: [{ type: 'pid' }] } }],
    ['linux.uidMappings[0]', { linux: { uidMappings: [{ containerID: 0, hostID: 1, size: 1 }] } }],
    ['linux.gidMappings[0]', { linux: { gidMappings: [{ containerID: 0, hostID: 1, size: 1 }] } }],
    ['linux.devices[0] (c)', { linux: { devices: [{ path: '/dev/x', type: 'c' }] } }],
    ['linux.cgroupsPath (/x)', { linux: { cgroupsPath: '/x' } }],
    ['linux.rootfsPropagation (private)', { linux: { rootfsPropagation: 'private' } }],
    ['linux.seccomp.defaultAction (SCMP_ACT_ALLOW)', { linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } } }],
    ['linux.maskedPaths[0] (/proc/kcore)', { linux: { maskedPaths: ['/proc/kcore'] } }],
    ['linux.readonlyPaths[0] (/proc/sys)', { linux: { readonlyPaths: ['/proc/sys'] } }],
    ['linux.sysctl.net.ipv4.ip_forward (1)', { linux: { sysctl: { 'net.ipv4.ip_forward': '1' } } }],
    ['linux.mountLabel (x)', { linux: { mountLabel: 'x' } }],
    ['linux.intelRdt.closID (x)', { linux: { intelRdt: { closID: 'x' } } }],
    ['linux.personality.domain (LINUX32)', { linux: { personality: { domain: 'LINUX32' } } }],
    ['linux.timeOffsets.monotonic', { linux: { timeOffsets: { monotonic: { secs: 1 } } } }],
    ['vm.kernel.path (x)', { vm: { kernel: { path: 'x' } } }],
    ['windows.servicing', { windows: { servicing: true } }],
    ['solaris.milestone (x)', { solaris: { milestone: 'x' } }],
    ['zos.namespaces[0] (pid)', { zos: { namespaces: [{ type: 'pid' }] } }],
  ])('%s', async (field, more) => {
    const message = await refusal({ process: shell('true'), ...more });
    expect(message).toBe(`outlive-host gives no isolation: <bundle>/config.json asks for ${field}`);
  });

  it.each<[string, object]>([
    ['capabilities', { capabilities: { bounding: ['CAP_KILL'] } }],
    ['capabilities', { capabilities: {} }],
    ['apparmorProfile', { apparmorProfile: 'x' }],
    ['selinuxLabel', { selinuxLabel: 'x' }],
    ['scheduler', { scheduler: { policy: 'SCHED_FIFO' } }],
    ['ioPriority', { ioPriority: { class: 'IOPRIO_CLASS_IDLE' } }],
    ['execCPUAffinity', { execCPUAffinity: { initial: '0' } }],
  ])('process.%s: %j', async (field, more) => {
    expect(await refusal({ process: shell('true', more) })).toBe(
      `outlive-host gives no isolation: <bundle>/config.json asks for process.${field}`,
    );
  });
});

it('empty fields and unknown keys are accepted', async () => {
  const empty = { root: { path: '' }, mounts: [], hooks: {}, hostname: '', annotations: {}, later: { a: 1 }, vm: null };
  const linux = {
    namespaces: [],
    resources: { memory: {}, cpu: { cpus: '' }, blockIO: null, hugepageLimits: [] },
    seccomp: null,
    cgroupsPath: '',
    sysctl: {},
  };
  const more = { apparmorProfile: '', selinuxLabel: '', capabilities: null, exec: false, containerdStdin: 'x' };
  await using other = new Host();
  const bundle = other.bundle('e', { ...empty, linux, process: shell('exit 6', more) });
  expect(await other.exit(await other.run('e', bundle))).toEqual({ code: 6 });
});

describe('a broken file', () => {
  it.each([
    ['', '1:1'],
    ['{', '1:2'],
    ['{\n  "process": {\n    "args": [nope]\n}}', '3:14'],
    ['{"process": {}} x', '1:17'],
  ])('%j is told at %s', async (text, place) => {
    expect(await refusal(text)).toMatch(new RegExp(`^<bundle>/config\\.json:${place}: .`));
  });

  it('that is missing, or is no regular file, is named', async () => {
    const missing = host.path('no-bundle');
    expect((await host.tryRun('r', missing)).errors).toEqual([`bundle ${missing}: no such file or directory`]);
    const empty = host.bundle('r', '');
    const { unlinkSync, mkdirSync, rmdirSync } = await import('node:fs');
    unlinkSync(`${empty}/config.json`);
    expect((await host.tryRun('r', empty)).errors).toEqual([`${empty}/config.json: no such file or directory`]);
    mkdirSync(`${empty}/config.json`);
    expect((await host.tryRun('r', empty)).errors).toEqual([`${empty}/config.json: no regular file`]);
    rmdirSync(`${empty}/config.json`);
  });
});

describe('a wrong field', () => {
  it.each<[string, unknown]>([
    ['the file must hold a JSON object', []],
    ['process must be an object', {}],
    ['process must be an object', { process: [] }],
    ['process.args must name a program', { process: { cwd: '/' } }],
    ['process.args must name a program', { process: { args: [] } }],
    ['process.args must be an array', { process: { args: 'sh' } }],
    ['process.args[0] must not be empty', { process: { args: [''] } }],
    ['process.args[1] must be a string', { process: { args: ['sh', 1] } }],
    ['process.args[1] must be a string', { process: { args: ['sh', null] } }],
    ['process.args[1] must not hold the character U+0000', { process: { args: ['sh', 'a\0b'] } }],
    ['process.env[1] must be NAME=VALUE', { process: { args: ['sh'], env: ['A=', 'B'] } }],
    ['process.env[0] must be NAME=VALUE', { process: { args: ['sh'], env: ['=B'] } }],
    ['process.cwd must be an absolute path', { process: { args: ['sh'] } }],
    ['process.cwd must be an absolute path', { process: { args: ['sh'], cwd: 'tmp' } }],
    ['process.cwd must be a string', { process: { args: ['sh'], cwd: 1 } }],
    ['process.user must be an object', { process: shell('', { user: 'root' }) }],
    ['process.user.uid must be an integer', { process: shell('', { user: { uid: 'root' } }) }],
    ['process.user.uid must be an integer', { process: shell('', { user: { uid: 1.5 } }) }],
    ['process.user.uid must be from 0 to 4294967294', { process: shell('', { user: { uid: 4294967295 } }) }],
    ['process.user.gid must be from 0 to 4294967294', { process: shell('', { user: { gid: -1 } }) }],
    ['process.user.umask must be from 0 to 511', { process: shell('', { user: { umask: 512 } }) }],
    [
      'process.user.additionalGids[1] must be an integer',
      { process: shell('', { user: { additionalGids: [1, 'x'] } }) },
    ],
    ['process.rlimits[0] must be an object', { process: shell('', { rlimits: [1] }) }],
    [
      'process.rlimits[0].type is no resource limit: "NOFILE"',
      { process: shell('', { rlimits: [{ type: 'NOFILE' }] }) },
    ],
    [
      'process.rlimits[0] (RLIMIT_NOFILE) has a soft limit above its hard one',
      { process: shell('', { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 2, hard: 1 }] }) },
    ],
    [
      'process.rlimits[0].soft must be an integer from 0 to 18446744073709551615',
      { process: shell('', { rlimits: [{ type: 'RLIMIT_NOFILE', soft: -1, hard: 1 }] }) },
    ],
    ['process.noNewPrivileges must be true or false', { process: shell('', { noNewPrivileges: 1 }) }],
    ['process.terminal must be true or false', { process: shell('', { terminal: 'yes' }) }],
    ['process.consoleSize.height must be from 0 to 65535', { process: shell('', { consoleSize: { height: 65536 } }) }],
    ['process.oomScoreAdj must be from -1000 to 1000', { process: shell('', { oomScoreAdj: 1001 }) }],
  ])('%s', async (message, config) => {
    expect(await refusal(config as object)).toBe(`<bundle>/config.json: ${message}`);
  });
});
