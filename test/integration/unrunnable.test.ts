/** Programs that cannot run, and runtimes that cannot: docs/errors.md, "A program that cannot run", on each runtime. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test as plain } from 'vitest';
import type { Process } from '../../src/index.js';
import type { ProcessOverrides } from '../support/bundles.js';
import { rowsBelow, textFile } from '../support/error-page.js';
import { runtime as fake } from '../support/fake-runtime.js';
import { runtimes } from '../support/runtimes.js';
import { test } from '../support/scratch.js';

const SLEEP = { args: ['sleep', '1000'] };
const TRUE = { args: ['true'] };

/** The program or working directory that is at fault, and what each runtime tells: code and syscall, or how it ends. */
const PROGRAMS: [input: string, host: string, runc: string, crun: string, spec: (dir: string) => ProcessOverrides][] = [
  [
    'a name that is in no directory of PATH',
    'ENOENT execve',
    'ENOENT execve',
    'ENOENT execve',
    () => ({ args: ['no-such-program'] }),
  ],
  [
    'a path at which there is no file',
    'ENOENT execve',
    'ENOENT execve',
    'ENOENT execve',
    () => ({ args: ['/no/such'] }),
  ],
  [
    'a file that may not be executed',
    'EACCES execve',
    'EACCES execve',
    'EACCES execve',
    (dir) => ({ args: [`${dir}/data`] }),
  ],
  ['a directory', 'EACCES execve', 'EACCES execve', 'EPERM execve', (dir) => ({ args: [`${dir}/directory`] })],
  [
    'a path through a file',
    'ENOTDIR execve',
    'ENOTDIR execve',
    'ENOTDIR execve',
    (dir) => ({ args: [`${dir}/data/x`] }),
  ],
  ['a file that is no program', 'ENOEXEC execve', 'status 1', 'status 1', (dir) => ({ args: [`${dir}/text`] })],
  [
    'a script whose interpreter is missing',
    'ENOENT execve',
    'status 1',
    'status 1',
    (dir) => ({ args: [`${dir}/script`] }),
  ],
  [
    'an argument of more than 128 KiB',
    'E2BIG execve',
    'status 1',
    'status 1',
    () => ({ args: ['true', 'x'.repeat(140_000)] }),
  ],
  ['a `cwd` that does not exist', 'ENOENT chdir', 'ENOENT chdir', 'ENOENT chdir', () => ({ ...TRUE, cwd: '/no/cwd' })],
  [
    'a `cwd` that is a file',
    'ENOTDIR chdir',
    'ENOTDIR chdir',
    'ENOTDIR chdir',
    (dir) => ({ ...TRUE, cwd: `${dir}/data` }),
  ],
];

plain('the page has exactly the rows that are tested here', () => {
  expect(rowsBelow('A program that cannot run')).toEqual(PROGRAMS.map((row) => row.slice(0, 4)));
});

