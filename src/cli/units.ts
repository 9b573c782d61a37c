/** Reads and writes numbers as people do: bytes with suffixes, spans of time, names of signals. Pure. */

const SUFFIXES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const UNKNOWN = '-';

/** `1.5 GiB`; `-` if it is not known. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return UNKNOWN;
  if (bytes === Infinity) return 'no limit';
  const step = bytes < 1024 ? 0 : Math.min(SUFFIXES.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SUFFIXES[step] ?? ''}`;
}

/** A span as its largest unit: `12 s`, `3 min`, `5 h`, `2 d`. A negative one, as after a clock was set back, is `0 s`. */
export function spanText(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** Processor time: `0.12 s`, `3 min`. */
export function cpuText(ns: number | undefined): string {
  if (ns === undefined) return UNKNOWN;
  return ns < 60e9 ? `${(ns / 1e9).toFixed(2)} s` : spanText(ns / 1e6);
}
