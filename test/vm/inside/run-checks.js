/**
 * Runs checks of one file, one after the other: the program of the service that driver.js starts. Ends at the first
 * failure. Arguments: the file, which half, the checks' names.
 */
import process from 'node:process';
import { PASSED } from './passed.js';

const [file = '', half = 'run', ...names] = process.argv.slice(2);
/** @type {import('./check.js').Check[]} */
const checks = (await import(file)).default;
for (const name of names) {
  const check = checks.find((one) => one.name === name);
  if (check === undefined) throw new Error(`no check ${name} in ${file}`);
  await (half === 'prepare' ? check.prepare?.() : check.run());
  console.log(PASSED);
}
process.exit(0);
