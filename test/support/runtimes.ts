/** The runtimes on which the integration tests run here. */
import { installed, want } from './strict.js';

/**
 * OUTLIVE_TEST_RUNTIMES names them (test/integration/elsewhere.test.ts sets it); by default the host runtime and runc,
 * and crun in a run of its own, since it needs another view of the cgroups on some machines.
 */
const names = process.env.OUTLIVE_TEST_RUNTIMES?.split(',') ?? ['host', 'runc'];

export const runtimes = names.filter((name) => {
  if (name === 'host') return true;
  return want(`${name} and busybox (Debian: busybox-static)`, installed(name) && installed('busybox'));
});
