/**
 * The library's error class and its codes. A failed system call is not one of these: it is a Node system error
 * (`code`, `errno`, `syscall`, `path`), and bad arguments are Node's `ERR_INVALID_ARG_*`.
 * Codes are the contract; message text is for people. Source: the error sentinels of the seed's package.
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
  | 'ERR_CHECKPOINT_EXISTS'
  | 'ERR_CHECKPOINT_NOT_EXISTS'
  | 'ERR_EVENTS_DROPPED'
  | 'ERR_INVALID_STATE'
  | 'ERR_NATIVE_LOAD';

/** What went wrong in supervising a process; `code` says which of the known ways, `cause` keeps the first failure. */
export class OutliveError extends Error {
  /** Stable across versions; match this, never the message. */
  readonly code: OutliveErrorCode;

  constructor(code: OutliveErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OutliveError';
    this.code = code;
  }
}

/** Whether `error` is a system or library error with this `code`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
