/** The line with which run-checks.js tells driver.js that a check has passed. */
export const PASSED = '@passed';
