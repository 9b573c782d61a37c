// The public exports of the package. Owns nothing else; docs/architecture.md explains the folders.
import type { ContainerProcess } from './container/container.js';
import { Process as ProcessClass } from './container/process.js';

/** A process in a container; `container.start()` and `container.exec()` make it. */
export type Process = ContainerProcess;
/** For `instanceof` only; it has no public constructor. */
export const Process = ProcessClass as unknown as abstract new () => Process;

export { Container } from './container/container.js';
export type { LoadedRoot } from './container/container.js';
export { find, list, run } from './container/run.js';
export type { FindOptions, ListFilter, RunOptions } from './container/run-options.js';
export { execSpec } from './oci/exec-spec.js';
export type { CapabilityChanges, ExecOverrides } from './oci/exec-spec.js';
export type { Checkpoint, CheckpointOptions } from './runtime/checkpoint.js';
export type {
  CleanUpOptions,
  ContainerOptions,
  CreateOptions,
  ExecOptions,
  ExecSpec,
  LoadFailure,
  StartOptions,
} from './container/options.js';
export type { AttachOptions, Attachment } from './container/attach.js';
export type { ContainerDescription, ProcessDescription } from './container/inspect.js';
export type { StopOptions } from './container/stop.js';
export type { Leftover } from './container/leftovers.js';
export type { State } from './container/lifecycle.js';
export type { Exit, ExitRecord } from './state/exit.js';
export { makeStdioFifos, openInput, openOutput } from './stdio/stdio.js';
export type { OutputOptions, Stdio } from './stdio/stdio.js';
export type { LogOptions, StdioOptions } from './stdio/kinds.js';
export { readLog } from './output/read.js';
export type { OutputItem, OutputReadOptions } from './output/options.js';
export type { OnRead } from './stdio/onread.js';
export type { RuntimeStatus } from './runtime/status.js';
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
} from './runtime/stats.js';
export { Monitor } from './monitor/monitor.js';
export type { ExitEvent, MonitorEvent, MonitorOptions, OomEvent } from './monitor/monitor.js';
export { Supervisor } from './supervisor/supervisor.js';
export type { EventsOptions, SupervisorOptions } from './supervisor/options.js';
export { EventsDroppedError } from './supervisor/events.js';
export type { LoggedEvent, SupervisorEvent, SupervisorEventType } from './supervisor/events.js';
export { writeHostBundle } from './oci/bundle.js';
export type { HostProcess } from './oci/bundle.js';
export type { HostResources } from './oci/host-resources.js';
export type * from './oci/types.js';
export { diagnose } from './diagnosis/diagnose.js';
export type { DiagnoseOptions } from './diagnosis/diagnose.js';
export type { Finding } from './diagnosis/finding.js';
export { defaultRoot } from './state/root.js';
export { OutliveError } from './base/errors.js';
export type { OutliveErrorCode } from './base/errors.js';
export * as posix from './posix/index.js';
export type { Signal } from './posix/signals.js';
