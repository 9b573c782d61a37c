/** The lines of the `control` FIFO. Wire format: the seed's `CloseStdin` and `Resize`; docs/protocol.md. */

/** Close the process's stdin. */
export const CLOSE_STDIN_LINE = '0 0 0\n';

/** The process has ended and nobody wants its output any more: the shim need not hold it. Other shims ignore it. */
export const RELEASE_LINE = '2 0 0\n';

/** Give the process's terminal this size in character cells, each 1 to 65535. */
export function resizeLine(width: number, height: number): string {
  return `1 ${width} ${height}\n`;
}
