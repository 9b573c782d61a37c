/** The ways in which a round may fail, and waiting that always ends. */

/** @typedef {'lost' | 'hung' | 'left' | 'wrong'} Kind */

/** What a round found: an end lost that should be known, a wait that hung, something left behind, or anything else. */
export class Finding extends Error {
  constructor(/** @type {Kind} */ kind, /** @type {string} */ message, /** @type {ErrorOptions} */ options = {}) {
    super(message, options);
    this.kind = kind;
  }
}

/** Fails the round. */
export function check(/** @type {unknown} */ condition, /** @type {string} */ message) {
  if (condition) return;
  throw new Finding('wrong', message);
}

/**
 * The promise's outcome, or a finding of kind `hung`.
 * @template T
 * @param {string} what
 * @param {Promise<T>} promise
 * @param {number} limitMs
 * @returns {Promise<T>}
 */
export async function within(what, promise, limitMs = 5000) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Finding('hung', `${what}: no end in ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, /** @type {Promise<never>} */ (late)]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Looks until there is something (neither undefined nor false), for at most the limit.
 * @template T
 * @param {string} what
 * @param {() => T | undefined | false | Promise<T | undefined | false>} look
 * @param {{ limitMs?: number, kind?: Kind, everyMs?: number }} options
 * @returns {Promise<T>}
 */
export async function until(what, look, { limitMs = 5000, kind = 'hung', everyMs = 3 } = {}) {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Finding(kind, `never came in ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The code of an error that must come; a finding when none does, or one without a code. */
export async function codeOf(/** @type {string} */ what, /** @type {() => unknown} */ action) {
  try {
    await within(what, Promise.resolve().then(action), 20_000);
  } catch (error) {
    if (error instanceof Finding) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code === 'string') return code;
    throw new Finding('wrong', `${what}: failed without a code`, { cause: error });
  }
  throw new Finding('wrong', `${what}: succeeded`);
}

/** The action's result, or its error's code; what has none is a finding. */
export async function attempt(/** @type {string} */ what, /** @type {() => unknown} */ action) {
  try {
    return { value: await within(what, Promise.resolve().then(action), 20_000) };
  } catch (error) {
    if (error instanceof Finding) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code === 'string') return { code, error: /** @type {Error} */ (error) };
    throw new Finding('wrong', `${what}: failed without a code`, { cause: error });
  }
}
