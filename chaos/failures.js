/** The ways in which a round can fail, and waiting with a time limit. */

/** @typedef {'lost' | 'hung' | 'left' | 'another' | 'wrong'} Kind */

/**
 * What is wrong with a round: a known exit was lost, a wait hung, something was left behind, a process was ended by an
 * operation on another container or process, or anything else.
 */
export class Finding extends Error {
  constructor(/** @type {Kind} */ kind, /** @type {string} */ message, /** @type {ErrorOptions} */ options = {}) {
    super(message, options);
    this.kind = kind;
  }
}

/** Fails the round unless the condition holds. */
export function check(/** @type {unknown} */ condition, /** @type {string} */ message) {
  if (condition) return;
  throw new Finding('wrong', message);
}

/**
 * The promise's outcome, or a finding of kind `hung` after the limit.
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
 * Polls until `look` gives neither undefined nor false; a finding after the limit.
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

/** The code of the error that the action must throw; a finding if it throws none, or one without a code. */
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

/** The action's result, or the code of its error; an error without a code is a finding. */
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
