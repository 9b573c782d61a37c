/**
 * A shim that gets a log with limits or a directory that the library refuses (smaller ones, for the tests of the writer): a
 * program for the option `shim` that makes the log's directory, adds the key `log` to process.json, and then becomes the real
 * shim. Other tests use LOGGED.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { posix, type Process } from '../../src/index.js';
import { fakeContainer, processDir } from './fake-runtime.js';
import { type LogContent, readLogFiles } from './log-files.js';
import type { Scratch } from './scratch.js';
import { until } from './until.js';

export interface LogSetup {
  maxBytes?: number;
  segmentBytes?: number;
  /** Default: `log` in the process directory. */
  dir?: string;
  /** Which outputs go to it; default: both. */
  streams?: ('Stdout' | 'Stderr')[];
  /** Lines of shell, run in the process directory when all is made; `$log` is the log's directory. */
  before?: string;
  /** The shim is run by this program: its words, for a shell. */
  under?: string;
}

/** Options for a start: both outputs go to a log. */
export const LOGGED = { stdout: 'log', stderr: 'log' } as const;

let serial = 0;

/** The path of the program. */
export function logShim(
  scratch: Scratch,
  {
    maxBytes = 1 << 20,
    segmentBytes = maxBytes / 8,
    dir,
    streams = ['Stdout', 'Stderr'],
    before = '',
    under = '',
  }: LogSetup = {},
): string {
  const path = join(scratch.dir, `log-shim-${serial++}`);
  const key = `"log":{"dir":"$log","maxBytes":${maxBytes},"segmentBytes":${segmentBytes}},`;
  const edits = streams.map(
    (stream) => `-e "s|\\"containerd${stream}\\":\\"[^\\"]*\\"|\\"containerd${stream}\\":\\"$log\\"|"`,
  );
  writeFileSync(
    path,
    [
      '#!/bin/sh',
      'set -e',
      `log=${dir === undefined ? '"$PWD"/log' : `'${dir}'`}`,
      '[ -d "$log" ] || mkdir -m 700 "$log"',
      '[ -p "$log/writer" ] || mkfifo -m 600 "$log/writer"',
      `sed -i -e "s|^{|{${key.replaceAll('"', '\\"')}|" ${edits.join(' ')} process.json`,
      before,
      `exec ${under} '${posix.nativeExecutable('outlive-shim')}' "$@"`,
      '',
    ].join('\n'),
    { mode: 0o755 },
  );
  return path;
}

export interface Logged {
  process: Process;
  /** The process directory, and the log's. */
  dir: string;
  log: string;
  /** What the log holds now. */
  read: () => LogContent;
  /** Waits for the end record. */
  ended: () => Promise<LogContent>;
}

/** A process that runs this script, with its output in a log. */
export async function startLogged(scratch: Scratch, script: string, setup: LogSetup = {}, stdio = {}): Promise<Logged> {
  const container = await fakeContainer(scratch, 'run-script', script, { shim: logShim(scratch, setup) });
  const process = await container.start({ stdio });
  const dir = processDir(scratch, container);
  const log = setup.dir ?? join(dir, 'log');
  const read = (): LogContent => readLogFiles(log);
  return { process, dir, log, read, ended: () => endRecorded(log) };
}

/** Waits for the end record: what the log holds then. */
export function endRecorded(log: string): Promise<LogContent> {
  return until('the end record', () => {
    const content = readLogFiles(log);
    return content.end !== undefined && content;
  });
}

/** Whether a shim may still write. */
export function hasWriter(log: string): boolean {
  const fd = posix.open(join(log, 'writer'), 0o4000);
  try {
    posix.read(fd, Buffer.alloc(1));
    return false;
  } catch {
    return true; // EAGAIN
  } finally {
    posix.close(fd);
  }
}
