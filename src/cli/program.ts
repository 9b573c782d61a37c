import { Command, CommanderError } from 'commander';
import { addPause, addResume, addUpdate } from './changing.js';
import { addClean } from './clean.js';
import { addDoctor } from './doctor.js';
import { addKill, addRm, addStop } from './ending.js';
import { addInspect, addStats } from './looking.js';
import { addPs } from './ps.js';
import { tellFailure } from './failure.js';

export function makeProgram(): Command {
  const program = new Command('outlive');
  program.option('--root <dir>', 'the state root').exitOverride();
  for (const add of [
    addPs,
    addKill,
    addStop,
    addRm,
    addInspect,
    addPause,
    addResume,
    addStats,
    addUpdate,
    addClean,
    addDoctor,
  ])
    add(program);
  return program;
}
export async function main(argv: string[]): Promise<void> {
  try {
    await makeProgram().parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 125;
    else process.exitCode = tellFailure(error);
  }
}
