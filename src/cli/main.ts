#!/usr/bin/env node
/** The command `outlive`. */
import { main } from './program.js';
import { letGoOfLostTerminals } from './terminal.js';

letGoOfLostTerminals();
process.exitCode = await main(process.argv.slice(2));
