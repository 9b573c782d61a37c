/** Configs that must have the type `Spec`, and mistakes that must not. The compiler is the test: `npm run typecheck`. */
import type {
  Capability,
  Linux,
  LinuxResources,
  LinuxSeccomp,
  LinuxSeccompArg,
  ProcessSpec,
  Spec,
} from '../../src/index.js';

const capabilities: Capability[] = ['CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_OF_A_LATER_KERNEL'];

const resources: LinuxResources = {
  memory: { limit: 512 * 1024 * 1024, reservation: -1, swap: -1, swappiness: 10, disableOOMKiller: false },
  cpu: { shares: 1024, quota: 50_000, period: 100_000, burst: 1000, cpus: '0-1', mems: '0', idle: 0 },
  pids: { limit: 64 },
  blockIO: {
    weight: 100,
    weightDevice: [{ major: 8, minor: 0, weight: 500, leafWeight: 300 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1_000_000 }],
    throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 300 }],
  },
  hugepageLimits: [{ pageSize: '2MB', limit: 2 * 1024 * 1024 }],
  network: { classID: 0x10_0001, priorities: [{ name: 'eth0', priority: 500 }] },
  rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10_000 } },
  unified: { 'memory.high': '1073741824' },
  devices: [
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
  ],
};

const seccomp: LinuxSeccomp = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 38,
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_OF_A_LATER_LIBSECCOMP'],
  flags: ['SECCOMP_FILTER_FLAG_LOG'],
  syscalls: [
    { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
    {
      names: ['personality'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: 0xffff, valueTwo: 8, op: 'SCMP_CMP_MASKED_EQ' }],
    },
  ],
};

const process: Required<ProcessSpec> = {
  terminal: true,
  consoleSize: { width: 80, height: 24 },
  user: { uid: 1, gid: 1, umask: 0o77, additionalGids: [5, 6] },
  args: ['sh'],
  commandLine: '',
  env: ['PATH=/bin'],
  cwd: '/',
  capabilities: {
    bounding: capabilities,
    effective: capabilities,
    inheritable: [],
    permitted: capabilities,
    ambient: [],
  },
  rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 1024 }],
  noNewPrivileges: true,
  oomScoreAdj: 100,
  apparmorProfile: 'acme',
  selinuxLabel: 'system_u:system_r:svirt_lxc_net_t:s0:c124,c675',
  scheduler: { policy: 'SCHED_BATCH', nice: 5, flags: ['SCHED_FLAG_RESET_ON_FORK'] },
  ioPriority: { class: 'IOPRIO_CLASS_IDLE', priority: 4 },
  execCPUAffinity: { initial: '7', final: '0-3,7' },
};

const linux: Required<Linux> = {
  namespaces: [{ type: 'pid', path: '/proc/1/ns/pid' }, { type: 'user' }, { type: 'time' }],
  uidMappings: [{ containerID: 0, hostID: 1000, size: 32_000 }],
  gidMappings: [{ containerID: 0, hostID: 1000, size: 32_000 }],
  devices: [
    { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 },
    { path: '/dev/fifo', type: 'p' },
  ],
  cgroupsPath: '/jobs/1',
  resources,
  rootfsPropagation: 'slave',
  seccomp,
  sysctl: { 'net.core.somaxconn': '256' },
  maskedPaths: ['/proc/kcore'],
  readonlyPaths: ['/proc/sys'],
  mountLabel: 'system_u:object_r:svirt_sandbox_file_t:s0:c715,c811',
  personality: { domain: 'LINUX32' },
  intelRdt: { closID: 'guaranteed', schemata: ['L3:0=7f0;1=1f'], enableMonitoring: true },
  timeOffsets: { monotonic: { secs: 86_400 }, boottime: { secs: -1, nanosecs: 5 } },
  netDevices: { eth0: { name: 'lan' } },
  memoryPolicy: { mode: 'MPOL_INTERLEAVE', nodes: '0-1', flags: ['MPOL_F_STATIC_NODES'] },
};

/** Every member of the types. */
export const full: Required<Spec> = {
  ociVersion: '1.0.2',
  process,
  root: { path: 'rootfs', readonly: true },
  hostname: 'a',
  domainname: 'b',
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/data', source: '/srv/data', options: ['rbind', 'ro'] },
    {
      destination: '/home',
      source: '/home',
      options: ['rbind', 'ridmap'],
      uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
    },
  ],
  hooks: {
    createRuntime: [{ path: '/usr/bin/net', args: ['net', 'up'], env: ['A=b'], timeout: 5 }],
    poststop: [{ path: '/usr/bin/net' }],
  },
  annotations: { 'com.example.key': 'value' },
  linux,
};

/** One mistake each; a directive without one is an error too. */
export const mistakes: Spec[] = [
  // @ts-expect-error misspelt member
  { proces: { args: ['sh'] } },
  // @ts-expect-error args are missing
  { process: { cwd: '/' } },
  // @ts-expect-error the command line is a list
  { process: { args: 'sh -c true' } },
  // @ts-expect-error the environment is a list
  { process: { args: ['sh'], env: { PATH: '/bin' } } },
  // @ts-expect-error capabilities were a list before 1.0
  { process: { args: ['sh'], capabilities: ['CAP_KILL'] } },
  // @ts-expect-error a user has a group
  { process: { args: ['sh'], user: { uid: 0 } } },
  // @ts-expect-error no name is looked up
  { process: { args: ['sh'], user: { uid: 'nobody', gid: 0 } } },
  // @ts-expect-error a limit has both values
  { process: { args: ['sh'], rlimits: [{ type: 'RLIMIT_CORE', soft: 0 }] } },
  // @ts-expect-error no such policy
  { process: { args: ['sh'], scheduler: { policy: 'SCHED_FAIR' } } },
  // @ts-expect-error no such class
  { process: { args: ['sh'], ioPriority: { class: 'IOPRIO_CLASS_NONE', priority: 0 } } },
  // @ts-expect-error no such namespace
  { linux: { namespaces: [{ type: 'net' }] } },
  // @ts-expect-error containerId
  { linux: { uidMappings: [{ containerId: 0, hostID: 0, size: 1 }] } },
  // @ts-expect-error the limit is a number of bytes
  { linux: { resources: { memory: { limit: '512m' } } } },
  // @ts-expect-error that is cgroup v2's name, for `unified`
  { linux: { resources: { memory: { max: 1024 } } } },
  // @ts-expect-error a limit is needed
  { linux: { resources: { pids: {} } } },
  // @ts-expect-error no such action
  { linux: { seccomp: { defaultAction: 'SCMP_ACT_DENY' } } },
  // @ts-expect-error values are strings
  { linux: { sysctl: { 'net.core.somaxconn': 256 } } },
  // @ts-expect-error no such propagation
  { linux: { rootfsPropagation: 'public' } },
  // @ts-expect-error a mount has a destination
  { mounts: [{ source: '/srv', options: ['bind'] }] },
  // @ts-expect-error a hook has a path
  { hooks: { poststop: [{ args: ['true'] }] } },
];

// @ts-expect-error no such operator
export const condition: LinuxSeccompArg = { index: 0, value: 1, op: '==' };
