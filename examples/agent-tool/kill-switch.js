/**
 * Ends all jobs of an agent, and lets it start no more; `--reset` lets it again.
 *
 *   AGENT=<name> AGENT_DIR=<directory> node kill-switch.js [--reset]
 */
import process from 'node:process';
import { CommandTool } from './tool.js';

const tool = new CommandTool({ dir: process.env.AGENT_DIR ?? 'agent-jobs', agent: process.env.AGENT ?? 'agent' });
if (process.argv.includes('--reset')) tool.switchOn();
else console.log(`ended: ${(await tool.switchOff()).join(', ') || 'nothing ran'}`);
