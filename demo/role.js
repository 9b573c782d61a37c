/** The supervisor's side of Actor: it gets a role as its argument, sends messages, and ends with the narrator. */
import process from 'node:process';

/**
 * Runs a supervisor: `play` gets the narrator's role and a function that sends a message to it.
 * @param {(role: any, tell: (told: string, facts?: object) => void) => Promise<void>} play
 */
export async function perform(play) {
  // The narrator has ended: so do we.
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
