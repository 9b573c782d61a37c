/**
 * The library's error class and its codes. Callers may depend on a code, but not on a message's text.
 * Does not own system errors (`code`, `errno`, `syscall`, `path`; posix/errors.ts) nor errors for bad arguments
 * (Node's `ERR_INVALID_ARG_*`; arg-errors.ts).
 * Behaviour: the error sentinels of containerd's runtime package (June 2016).
 */

/** Every `code` that an {@link OutliveError} can have. */
export type OutliveErrorCode =
  | 'ERR_PROCESS_NOT_EXITED'
  | 'ERR_PROCESS_EXITED'
  | 'ERR_EXIT_STATUS_LOST'
  | 'ERR_CONTAINER_NOT_STARTED'
  | 'ERR_CONTAINER_START_TIMEOUT'
  | 'ERR_CONTAINER_EXISTS'
  | 'ERR_CONTAINER_NOT_FOUND'
  | 'ERR_CONTAINER_EXITED'
  | 'ERR_CONTAINER_BUSY'
  | 'ERR_NOT_INSTALLED'
  | 'ERR_SHIM'
  | 'ERR_OCI_RUNTIME'
  | 'ERR_SCOPE_UNAVAILABLE'
  | 'ERR_LIMITS_UNAVAILABLE'
  | 'ERR_CHECKPOINT_EXISTS'
  | 'ERR_CHECKPOINT_NOT_EXISTS'
  | 'ERR_EVENTS_DROPPED'
  | 'ERR_INVALID_STATE'
  | 'ERR_NATIVE_LOAD'
  | 'ERR_UNSUPPORTED_SYSTEM'
  | 'ERR_WORKING_DIRECTORY';

/** A failure of the library itself; `code` names the kind, and `cause` is the original error if there is one. */
export class OutliveError extends Error {
  /** The kind of failure. It does not change between versions, unlike the message. */
  readonly code: OutliveErrorCode;

  constructor(code: OutliveErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OutliveError';
    this.code = code;
  }
}

/** Whether `error` is an Error whose `code` is one of `codes`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

/**
 * Whether another attempt may succeed, because descriptors or memory are short for now.
 * @param others codes by which this call tells that something else is short.
 */
export function isShortage(error: unknown, ...others: string[]): boolean {
  return hasCode(error, 'EMFILE', 'ENFILE', 'ENOMEM', ...others);
}

/** The message of a caught value; the value as text if it is not an Error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
