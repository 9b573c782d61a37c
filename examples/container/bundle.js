/** A bundle for runc: busybox and nothing else. Its network namespace is new, and empty. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} dir a new directory. @param {string} script what the container's shell runs. */
export function writeBundle(dir, script) {
  const bin = join(dir, 'rootfs/bin');
  mkdirSync(bin, { recursive: true });
  for (const name of ['proc', 'sys', 'dev']) mkdirSync(join(dir, 'rootfs', name));
  copyFileSync('/bin/busybox', join(bin, 'busybox'));
  chmodSync(join(bin, 'busybox'), 0o755);
  for (const applet of ['sh', 'ip', 'wget']) symlinkSync('busybox', join(bin, applet));

  execFileSync('runc', ['spec'], { cwd: dir });
  const path = join(dir, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  config.process = { ...config.process, args: ['sh', '-c', script], terminal: false };
  writeFileSync(path, JSON.stringify(config));
  return dir;
}
