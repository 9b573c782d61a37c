export { Container } from './container.js';
export { execSpec } from './exec-spec.js';
export type { CapabilityChanges, ExecOverrides } from './exec-spec.js';
export type { Checkpoint, CheckpointOptions } from './checkpoint.js';
export type {
  CleanUpOptions,
  ContainerOptions,
  CreateOptions,
  ExecOptions,
  ExecSpec,
  LoadFailure,
  LoadedRoot,
  StartOptions,
} from './container-options.js';
export type { Leftover } from './state-root.js';
export { Process } from './process.js';
export type { State } from './process.js';
export type { Exit, ExitRecord } from './exit.js';
export { makeStdioFifos, openInput, openOutput } from './stdio.js';
export type { OutputOptions, Stdio } from './stdio.js';
export type { OnRead } from './fifo-streams.js';
export type { RuntimeStatus } from './runtime-state.js';
export type {
  BlockIoEntry,
  BlockIoStats,
  ContainerStats,
  CpuStats,
  HugetlbStats,
  MemoryStats,
  MemoryUsage,
  NetworkInterfaceStats,
  PidsStats,
} from './stats.js';
export { Monitor } from './monitor.js';
export type { ExitEvent, MonitorEvent, MonitorOptions, OomEvent } from './monitor.js';
export { Supervisor } from './supervisor.js';
export type { EventsOptions, SupervisorOptions } from './supervisor-options.js';
export { EventsDroppedError } from './supervisor-events.js';
export type { LoggedEvent, SupervisorEvent, SupervisorEventType } from './supervisor-events.js';
export { writeHostBundle } from './bundle.js';
export type { HostProcess } from './bundle.js';
export type * from './oci/index.js';
export { OutliveError } from './errors.js';
export type { OutliveErrorCode } from './errors.js';
export * as posix from './posix.js';
