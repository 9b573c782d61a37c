/** The supervisor's side of Actor: its argument, telling the narrator, and ending with it. */
import process from 'node:process';

/**
 * Runs a supervisor: `play` gets the role that the narrator gave and a function that tells it something.
 * @param {(role: any, tell: (told: string, facts?: object) => void) => Promise<void>} play
 */
export async function perform(play) {
  // Without a narrator there is no play.
  const leave = () => process.exit(1);
  process.on('disconnect', leave);
  const tell = (/** @type {string} */ told, /** @type {object} */ facts = {}) => {
    process.send?.({ told, ...facts });
  };
  try {
    await play(JSON.parse(process.argv[2] ?? '{}'), tell);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    tell('failed', { error: error instanceof Error ? error.message : String(error), code });
    process.exitCode = 1;
  }
  process.off('disconnect', leave);
  process.disconnect();
}
