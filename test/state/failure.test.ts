/** The system error in a runtime's log: from the fields of the host runtime, and from the messages of runc and crun. */
import { describe, expect, test } from 'vitest';
import { loggedError } from '../../src/state/failure.js';
import { firstError, parseLog } from '../../src/state/log.js';

function causeOf(line: object): unknown {
  const logged = firstError(parseLog(JSON.stringify({ level: 'error', ...line })));
  if (logged === undefined) throw new Error('no error in the line');
  const error = loggedError('ERR_OCI_RUNTIME', 'oci runtime error', logged);
  expect(error).toMatchObject({ code: 'ERR_OCI_RUNTIME', message: `oci runtime error: ${logged.msg}` });
  return error.cause;
}

describe('fields', () => {
  test('errno, syscall and path become a system error', () => {
    const line = { msg: 'any text', errno: 7, syscall: 'execve', path: '/bin/a' };
    const cause = { code: 'E2BIG', errno: -7, syscall: 'execve', path: '/bin/a' };
    expect(causeOf(line)).toMatchObject({ ...cause, message: "E2BIG: argument list too long, execve '/bin/a'" });
  });

  test.for([
    { errno: '7', syscall: 'execve' },
    { errno: 0, syscall: 'execve' },
    { errno: -7, syscall: 'execve' },
    { errno: 1.5, syscall: 'execve' },
    { errno: 7 },
    { errno: 7, syscall: null },
  ])('%j are none', (fields) => {
    expect(causeOf({ msg: 'any text', ...fields })).toBeUndefined();
  });
});

test.for([
  ['ERR_LIMITS_UNAVAILABLE', 'ERR_LIMITS_UNAVAILABLE'],
  ['ERR_INVALID_STATE', 'ERR_OCI_RUNTIME'],
  [5, 'ERR_OCI_RUNTIME'],
])('the code %j in a log is the code %s', ([named, code]) => {
  const logged = firstError(parseLog(JSON.stringify({ level: 'error', msg: 'any text', code: named })));
  expect(loggedError('ERR_OCI_RUNTIME', 'p', logged ?? { level: '', msg: '' }).code).toBe(code);
});

const PREFIX = 'runc run failed: unable to start container process: ';

test.for([
  // runc
  [`${PREFIX}exec: "a": executable file not found in $PATH`, 'ENOENT', 'execve', 'a'],
  [`${PREFIX}exec: "/a": stat /a: no such file or directory`, 'ENOENT', 'execve', '/a'],
  [`${PREFIX}exec: "/a b": permission denied`, 'EACCES', 'execve', '/a b'],
  ['exec failed: unable to start container process: exec: "/a": stat /a: not a directory', 'ENOTDIR', 'execve', '/a'],
  [`${PREFIX}chdir to cwd ("/a") set in config.json failed: permission denied`, 'EACCES', 'chdir', '/a'],
  // crun
  ['executable file `a` not found in $PATH: No such file or directory', 'ENOENT', 'execve', 'a'],
  ['open executable: Permission denied', 'EACCES', 'execve', undefined],
  ['chdir `/a`: Not a directory', 'ENOTDIR', 'chdir', '/a'],
] as const)('%s', ([msg, code, syscall, path]) => {
  expect(causeOf({ msg })).toMatchObject({ code, syscall });
  expect((causeOf({ msg }) as { path?: string }).path).toBe(path);
});

test.for([
  // About something else than the program and its directory.
  'runc run failed: invalid rootfs: stat /a: no such file or directory',
  'mkdir /a: permission denied',
  'container with id exists: a',
  // The errno's text is not the reason, but a part of a name.
  'exec: "/a: permission denied": unknown reason',
  'chdir `/a: No such file or directory`: unknown reason',
  'no such file or directory',
  '',
])('no cause: %j', (msg) => {
  expect(causeOf({ msg })).toBeUndefined();
});
