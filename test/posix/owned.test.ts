// The descriptors that the library opens for itself: a number is closed once, by closeOwned() only.
import { constants, readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as posix from '../../src/posix/index.js';
import { closeOwned, eventfdOwned, openOwned, pidfdOpenOwned } from '../../src/posix/owned.js';

it.each([
  ['openOwned', () => openOwned('/dev/null', constants.O_RDONLY), /^\/dev\/null$/],
  ['pidfdOpenOwned', () => pidfdOpenOwned(process.pid), /pidfd/],
  ['eventfdOwned', () => eventfdOwned(3), /eventfd/],
])('%s gives a descriptor that closeOwned() closes once', (_, open, target) => {
  const fd = open();
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(target);
  closeOwned(fd);
  const refused = expect.objectContaining({ code: 'EBADF', syscall: 'close' }) as Error;
  expect(() => closeOwned(fd)).toThrow(refused);
  // The number may be another descriptor's by now, which is not ours to close.
  const other = posix.eventfd(0);
  expect(() => closeOwned(other)).toThrow(refused);
  posix.close(other);
});

it('fails as the call that it makes', () => {
  expect(() => pidfdOpenOwned(0)).toThrow(expect.objectContaining({ code: 'EINVAL', syscall: 'pidfd_open' }) as Error);
  expect(() => pidfdOpenOwned(2 ** 22 + 1)).toThrow(expect.objectContaining({ code: 'ESRCH' }) as Error);
  expect(() => eventfdOwned(-1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error);
});
