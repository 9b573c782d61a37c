import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real processes are waited for; a test that takes this long hangs.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Child processes, not threads: process.umask(), setuid and descriptor counts are per process.
    pool: 'forks',
  },
});
