/** What a look at the machine results in. */

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at: `'kernel'`, `'host limits'`, `'state root'` … Each name occurs once. */
  readonly name: string;
  /**
   * `'ok'`: nothing to do. `'warning'`: something does not work here, or not always; the rest does. `'error'`: no process can be
   * started, or be kept.
   */
  readonly level: 'ok' | 'warning' | 'error';
  /** What was found, and what that means, as text for people. */
  readonly found: string;
  /** What to do about it, as text for people. */
  readonly advice?: string;
}

/** What a look returns: a finding without its name. */
export type Found = Omit<Finding, 'name'>;
