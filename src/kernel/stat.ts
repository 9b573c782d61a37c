/** Parses `/proc/<pid>/stat`. Pure; see proc(5). */

export interface ProcStat {
  /** One letter: R running, S sleeping, T stopped, Z zombie, X dead … */
  readonly state: string;
  readonly parentPid: number;
  /** Clock ticks between boot and the process's start (field 22). */
  readonly startTimeTicks: number;
}

/** Fields count from the last `)`: the name before it may hold spaces, parentheses and newlines. */
export function parseProcStat(text: string): ProcStat | undefined {
  const close = text.lastIndexOf(')');
  if (close < 0) return undefined;
  const fields = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  const [state, parent] = fields;
  const started = fields[19];
  if (state === undefined || !isDecimal(parent) || !isDecimal(started)) return undefined;
  return { state, parentPid: Number(parent), startTimeTicks: Number(started) };
}

function isDecimal(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text);
}
