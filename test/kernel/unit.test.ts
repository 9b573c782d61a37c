/** Which unit of systemd a process is in, by the text of /proc/<pid>/cgroup. */
import { expect, it } from 'vitest';
import { isInUnitItself, parseUnit } from '../../src/kernel/unit.js';

const user = '/user.slice/user-1000.slice/user@1000.service';

it.each([
  ['a service', '0::/system.slice/web.service\n', { name: 'web.service', manager: 'system' }],
  ['a cgroup below it', '0::/system.slice/web.service/outlive-x-0\n', { name: 'web.service', manager: 'system' }],
  ['a template', '0::/system.slice/system-web.slice/web@a.service\n', { name: 'web@a.service', manager: 'system' }],
  ['a session', '0::/user.slice/user-0.slice/session-3.scope\n', { name: 'session-3.scope', manager: 'system' }],
  ['a service of a user', `0::${user}/app.slice/web.service\n`, { name: 'web.service', manager: 'user' }],
  ['a scope of a user', `0::${user}/app.slice/a.scope\n`, { name: 'a.scope', manager: 'user' }],
  ["the user's manager", `0::${user}/init.scope\n`, { name: 'init.scope', manager: 'user' }],
  ['a cgroup of that unit', `0::${user}/other\n`, { name: 'user@1000.service', manager: 'system' }],
  ['init', '0::/init.scope\n', { name: 'init.scope', manager: 'system' }],
  ['v1', '9:name=systemd:/system.slice/a.service\n4:memory:/x\n0::/\n', { name: 'a.service', manager: 'system' }],
  ['both', '1:name=systemd:/a.slice/b.service\n0::/a.slice/b.service\n', { name: 'b.service', manager: 'system' }],
  ['an escaped name', '0::/system.slice/_cpu.service\n', { name: 'cpu.service', manager: 'system' }],
  ['colons', '0::/system.slice/a:b.service\n', { name: 'a:b.service', manager: 'system' }],
  ['a container', '0::/\n', undefined],
  ['another container', '12:name=systemd:/docker/0123\n0::/docker/0123\n', undefined],
  ['only a slice', '0::/system.slice\n', undefined],
  ['outside of the cgroup namespace', '0::/../../web.service\n', undefined],
  ['another hierarchy', '4:memory:/system.slice/web.service\n', undefined],
  ['nothing', '', undefined],
])('%s', (_, text, expected) => {
  expect(parseUnit(text)).toEqual(expected);
});

it.each([
  ['a service', '0::/system.slice/web.service\n', true],
  ['a session', '0::/user.slice/user-0.slice/session-3.scope\n', true],
  ['a service of a user', `0::${user}/app.slice/web.service\n`, true],
  ['both', '1:name=systemd:/a.slice/b.service\n0::/a.slice/b.service\n', true],
  ['a cgroup below a service', '0::/system.slice/web.service/supervisor\n', false],
  ['a container', '0::/\n', false],
  ['only a slice', '0::/system.slice\n', false],
  ['outside of the cgroup namespace', '0::/../../web.service\n', false],
  ['v1', '9:name=systemd:/system.slice/a.service\n0::/\n', false],
  ['nothing', '', false],
])('whether it is in a unit itself: %s', (_, text, expected) => {
  expect(isInUnitItself(text)).toBe(expected);
});
