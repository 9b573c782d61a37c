/**
 * A shim that gets a log: a program for the option `shim` that makes the log's directory, adds the key `log` to
 * process.json, and then becomes the real shim.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { posix } from '../../src/index.js';
import type { Scratch } from './scratch.js';

export interface LogSetup {
  maxBytes?: number;
  segmentBytes?: number;
  /** Default: `log` in the process directory. */
  dir?: string;
  /** Which outputs go to it; default: both. */
  streams?: ('Stdout' | 'Stderr')[];
  /** Lines of shell, run in the process directory, `$log` is the log's: after all of it is made. */
  before?: string;
}

let serial = 0;

/** The path of the program. */
export function logShim(
  scratch: Scratch,
  { maxBytes = 1 << 20, segmentBytes = maxBytes / 8, dir, streams = ['Stdout', 'Stderr'], before = '' }: LogSetup = {},
): string {
  const path = join(scratch.dir, `log-shim-${serial++}`);
  const key = `"log":{"dir":"$log","maxBytes":${maxBytes},"segmentBytes":${segmentBytes}},`;
  const edits = streams.map((stream) => `-e "s|\\"containerd${stream}\\":\\"[^\\"]*\\"|\\"containerd${stream}\\":\\"$log\\"|"`);
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
      `exec '${posix.nativeExecutable('outlive-shim')}' "$@"`,
      '',
    ].join('\n'),
    { mode: 0o755 },
  );
  return path;
}
