/** Parses the text of `/proc/<pid>/stat`. Pure; identity.ts reads the file. Behaviour: proc(5). */

export interface ProcStat {
  /** One letter: R running, S sleeping, T stopped, Z zombie, X dead, and others. */
  readonly state: string;
  readonly parentPid: number;
  /** The pid of the session's leader, which may have ended: field 6. */
  readonly sessionId: number;
  /** When the process started, in clock ticks since boot: field 22. */
  readonly startTimeTicks: number;
}

/** Undefined if `text` has another form. Fields count from the last `)`, as the program's name may contain one. */
export function parseProcStat(text: string): ProcStat | undefined {
  const close = text.lastIndexOf(')');
  if (close < 0) return undefined;
  const fields = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  const [state, parent, , session] = fields;
  const started = fields[19];
  if (state === undefined || !isDecimal(parent) || !isDecimal(session) || !isDecimal(started)) return undefined;
  return { state, parentPid: Number(parent), sessionId: Number(session), startTimeTicks: Number(started) };
}

function isDecimal(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text);
}
