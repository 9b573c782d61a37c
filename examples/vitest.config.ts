import { defineConfig } from 'vitest/config';

// The tests of the examples, which need programs that the library's own do not: chromium, redis-server, ip.
export default defineConfig({
  test: { include: ['examples/*/*.test.ts'], testTimeout: 60_000, hookTimeout: 30_000, pool: 'forks', maxWorkers: 2 },
});
