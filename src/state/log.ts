/**
 * Parses the JSON logs of shim and runtime: objects with `level` and `msg`, with or without newlines between them. Gets
 * the message also from a line that is not escaped (the original shim does not) or was cut short. Pure.
 */

export interface LogMessage {
  readonly level: string;
  readonly msg: string;
  /** The library's code of the error, if the shipped host runtime names one. */
  readonly code?: string;
  /** The system call that failed, if the shipped shim or host runtime wrote the line. */
  readonly failed?: { readonly errno: number; readonly syscall: string; readonly path?: string };
}

/** The longest object that has newlines in it. With no limit, each line that closes none would be read to the end of the text. */
const SPREAD_CHARS = 4096;

/** The messages in `text`, in order. Objects without `level` are skipped. */
export function parseLog(text: string): LogMessage[] {
  const messages: LogMessage[] = [];
  let at = 0;
  while (at < text.length) {
    const start = text.indexOf('{', at);
    if (start < 0) break;
    const newline = text.indexOf('\n', start);
    const lineEnd = newline < 0 ? text.length : newline;
    const end = objectEnd(text, start, Math.min(Math.max(lineEnd, start + SPREAD_CHARS), text.length));
    const message = end < 0 ? undefined : parseObject(text.slice(start, end));
    if (message !== undefined) {
      messages.push(message);
      at = end;
      continue;
    }
    const recovered = recoverLine(text.slice(start, lineEnd));
    if (recovered !== undefined) messages.push(recovered);
    at = lineEnd + 1;
  }
  return messages;
}

/** The first message of level `error` (or worse), if any. */
export function firstError(messages: readonly LogMessage[]): LogMessage | undefined {
  return messages.find(({ level }) => level === 'error' || level === 'fatal' || level === 'panic');
}

/**
 * The index after the `}` that closes the object at `start`; -1 if it is not closed before `limit`. Braces in strings do not
 * count.
 */
function objectEnd(text: string, start: number, limit: number): number {
  let depth = 0;
  let inString = false;
  for (let i = start; i < limit; i++) {
    const c = text[i];
    if (inString) {
      if (c === '\\') i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === '{') depth++;
    else if (c === '}' && --depth === 0) return i + 1;
  }
  return -1;
}

function parseObject(text: string): LogMessage | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('level' in value)) return undefined;
    const msg = 'msg' in value ? value.msg : '';
    const message = { level: String(value.level), msg: typeof msg === 'string' ? msg : JSON.stringify(msg) };
    const failed = failedCall(value);
    const code = 'code' in value && typeof value.code === 'string' ? { code: value.code } : {};
    return { ...message, ...code, ...(failed === undefined ? {} : { failed }) };
  } catch {
    return undefined;
  }
}

function failedCall(members: object): LogMessage['failed'] {
  const { errno, syscall, path } = members as Record<string, unknown>;
  if (typeof errno !== 'number' || !Number.isInteger(errno) || errno <= 0) return undefined;
  if (typeof syscall !== 'string') return undefined;
  return { errno, syscall, ...(typeof path === 'string' ? { path } : {}) };
}

/** Gets from a line that is not JSON the level, and the text between `"msg":"` and the last quote. */
function recoverLine(line: string): LogMessage | undefined {
  const level = /"level"\s*:\s*"(\w+)"/.exec(line)?.[1];
  const msg = /"msg"\s*:\s*"(.*)$/s.exec(line)?.[1];
  if (level === undefined || msg === undefined) return undefined;
  return { level, msg: msg.replace(/"\s*(,\s*"(?:time|level)"\s*:\s*"[^"]*"\s*)*\}?\s*$/, '') };
}
