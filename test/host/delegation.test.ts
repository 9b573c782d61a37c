// In a unit of systemd, a cgroup is made only if the unit has Delegate=yes. The unit is a cgroup with the name of one.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect } from 'vitest';
import { posix } from '../../src/index.js';
import { test } from '../support/scratch.js';
import { wantRight } from '../support/strict.js';
import { cgroupsWork, ownCgroup } from './cgroups.js';

const pathOf = (text: string): string | undefined => /^0::(\/.*)$/m.exec(text)?.[1];

describe.runIf(wantRight('a cgroup v2 in which we may make others', cgroupsWork()))('the host runtime', () => {
  test.for([
    ['in a service', 'unit.service', '', false],
    ['in a service with Delegate=no', 'unit.service', 'user.delegate=0', false],
    ['in a service with Delegate=yes', 'unit.service', 'user.delegate=1', true],
    ['in a service with Delegate=yes, of an older systemd', 'unit.service', 'trusted.delegate=1', true],
    ['in a session', 'session-1.scope', '', false],
    ['in a scope of the library, also of a manager that sets no mark', 'outlive-x-0.scope', '', true],
    ['in a cgroup of another kind', 'unit', '', true],
  ] as const)('%s', async ([, name, mark, makesOne], { scratch }) => {
    const cgroup = join(ownCgroup(), name.startsWith('outlive-') ? name : `test-${process.pid}-${name}`);
    mkdirSync(cgroup);
    scratch.atEnd(async () => {
      await container.delete();
      rmdirSync(cgroup);
    });
    if (mark !== '') {
      const code = 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())';
      execFileSync('python3', ['-c', code, cgroup, ...mark.split('=')]);
    }
    // Enters the cgroup, and goes on as the host runtime.
    const runtime = join(scratch.dir, 'runtime');
    const host = posix.nativeExecutable('outlive-host');
    writeFileSync(runtime, `#!/bin/sh\necho 0 >'${cgroup}/cgroup.procs'\nexec '${host}' "$@"\n`, { mode: 0o700 });
    const options = { runtime, runtimeArgs: ['--root', join(scratch.dir, 'host')] };
    const container = await scratch.container('host', { args: ['sleep', '1000'] }, options);
    const { systemPid } = await container.start();
    const unit = pathOf(readFileSync(`/proc/${systemPid}/cgroup`, 'utf8'))?.split('/') ?? [];
    expect(unit.at(-1)?.startsWith(`outlive-${container.id}-`)).toBe(makesOne);
    expect(unit.at(makesOne ? -2 : -1)).toBe(basename(cgroup));
  });
});