describe.for(runtimes)('%s', (runtime) => {
  /** Files that are no programs; the path that the container sees. */
  const plant = (bundle: string): string => {
    const dir = runtime === 'host' ? bundle : join(bundle, 'rootfs');
    mkdirSync(join(dir, 'directory'));
    chmodSync(dir, 0o755);
    writeFileSync(join(dir, 'data'), 'data', { mode: 0o644 });
    for (const [name, text] of Object.entries({ text: 'garbage\n', script: '#!/no/such\n' })) {
      writeFileSync(join(dir, name), text);
      chmodSync(join(dir, name), 0o755);
    }
    return runtime === 'host' ? bundle : '';
  };

  /** What an exec gives: code and syscall of the error's cause, or the status that the process ends with. */
  const outcome = async (act: () => Promise<Process>): Promise<string> => {
    try {
      const process = await act();
      return `status ${(await process.wait()).status}`;
    } catch (error) {
      const { code, cause } = error as { code: string; cause?: { code: string; syscall: string; errno: number } };
      expect(code).toBe('ERR_OCI_RUNTIME');
      expect(cause?.errno).toBeLessThan(0);
      return `${cause?.code ?? ''} ${cause?.syscall ?? ''}`;
    }
  };

  test.for(PROGRAMS)('exec of %s', async ([, host, runc, crun, spec], { scratch }) => {
    const container = await scratch.container(runtime, SLEEP);
    const dir = plant(container.bundle);
    await container.start();
    const told = { host, runc, crun }[runtime];
    expect(await outcome(() => container.exec('one', spec(dir)))).toBe(told);
  });

  test.for(PROGRAMS.filter(([input]) => !input.includes('cwd')))(
    'start of %s',
    async ([, host, runc, crun, spec], { scratch }) => {
      const bundle = (await scratch.container(runtime, TRUE)).bundle;
      const dir = plant(bundle);
      const config = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as { process: object };
      writeFileSync(
        join(bundle, 'config.json'),
        JSON.stringify({ ...config, process: { ...config.process, ...spec(dir) } }),
      );
      const container = await scratch.container(runtime, TRUE, { bundle });
      expect(await outcome(() => container.start())).toBe({ host, runc, crun }[runtime]);
    },
  );

  test('an unknown flag in runtimeArgs: the message has it', async ({ scratch }) => {
    const container = await scratch.container(runtime, TRUE, { runtimeArgs: ['--nonsense'] });
    await expect(container.start()).rejects.toMatchObject({ message: expect.stringMatching(/-nonsense/) as string });
    await expect(container.createInit()).rejects.toMatchObject({
      message: expect.stringMatching(/-nonsense/) as string,
    });
    expect(container.processes()).toEqual([]);
  });

  test('end() and closeStdin() do not depend on how fast the program is', async ({ scratch }) => {
    for (let i = 0; i < 5; i++) {
      const container = await scratch.container(runtime, { args: ['sh', '-c', 'read x'] });
      const process = await container.start({ stdio: scratch.fifos() });
      const stdin = process.openStdin();
      stdin.end('x\n');
      // The end is recorded before closeStdin(), which must not tell it.
      while (i > 0 && !process.hasEnded) await new Promise((resolve) => setImmediate(resolve));
      process.closeStdin();
      expect(await process.wait()).toMatchObject({ status: 0 });
      for (const call of [() => process.closeStdin(), () => process.openStdin(), () => process.resize(80, 24)]) {
        expect(call).toThrow(expect.objectContaining({ code: 'ERR_PROCESS_EXITED' }));
      }
    }
  });
});

describe('a runtime that is no program', () => {
  const notRun = { code: 'ERR_OCI_RUNTIME', cause: { code: 'ENOEXEC', errno: -8, syscall: 'spawn' } };

  test('is one error from start to delete, and is never given to a shell', async ({ scratch }) => {
    const container = await scratch.container(fake('run-script'), TRUE, { runtime: textFile(scratch) });
    writeFileSync(container.runtime, `touch ${scratch.dir}/shell; exit 0\n`);
    await expect(container.start()).rejects.toMatchObject(notRun);
    await expect(container.createInit()).rejects.toMatchObject(notRun);
    expect(container.processes()).toEqual([]);
    expect(() => readFileSync(join(scratch.dir, 'shell'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    await container.delete();
  });

  test('also if it was one when the container was started', async ({ scratch }) => {
    const path = textFile(scratch);
    writeFileSync(path, `#!/bin/sh\nexec ${fake('run-script')} "$@"\n`);
    const container = await scratch.container(path, { args: ['unused'] }, { runtimeArgs: ['--script', 'read x'] });
    const process = await container.start({ stdio: scratch.fifos() });
    writeFileSync(path, 'exit 0\n');
    for (const call of [
      () => container.runtimeStatus(),
      () => container.pause(),
      () => container.killAll(),
      () => container.delete(),
    ]) {
      await expect(call()).rejects.toMatchObject(notRun);
    }
    await expect(container.exec('one', TRUE)).rejects.toMatchObject(notRun);
    expect(process.state()).toBe('running');
    process.signal('SIGKILL');
    await process.wait();
    await container.delete();
  });
});
