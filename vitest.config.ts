import { availableParallelism } from 'node:os';
import process from 'node:process';
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Only test/last-release.sh has a last release to run it against.
    exclude:
      process.env.OUTLIVE_LAST_RELEASE === undefined
        ? [...configDefaults.exclude, 'test/integration/last-release.test.ts']
        : configDefaults.exclude,
    // Real processes are waited for; a test that takes this long hangs. Longer than the 20 s of until(), whose error says
    // what did not come, and longer than a test with fifteen programs one after the other takes on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Child processes, not threads: process.umask(), setuid and descriptor counts are per process.
    pool: 'forks',
    // More than there are processors: most tests wait.
    maxWorkers: availableParallelism() + 1,
  },
});
