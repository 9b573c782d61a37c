/** All scenarios; the weight says how often one is chosen. */
import beforeReboot from './before-reboot.js';
import bothKilled from './both-killed.js';
import manyShort from './many-short.js';
import oddRuntimes from './odd-runtimes.js';
import outOfDescriptors from './out-of-descriptors.js';
import outOfProcesses from './out-of-processes.js';
import outputLog from './output-log.js';
import outputReaders from './output-readers.js';
import runKilled from './run-killed.js';
import runtimeKilled from './runtime-killed.js';
import shimKilled from './shim-killed.js';
import shimStopped from './shim-stopped.js';
import stateDisk from './state-disk.js';
import stateFiles from './state-files.js';
import supervisorKilled from './supervisor-killed.js';
import twoSupervisors from './two-supervisors.js';
import unseenExit from './unseen-exit.js';

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {number} weight
 * @property {number} [limitMs] the time limit of a round, if not the usual one
 * @property {(tools: { isRoot: boolean, has: (program: string) => boolean }) => string | undefined} [needs] what is missing on this machine
 * @property {(round: import('../round.js').Round) => Promise<void>} run
 */

/** @type {readonly Scenario[]} */
export const scenarios = [
  supervisorKilled,
  runKilled,
  twoSupervisors,
  shimKilled,
  runtimeKilled,
  bothKilled,
  shimStopped,
  stateDisk,
  manyShort,
  unseenExit,
  outOfDescriptors,
  outOfProcesses,
  stateFiles,
  outputReaders,
  outputLog,
  oddRuntimes,
  beforeReboot,
];
