/** Bundles for each of the runtimes. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostResources, type ProcessSpec, type Spec, writeHostBundle } from '../../src/index.js';
import { isRoot } from './strict.js';

const APPLETS = [
  'sh',
  'cat',
  'echo',
  'env',
  'false',
  'id',
  'kill',
  'ls',
  'mkdir',
  'printf',
  'ps',
  'readlink',
  'sleep',
  'stty',
  'true',
  'wc',
];

/** `resources` are for the host runtime only. */
export type ProcessOverrides = Partial<ProcessSpec> & { args: string[]; resources?: HostResources };

/** A busybox container's bundle, from the runtime's own `spec` template. */
export function writeContainerBundle(
  dir: string,
  runtime: string,
  overrides: ProcessOverrides,
  { rootless = false, change = (spec: Spec): Spec => spec } = {},
): string {
  const bin = join(dir, 'rootfs', 'bin');
  mkdirSync(bin, { recursive: true });
  for (const path of ['proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(dir, 'rootfs', path), { recursive: true });
  copyFileSync('/bin/busybox', join(bin, 'busybox'));
  chmodSync(join(bin, 'busybox'), 0o755);
  for (const applet of APPLETS) symlinkSync('busybox', join(bin, applet));
  execFileSync(runtime, rootless ? ['spec', '--rootless'] : ['spec'], { cwd: dir });
  const path = join(dir, 'config.json');
  const spec = JSON.parse(readFileSync(path, 'utf8')) as Spec;
  spec.process = { ...spec.process, terminal: false, ...overrides };
  writeFileSync(path, JSON.stringify(change(spec)));
  return dir;
}

/** A bundle for the embedded host runtime. */
export async function writeHostTestBundle(dir: string, overrides: ProcessOverrides): Promise<string> {
  return writeHostBundle(dir, { env: ['PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'], cwd: '/', ...overrides });
}

/** A bundle of the kind that this runtime takes. */
export async function writeTestBundle(dir: string, runtime: string, overrides: ProcessOverrides): Promise<string> {
  if (runtime !== 'runc' && runtime !== 'crun') return writeHostTestBundle(dir, overrides);
  return writeContainerBundle(dir, runtime, overrides, { rootless: !isRoot });
}

/** Global arguments for a runtime. A rootless one needs a directory of its own for its state. */
export function runtimeArgs(runtime: string, dir: string): string[] {
  return isRoot || (runtime !== 'runc' && runtime !== 'crun') ? [] : ['--root', join(dir, 'runtime')];
}
