/** Runs one half of one check: the program of the service that driver.js starts. Arguments: file, name, half. */
import process from 'node:process';

const [file = '', name = '', half = 'run'] = process.argv.slice(2);
/** @type {import('./check.js').Check[]} */
const checks = (await import(file)).default;
const check = checks.find((one) => one.name === name);
if (check === undefined) throw new Error(`no check ${name} in ${file}`);
await (half === 'prepare' ? check.prepare?.() : check.run());
process.exit(0);
